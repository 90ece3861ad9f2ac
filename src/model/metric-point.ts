import { hash } from "node:crypto";
import { canonicalJson } from "./canonical-json.ts";
import type { JsonObject } from "./exact-json.ts";

/** What the points of a metric can be, by the names of OpenTelemetry. */
export const metricTypes = ["gauge", "sum", "histogram", "exponential_histogram", "summary"] as const;

export type MetricType = (typeof metricTypes)[number];

/** What sums and distributions are since: the point before, or the start. */
export type MetricTemporality = "delta" | "cumulative";

/** What a series is told apart by: two points with the same are of one series. */
export interface MetricIdentity {
  readonly agentId: string;
  readonly name: string;
  /** As UCUM has it; empty: none. */
  readonly unit: string;
  readonly type: MetricType;
  /** Null: not told, or the type has none; likewise whether sums only grow. */
  readonly temporality: MetricTemporality | null;
  readonly isMonotonic: boolean | null;
}

/** Points of one metric that were measured at the same place and of the same thing. */
export interface MetricSeries extends MetricIdentity {
  /** See `metricSeriesHash`. */
  readonly hash: string;
  /** What is measured; not a part of the identity. Empty: not told. */
  readonly description: string;
  /** Attributes of the metric itself as JSON; null where there are none. Not a part of the identity. */
  readonly metadataJson: string | null;
  readonly scopeName: string | null;
  readonly scopeVersion: string | null;
  /** JSON objects with `attributes` and what else there is. */
  readonly scopeJson: string;
  readonly resourceJson: string;
  /** A JSON object. */
  readonly attributesJson: string;
}

/** One measurement. */
export interface MetricPoint {
  readonly series: MetricSeries;
  /** Nanoseconds since 1970. */
  readonly timeNanos: bigint;
  /** The text of its `MetricData`; see `metricDataToJson`. */
  readonly dataJson: string;
  /** 32 hexadecimal digits of that text: the same point has the same. */
  readonly hash: string;
}

/** What a point says beside its time. */
export interface MetricData {
  /** Since when, in nanoseconds since 1970; 0: not known. */
  readonly startNanos: bigint;
  /** Bits: 1 means that nothing was recorded. */
  readonly flags: number;
  /** Null: nothing was recorded. */
  readonly value: MetricValue | null;
  readonly exemplars: readonly MetricExemplar[];
}

/** A whole number of 64 bits, or a double, which may be NaN or infinite. */
export type MetricNumber =
  | { readonly kind: "int"; readonly value: bigint }
  | { readonly kind: "double"; readonly value: number };

export type MetricValue = MetricNumber | MetricHistogram | MetricExponentialHistogram | MetricSummary;

/** What both kinds of histograms have; null: not told. */
interface MetricDistribution {
  readonly count: bigint;
  readonly sum: number | null;
  readonly min: number | null;
  readonly max: number | null;
}

export interface MetricHistogram extends MetricDistribution {
  readonly kind: "histogram";
  /** Upper bounds of all buckets but the last one. */
  readonly bounds: readonly number[];
  /** One more than there are bounds; or none. */
  readonly counts: readonly bigint[];
}

/** The bounds of its buckets are powers of 2^(2^-scale). */
export interface MetricExponentialHistogram extends MetricDistribution {
  readonly kind: "exponential_histogram";
  readonly scale: number;
  readonly zeroCount: bigint;
  readonly zeroThreshold: number;
  readonly positive: MetricBuckets | null;
  readonly negative: MetricBuckets | null;
}

export interface MetricBuckets {
  /** Index of the first bucket. */
  readonly offset: number;
  readonly counts: readonly bigint[];
}

export interface MetricSummary {
  readonly kind: "summary";
  readonly count: bigint;
  readonly sum: number;
  readonly quantiles: readonly MetricQuantile[];
}

export interface MetricQuantile {
  readonly quantile: number;
  readonly value: number;
}

/** An example of what was measured. */
export interface MetricExemplar {
  readonly timeNanos: bigint;
  readonly value: MetricNumber | null;
  /** Hexadecimal digits; null: none. */
  readonly traceId: string | null;
  readonly spanId: string | null;
  /** Those that the point does not have. */
  readonly attributes: JsonObject;
}

/**
 * The identity of a series: 32 hexadecimal digits of SHA-256. What is stored is found by it, so it must never change. The order of
 * attributes does not count.
 */
export function metricSeriesHash(
  { agentId, name, unit, type, temporality, isMonotonic }: MetricIdentity,
  source: { readonly resourceText: string; readonly scopeText: string; readonly attributes: JsonObject },
): string {
  const { resourceText, scopeText, attributes } = source;
  const identity = canonicalJson([agentId, name, unit, type, temporality, isMonotonic, resourceText, scopeText]);
  return hash("sha256", identity + canonicalJson(attributes), "hex").slice(0, 32);
}

/** What tells points of one series and time apart. */
export function metricPointHash(dataJson: string): string {
  return hash("sha256", dataJson, "hex").slice(0, 32);
}
