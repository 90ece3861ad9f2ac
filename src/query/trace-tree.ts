import type { Span } from "../model/trace.ts";

/** What is odd about a span, in the order in which a node lists it. */
export type SpanProblem =
  /** It names a parent that is not among the spans; it is shown as a root. */
  | "missing_parent"
  /** Its parents lead back to it; it is shown as a root, and the others of the circle below it. */
  | "cycle"
  | "missing_start"
  /** It runs, or its finish never came. */
  | "missing_finish"
  | "finish_before_start";

export interface TraceNode {
  readonly span: Span;
  /** 0 for a root. */
  readonly depth: number;
  /** Place of its parent in `nodes`, always an earlier one; null for a root. */
  readonly parent: number | null;
  /** Spans right below it. */
  readonly childCount: number;
  /** Milliseconds in which none of the spans right below it ran; null where it is not known when it ran. */
  readonly selfMs: number | null;
  /** Spans with the outcome `error` among it and all below it. */
  readonly totalErrors: number;
  /** Empty if all is well. */
  readonly problems: readonly SpanProblem[];
}

export interface TraceTree {
  /** Every span once, depth first; siblings by start, then finish, then span id, then id. */
  readonly nodes: readonly TraceNode[];
  /** The earliest and the latest time that any span tells; null where none does. */
  readonly startMicros: number | null;
  readonly endMicros: number | null;
  /** Time between the two in milliseconds. */
  readonly durationMs: number | null;
  readonly spanCount: number;
  /** Spans with the outcome `error`. */
  readonly errorCount: number;
  readonly rootCount: number;
}

/**
 * Puts the spans of one trace into a tree. The order in which they come does not matter. O(n log n), at any depth.
 *
 * - The start of a span whose start never came is its finish less its duration, or the finish where that is unknown, too. A running
 *   span sorts after finished ones with the same start.
 * - Of several spans with one span id, children lie below the one that comes first in the order of siblings.
 * - A circle is opened at the span that comes first in that order.
 * - A child may begin before its parent or end after it, as clocks differ and span ids leak; that is no problem of the span, and
 *   only what lies inside the parent's time is taken from its own. Children of which it is not known when they ran take nothing.
 */
export function buildTraceTree(spans: readonly Span[]): TraceTree {
  const placed = spans.map(placeSpan).sort(bySiblingOrder);
  const links = linkSpans(placed);
  const { order, depths, childCounts } = layOut(links.parents);
  const selfTimes = measureSelf(placed, links.parents);
  const errors = sumErrors(placed, links.parents, order);
  const indexes = new Int32Array(order.length);
  for (const [index, rank] of order.entries()) indexes[rank] = index;
  const nodes = placed.map(({ span }, rank): TraceNode => {
    const parent = at(links.parents, rank);
    return {
      span,
      depth: at(depths, rank),
      parent: parent === none ? null : at(indexes, parent),
      childCount: at(childCounts, rank),
      selfMs: selfTimes[rank] ?? null,
      totalErrors: at(errors, rank),
      problems: problemsOf(span, rank, links),
    };
  });
  const roots = nodes.filter((node) => node.parent === null);
  return {
    nodes: Array.from(order, (rank) => at(nodes, rank)),
    ...timesOf(placed),
    spanCount: nodes.length,
    errorCount: roots.reduce((sum, root) => sum + root.totalErrors, 0),
    rootCount: roots.length,
  };
}

/*
 * Below, a span's rank is its place in the order of siblings over the whole trace, and all arrays go by rank.
 */

/** No rank: the parent of a root. */
const none = -1;

interface PlacedSpan {
  readonly span: Span;
  /** Where it sorts. */
  readonly startMicros: number;
  readonly finishMicros: number;
  /** When it ran and for how long, where that is known. The two may differ: what a finish reports goes before the clock. */
  readonly interval: { readonly startMicros: number; readonly endMicros: number; readonly durationMs: number } | null;
}

