import { type JsonObject, parseExactJson } from "./exact-json.ts";
import type { MetricBuckets, MetricData, MetricExemplar, MetricNumber, MetricValue } from "./metric-point.ts";

/*
 * The form in which a point is kept: JSON with whole numbers of 64 bits as texts, and what a double can be and JSON cannot (NaN,
 * infinities, the negative zero) as text too. What is null, 0 or empty is not there. Points are told apart by it: it must never change.
 */

type Digits = string;
type DoubleJson = number | string;

interface DistributionJson {
  readonly count: Digits;
  readonly sum?: DoubleJson;
  readonly min?: DoubleJson;
  readonly max?: DoubleJson;
}

interface BucketsJson {
  readonly offset: number;
  readonly counts: readonly Digits[];
}

/** Members of a value, of which one is there. */
interface ValueJson {
  readonly int?: Digits;
  readonly double?: DoubleJson;
  readonly histogram?: DistributionJson & {
    readonly bounds: readonly DoubleJson[];
    readonly counts: readonly Digits[];
  };
  readonly exponential_histogram?: DistributionJson & {
    readonly scale: number;
    readonly zero_count: Digits;
    readonly zero_threshold: DoubleJson;
    readonly positive?: BucketsJson;
    readonly negative?: BucketsJson;
  };
  readonly summary?: {
    readonly count: Digits;
    readonly sum: DoubleJson;
    readonly quantiles: readonly (readonly [quantile: DoubleJson, value: DoubleJson])[];
  };
}

interface ExemplarJson extends ValueJson {
  readonly time: Digits;
  readonly trace_id?: string;
  readonly span_id?: string;
  readonly attributes?: JsonObject;
}

interface DataJson extends ValueJson {
  readonly start?: Digits;
  readonly flags?: number;
  readonly exemplars?: readonly ExemplarJson[];
}

/** Point → text. */
export function metricDataToJson({ startNanos, flags, value, exemplars }: MetricData): string {
  return JSON.stringify({
    ...(startNanos !== 0n && { start: String(startNanos) }),
    ...(flags !== 0 && { flags }),
    ...valueToJson(value),
    ...(exemplars.length > 0 && { exemplars: exemplars.map(exemplarToJson) }),
  } satisfies DataJson);
}

/** Text → point. The text is what `metricDataToJson` gave. */
export function metricDataFromJson(text: string): MetricData {
  const { start, flags = 0, exemplars = [], ...value } = parseExactJson(text) as DataJson;
  return {
    startNanos: BigInt(start ?? 0),
    flags,
    value: valueFromJson(value),
    exemplars: exemplars.map(exemplarFromJson),
  };
}

function valueToJson(value: MetricValue | null): ValueJson {
  switch (value?.kind) {
    case undefined:
      return {};
    case "int":
      return { int: String(value.value) };
    case "double":
      return { double: doubleToJson(value.value) };
    case "histogram":
      return {
        histogram: {
          ...distributionToJson(value),
          bounds: value.bounds.map(doubleToJson),
          counts: value.counts.map(String),
        },
      };
    case "exponential_histogram":
      return {
        exponential_histogram: {
          ...distributionToJson(value),
          scale: value.scale,
          zero_count: String(value.zeroCount),
          zero_threshold: doubleToJson(value.zeroThreshold),
          ...(value.positive !== null && { positive: bucketsToJson(value.positive) }),
          ...(value.negative !== null && { negative: bucketsToJson(value.negative) }),
        },
      };
    case "summary":
      return {
        summary: {
          count: String(value.count),
          sum: doubleToJson(value.sum),
          quantiles: value.quantiles.map(({ quantile, value }) => [doubleToJson(quantile), doubleToJson(value)]),
        },
      };
  }
}

function valueFromJson(json: ValueJson): MetricValue | null {
  const { histogram, exponential_histogram: exponential, summary } = json;
  if (histogram !== undefined) {
    return {
      kind: "histogram",
      ...distributionFromJson(histogram),
      bounds: histogram.bounds.map(Number),
      counts: histogram.counts.map(BigInt),
    };
  }
  if (exponential !== undefined) {
    const { scale, zero_count, zero_threshold, positive, negative } = exponential;
    return {
      kind: "exponential_histogram",
      ...distributionFromJson(exponential),
      scale,
      zeroCount: BigInt(zero_count),
      zeroThreshold: Number(zero_threshold),
      positive: positive === undefined ? null : bucketsFromJson(positive),
      negative: negative === undefined ? null : bucketsFromJson(negative),
    };
  }
  if (summary !== undefined) {
    return {
      kind: "summary",
      count: BigInt(summary.count),
      sum: Number(summary.sum),
      quantiles: summary.quantiles.map(([quantile, value]) => ({ quantile: Number(quantile), value: Number(value) })),
    };
  }
  return numberFromJson(json);
}

function numberFromJson({ int, double }: ValueJson): MetricNumber | null {
  if (int !== undefined) return { kind: "int", value: BigInt(int) };
  return double === undefined ? null : { kind: "double", value: Number(double) };
}

function distributionToJson(value: Omit<Distribution, "kind">): DistributionJson {
  return {
    count: String(value.count),
    ...(value.sum !== null && { sum: doubleToJson(value.sum) }),
    ...(value.min !== null && { min: doubleToJson(value.min) }),
    ...(value.max !== null && { max: doubleToJson(value.max) }),
  };
}

type Distribution = Pick<Extract<MetricValue, { readonly kind: "histogram" }>, "count" | "sum" | "min" | "max">;

function distributionFromJson({ count, sum, min, max }: DistributionJson): Distribution {
  return {
    count: BigInt(count),
    sum: sum === undefined ? null : Number(sum),
    min: min === undefined ? null : Number(min),
    max: max === undefined ? null : Number(max),
  };
}

function bucketsToJson({ offset, counts }: MetricBuckets): BucketsJson {
  return { offset, counts: counts.map(String) };
}

function bucketsFromJson({ offset, counts }: BucketsJson): MetricBuckets {
  return { offset, counts: counts.map(BigInt) };
}

function exemplarToJson({ timeNanos, value, traceId, spanId, attributes }: MetricExemplar): ExemplarJson {
  return {
    time: String(timeNanos),
    ...valueToJson(value),
    ...(traceId !== null && { trace_id: traceId }),
    ...(spanId !== null && { span_id: spanId }),
    ...(Object.keys(attributes).length > 0 && { attributes }),
  };
}

function exemplarFromJson({ time, trace_id, span_id, attributes, ...value }: ExemplarJson): MetricExemplar {
  return {
    timeNanos: BigInt(time),
    value: numberFromJson(value),
    traceId: trace_id ?? null,
    spanId: span_id ?? null,
    attributes: attributes ?? {},
  };
}

function doubleToJson(value: number): DoubleJson {
  if (Object.is(value, -0)) return "-0";
  return Number.isFinite(value) ? value : String(value);
}
