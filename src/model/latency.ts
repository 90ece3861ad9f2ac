import type { OperationKind } from "./event.ts";

/** Durations in milliseconds. Percentiles are by nearest rank. */
export interface LatencyRecord {
  readonly kind: OperationKind;
  readonly count: number;
  readonly errorCount: number;
  readonly meanMs: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}