interface Links {
  /** Ranks of the parents, without circles. */
  readonly parents: Int32Array;
  readonly orphans: ReadonlySet<number>;
  readonly cut: ReadonlySet<number>;
}

function placeSpan(span: Span): PlacedSpan {
  const interval = intervalOf(span);
  const startMicros = span.startMicros ?? interval?.startMicros ?? span.finishMicros ?? Infinity;
  return { span, startMicros, finishMicros: span.finishMicros ?? Infinity, interval };
}

function intervalOf({ startMicros, finishMicros, durationMs: reported }: Span): PlacedSpan["interval"] {
  if (finishMicros === null) return null;
  const durationMs = reported !== null && reported >= 0 ? reported : null;
  if (startMicros !== null) {
    if (finishMicros < startMicros) return null;
    return { startMicros, endMicros: finishMicros, durationMs: durationMs ?? (finishMicros - startMicros) / 1000 };
  }
  if (durationMs === null) return null;
  const derived = Math.round(finishMicros - durationMs * 1000);
  return Number.isSafeInteger(derived) ? { startMicros: derived, endMicros: finishMicros, durationMs } : null;
}

function bySiblingOrder(a: PlacedSpan, b: PlacedSpan): number {
  return (
    compare(a.startMicros, b.startMicros) ||
    compare(a.finishMicros, b.finishMicros) ||
    compareSpanIds(a.span.spanId, b.span.spanId) ||
    compare(a.span.id, b.span.id)
  );
}

/** None comes last. */
function compareSpanIds(a: string | null, b: string | null): number {
  return a === null || b === null ? Number(a === null) - Number(b === null) : compare(a, b);
}

/** Not by difference, because times may be infinite. */
function compare<Value extends number | string>(a: Value, b: Value): number {
  return Number(a > b) - Number(a < b);
}

function linkSpans(placed: readonly PlacedSpan[]): Links {
  const firstOf = new Map<string, number>();
  for (const [rank, { span }] of placed.entries()) {
    if (span.spanId !== null && !firstOf.has(span.spanId)) firstOf.set(span.spanId, rank);
  }
  const orphans = new Set<number>();
  const parents = Int32Array.from(placed, ({ span }, rank) => {
    if (span.parentSpanId === null) return none;
    const parent = firstOf.get(span.parentSpanId);
    if (parent === undefined) orphans.add(rank);
    return parent ?? none;
  });
  return { parents, orphans, cut: cutCircles(parents) };
}

/** Makes a root of the first span of each circle, and returns these. */
function cutCircles(parents: Int32Array): Set<number> {
  const cut = new Set<number>();
  // By which walk a span was first reached: a walk that meets itself has found a circle.
  const walks = new Int32Array(parents.length).fill(none);
  for (let start = 0; start < parents.length; start += 1) {
    let rank = start;
    while (rank !== none && walks[rank] === none) {
      walks[rank] = start;
      rank = at(parents, rank);
    }
    if (rank === none || walks[rank] !== start) continue;
    let first = rank;
    for (let next = at(parents, rank); next !== rank; next = at(parents, next)) first = Math.min(first, next);
    parents[first] = none;
    cut.add(first);
  }
  return cut;
}

/** Ranks in depth-first order, with the depth and the number of children of each rank. */
function layOut(parents: Int32Array): {
  readonly order: Int32Array;
  readonly depths: Int32Array;
  readonly childCounts: Int32Array;
} {
  const { length } = parents;
  const firstChildren = new Int32Array(length).fill(none);
  const nextSiblings = new Int32Array(length).fill(none);
  const childCounts = new Int32Array(length);
  let firstRoot = none;
  for (let rank = length - 1; rank >= 0; rank -= 1) {
    const parent = at(parents, rank);
    nextSiblings[rank] = parent === none ? firstRoot : at(firstChildren, parent);
    if (parent === none) firstRoot = rank;
    else {
      firstChildren[parent] = rank;
      childCounts[parent] = at(childCounts, parent) + 1;
    }
  }
  const order = new Int32Array(length);
  const depths = new Int32Array(length);
  let rank = firstRoot;
  for (let index = 0, depth = 0; index < length; index += 1) {
    order[index] = rank;
    depths[rank] = depth;
    let next = at(firstChildren, rank);
    if (next !== none) depth += 1;
    else {
      while (rank !== none && nextSiblings[rank] === none) {
        rank = at(parents, rank);
        depth -= 1;
      }
      next = rank === none ? none : at(nextSiblings, rank);
    }
    rank = next;
  }
  return { order, depths, childCounts };
}

