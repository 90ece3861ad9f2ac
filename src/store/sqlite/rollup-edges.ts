import type { MetricBucket } from "../metrics.ts";
import type { TimeRange } from "../store.ts";

/** A range of time, cut where roll-ups can serve it. */
export interface CutRange {
  /** Its full minutes, which roll-ups count; null if it has none. */
  readonly whole: MetricBucket | null;
  /** What is left at its edges, at most a minute on each side, both bounds included: to be counted one by one. */
  readonly edges: readonly (readonly [fromMicros: number, toMicros: number])[];
}

const minuteMicros = 60_000_000;

/** Cuts a range whose bounds are both included. */
export function cutRange({ fromMicros, toMicros }: TimeRange): CutRange {
  const startMicros = fromMicros === null ? null : Math.ceil(fromMicros / minuteMicros) * minuteMicros;
  const endMicros = toMicros === null ? null : Math.floor((toMicros + 1) / minuteMicros) * minuteMicros;
  if (startMicros !== null && endMicros !== null && startMicros >= endMicros) {
    const edge = [fromMicros ?? startMicros, toMicros ?? endMicros] as const;
    return { whole: null, edges: edge[0] <= edge[1] ? [edge] : [] };
  }
  const before = fromMicros !== null && startMicros !== null ? [[fromMicros, startMicros - 1] as const] : [];
  const after = toMicros !== null && endMicros !== null ? [[endMicros, toMicros] as const] : [];
  return { whole: { startMicros, endMicros }, edges: [...before, ...after].filter(([from, to]) => from <= to) };
}
