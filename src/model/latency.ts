import type { OperationKind } from "./event.ts";

/** Durations in milliseconds. Percentiles are by nearest rank, within 1 % of the true value. */
export interface LatencyRecord {
  readonly kind: OperationKind;
  /** Operations whose duration is known. */
  readonly count: number;
  /** Those of them that failed or were blocked. */
  readonly errorCount: number;
  readonly meanMs: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}
