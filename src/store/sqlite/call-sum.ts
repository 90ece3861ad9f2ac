import type { LatencySums } from "../metrics.ts";
import { type CallContribution, type CallCounter, callCounters } from "./call-contribution.ts";
import { addSketchBytes, addToSketch, type SketchBuckets, sketchBucketOf, valuesOfRanks } from "./quantile-sketch.ts";

/** Columns of `call_rollups` that tell how durations are distributed. */
export const distributionColumns = ["duration_min_ms", "duration_max_ms", "sketch"] as const;

/** A row of `call_rollups`, or the sum of several, with the counters that are asked for. */
export type CallRollupRow = Readonly<Partial<Record<CallCounter, number>>> & {
  readonly duration_min_ms: number | null;
  readonly duration_max_ms: number | null;
  /** Left out where no durations are asked for. */
  readonly sketch?: Buffer | null;
};

/** What calls come to. */
export interface CallSum {
  readonly counters: Record<CallCounter, number>;
  minMs: number;
  maxMs: number;
  readonly sketch: SketchBuckets;
}

/** The sum of no calls. */
export function createCallSum(): CallSum {
  // One entry for each counter.
  const counters = Object.fromEntries(callCounters.map((counter) => [counter, 0])) as Record<CallCounter, number>;
  return { counters, minMs: Number.POSITIVE_INFINITY, maxMs: Number.NEGATIVE_INFINITY, sketch: new Map() };
}

/** Adds what a row counts. */
export function addRollup(sum: CallSum, row: CallRollupRow): void {
  for (const counter of callCounters) sum.counters[counter] += row[counter] ?? 0;
  if (row.sketch === undefined || row.duration_count === 0) return;
  sum.minMs = Math.min(sum.minMs, row.duration_min_ms ?? sum.minMs);
  sum.maxMs = Math.max(sum.maxMs, row.duration_max_ms ?? sum.maxMs);
  addSketchBytes(sum.sketch, row.sketch);
}

/** Adds one call. */
export function addContribution(sum: CallSum, { counters, durationMs }: CallContribution): void {
  for (const [index, counter] of callCounters.entries()) sum.counters[counter] += counters[index] ?? 0;
  if (durationMs === null) return;
  sum.minMs = Math.min(sum.minMs, durationMs);
  sum.maxMs = Math.max(sum.maxMs, durationMs);
  addToSketch(sum.sketch, sketchBucketOf(durationMs), 1);
}

/** How long the calls took; null where no duration is known. */
export function latencyOf({ counters, minMs, maxMs, sketch }: CallSum): LatencySums | null {
  const { duration_count: count, duration_sum_micros: sumMicros } = counters;
  if (count === 0) return null;
  const ranks = [50, 90, 95, 99].map((percent) => Math.ceil((count * percent) / 100));
  const told = valuesOfRanks(sketch, ranks);
  const percentile = (place: number): number => {
    // The sketch knows the least and the greatest only within its error.
    if (ranks[place] === 1) return minMs;
    if (ranks[place] === count) return maxMs;
    return Math.min(Math.max(told[place] ?? minMs, minMs), maxMs);
  };
  return {
    count,
    meanMs: sumMicros / 1000 / count,
    minMs,
    maxMs,
    p50Ms: percentile(0),
    p90Ms: percentile(1),
    p95Ms: percentile(2),
    p99Ms: percentile(3),
  };
}
