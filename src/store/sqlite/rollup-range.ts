import type { MetricBucket } from "../metrics.ts";
import { minuteOf, type RollupStep, recentStep, rollupSteps } from "./rollup-steps.ts";

/** Rows of one step from one minute on and before another, both multiples of the step. */
export interface RollupPiece {
  readonly step: RollupStep;
  readonly fromMinute: number;
  readonly toMinute: number;
}

/** Further than any time in microseconds that is a safe integer, and a multiple of every step. */
const endlessMinutes = 10_080 * 150_000;

/**
 * The rows to read for buckets that lie next to each other: each of the longest step that lies in the bucket, so shorter ones only at
 * its edges, and minutes only where it does not begin or end with a quarter of an hour. No row lies in two buckets.
 */
export function piecesOf(buckets: readonly MetricBucket[]): readonly RollupPiece[] {
  const pieces: RollupPiece[] = [];
  for (const bucket of buckets) {
    for (const piece of cut(minutesOf(bucket), rollupSteps.length - 1)) {
      const last = pieces.at(-1);
      if (last?.step === piece.step && last.toMinute === piece.fromMinute) {
        pieces[pieces.length - 1] = { ...last, toMinute: piece.toMinute };
      } else pieces.push(piece);
    }
  }
  return pieces;
}

/** The same pieces in portions of at most so many rows per key. */
export function* portionsOf(pieces: readonly RollupPiece[], stretchesMax: number): Generator<readonly RollupPiece[]> {
  let portion: RollupPiece[] = [];
  let stretches = 0;
  for (const { step, fromMinute, toMinute } of pieces) {
    // Nothing is asked for in shorter pieces where the range has no end.
    const isEndless = toMinute - fromMinute > endlessMinutes / 2;
    const length = isEndless ? toMinute - fromMinute : step * stretchesMax;
    for (let from = fromMinute; from < toMinute; from += length) {
      const to = Math.min(from + length, toMinute);
      portion.push({ step, fromMinute: from, toMinute: to });
      stretches += isEndless ? stretchesMax : (to - from) / step;
      if (stretches < stretchesMax) continue;
      yield portion;
      portion = [];
      stretches = 0;
    }
  }
  if (portion.length > 0) yield portion;
}

/** Pieces that lie next to each other, with the recent rows of the same time → the parameter that `inPieceSql` reads. */
export function piecesToText(pieces: readonly RollupPiece[]): string {
  const recent = pieces.length === 0 ? [] : [[recentStep, pieces[0]?.fromMinute, pieces.at(-1)?.toMinute]];
  return JSON.stringify([...pieces.map(({ step, fromMinute, toMinute }) => [step, fromMinute, toMinute]), ...recent]);
}

/** The condition that a row `r` of an agent lies in a piece `p` of `json_each` of the text; the primary key serves it. */
export function inPieceSql(agentKeySql: string): string {
  return `r.step_minutes = p.value ->> 0 and r.agent_key = ${agentKeySql}
    and r.start_minute >= p.value ->> 1 and r.start_minute < p.value ->> 2`;
}

/** Gives the place of the bucket in which a minute lies. The minute lies in one. */
export function createBucketFinder(buckets: readonly MetricBucket[]): (minute: number) => number {
  const starts = buckets.map((bucket) => minutesOf(bucket).from);
  return (minute) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] ?? 0) <= minute) low = middle;
      else high = middle - 1;
    }
    return low;
  };
}

interface Minutes {
  readonly from: number;
  readonly to: number;
}

function minutesOf({ startMicros, endMicros }: MetricBucket): Minutes {
  return {
    from: startMicros === null ? -endlessMinutes : minuteOf(startMicros),
    to: endMicros === null ? endlessMinutes : minuteOf(endMicros),
  };
}

function cut({ from, to }: Minutes, stepIndex: number): readonly RollupPiece[] {
  if (from >= to) return [];
  const step = rollupSteps[stepIndex] ?? 1;
  if (step === 1) return [{ step, fromMinute: from, toMinute: to }];
  const first = Math.ceil(from / step) * step;
  const last = Math.floor(to / step) * step;
  if (first >= last) return cut({ from, to }, stepIndex - 1);
  return [
    ...cut({ from, to: first }, stepIndex - 1),
    { step, fromMinute: first, toMinute: last },
    ...cut({ from: last, to }, stepIndex - 1),
  ];
}