/** Self times in milliseconds. Children come in the order of their starts, so one pass adds up the union of their times. */
function measureSelf(placed: readonly PlacedSpan[], parents: Int32Array): readonly (number | null)[] {
  const coveredMicros = new Float64Array(placed.length);
  const coveredUntil = new Float64Array(placed.length).fill(-Infinity);
  for (const [rank, { interval }] of placed.entries()) {
    const parent = at(parents, rank);
    const outer = parent === none ? null : at(placed, parent).interval;
    if (interval === null || outer === null) continue;
    const from = Math.max(interval.startMicros, outer.startMicros, at(coveredUntil, parent));
    const until = Math.min(interval.endMicros, outer.endMicros);
    if (until <= from) continue;
    coveredMicros[parent] = at(coveredMicros, parent) + until - from;
    coveredUntil[parent] = until;
  }
  return placed.map(({ interval }, rank) =>
    interval === null ? null : withoutCovered(interval.durationMs, at(coveredMicros, rank)),
  );
}

/** Rounded to nanoseconds, as neither thousandths of a millisecond nor their differences are exact. */
function withoutCovered(durationMs: number, coveredMicros: number): number {
  if (coveredMicros === 0) return durationMs;
  const selfMs = Math.round(durationMs * 1e6 - coveredMicros * 1e3) / 1e6;
  return Math.min(Math.max(selfMs, 0), durationMs);
}

function sumErrors(placed: readonly PlacedSpan[], parents: Int32Array, order: Int32Array): Int32Array {
  const errors = Int32Array.from(placed, ({ span }) => Number(span.outcome === "error"));
  for (let index = order.length - 1; index >= 0; index -= 1) {
    const rank = at(order, index);
    const parent = at(parents, rank);
    if (parent !== none) errors[parent] = at(errors, parent) + at(errors, rank);
  }
  return errors;
}

function problemsOf({ startMicros, finishMicros }: Span, rank: number, { orphans, cut }: Links): SpanProblem[] {
  const problems: SpanProblem[] = [];
  if (orphans.has(rank)) problems.push("missing_parent");
  if (cut.has(rank)) problems.push("cycle");
  if (startMicros === null) problems.push("missing_start");
  if (finishMicros === null) problems.push("missing_finish");
  if (startMicros !== null && finishMicros !== null && finishMicros < startMicros) problems.push("finish_before_start");
  return problems;
}

function timesOf(placed: readonly PlacedSpan[]): Pick<TraceTree, "startMicros" | "endMicros" | "durationMs"> {
  let earliest = Infinity;
  let latest = -Infinity;
  for (const { span, startMicros } of placed) {
    earliest = Math.min(earliest, startMicros, span.finishMicros ?? Infinity);
    latest = Math.max(latest, span.startMicros ?? -Infinity, span.finishMicros ?? -Infinity);
  }
  if (earliest > latest) return { startMicros: null, endMicros: null, durationMs: null };
  return { startMicros: earliest, endMicros: latest, durationMs: (latest - earliest) / 1000 };
}

/** An element that the caller knows to be there. */
function at<Value>(values: { readonly [index: number]: Value }, index: number): Value {
  const value = values[index];
  if (value === undefined) throw new RangeError(`no element at ${index}`);
  return value;
}
