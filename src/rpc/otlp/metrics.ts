import {
  AggregationTemporality,
  type Exemplar,
  type ExponentialHistogramDataPoint,
  type ExponentialHistogramDataPoint_Buckets,
  type HistogramDataPoint,
  type Metric,
  type NumberDataPoint,
  type ResourceMetrics,
  type SummaryDataPoint,
} from "../../../gen/opentelemetry/proto/metrics/v1/metrics_pb.ts";
import type { OtlpMetric, OtlpPoint } from "../../ingest/otlp/metric-input.ts";
import type { OtlpOrigin } from "../../ingest/otlp/otlp-input.ts";
import type {
  MetricBuckets,
  MetricData,
  MetricExemplar,
  MetricNumber,
  MetricTemporality,
  MetricValue,
} from "../../model/metric-point.ts";
import { attributesFromProto } from "./any-value.ts";
import { idText, originsOf } from "./origin.ts";

/** The data points of a request, in its order. A metric without points gives none. */
export function metricPointsFromProto(resourceMetrics: readonly ResourceMetrics[]): readonly OtlpPoint[] {
  const points: OtlpPoint[] = [];
  const resources = resourceMetrics.map(({ resource, schemaUrl, scopeMetrics }) => ({
    resource,
    schemaUrl,
    scopes: scopeMetrics,
  }));
  for (const [origin, scoped] of originsOf(resources)) {
    for (const metric of scoped.metrics) for (const point of pointsOf(metric, origin)) points.push(point);
  }
  return points;
}

function pointsOf(metric: Metric, origin: OtlpOrigin): readonly OtlpPoint[] {
  const { data, name, description, unit } = metric;
  const of = { origin, name, description, unit, metadata: attributesFromProto(metric.metadata) };
  switch (data.case) {
    case "gauge":
      return pointsFrom(
        { ...of, type: "gauge", temporality: null, isMonotonic: null },
        data.value.dataPoints,
        numberOf,
      );
    case "sum": {
      const { dataPoints, isMonotonic, aggregationTemporality } = data.value;
      const sum: OtlpMetric = { ...of, type: "sum", temporality: temporalityOf(aggregationTemporality), isMonotonic };
      return pointsFrom(sum, dataPoints, numberOf);
    }
    case "histogram": {
      const temporality = temporalityOf(data.value.aggregationTemporality);
      return pointsFrom(
        { ...of, type: "histogram", temporality, isMonotonic: null },
        data.value.dataPoints,
        histogramOf,
      );
    }
    case "exponentialHistogram": {
      const temporality = temporalityOf(data.value.aggregationTemporality);
      const metric: OtlpMetric = { ...of, type: "exponential_histogram", temporality, isMonotonic: null };
      return pointsFrom(metric, data.value.dataPoints, exponentialOf);
    }
    case "summary":
      return pointsFrom(
        { ...of, type: "summary", temporality: null, isMonotonic: null },
        data.value.dataPoints,
        summaryOf,
      );
    case undefined:
      return [];
  }
}

type DataPoint = NumberDataPoint | HistogramDataPoint | ExponentialHistogramDataPoint | SummaryDataPoint;

function pointsFrom<Point extends DataPoint>(
  metric: OtlpMetric,
  points: readonly Point[],
  valueOf: (point: Point) => MetricValue | null,
): readonly OtlpPoint[] {
  return points.map((point) => {
    const data: MetricData = {
      startNanos: point.startTimeUnixNano,
      flags: point.flags,
      value: valueOf(point),
      exemplars: "exemplars" in point ? point.exemplars.map(exemplarOf) : [],
    };
    return { metric, timeNanos: point.timeUnixNano, attributes: attributesFromProto(point.attributes), data };
  });
}

function temporalityOf(temporality: AggregationTemporality): MetricTemporality | null {
  switch (temporality) {
    case AggregationTemporality.DELTA:
      return "delta";
    case AggregationTemporality.CUMULATIVE:
      return "cumulative";
    // Also a number that no version of the contract has.
    default:
      return null;
  }
}

function numberOf({ value }: Pick<NumberDataPoint | Exemplar, "value">): MetricNumber | null {
  if (value.case === "asInt") return { kind: "int", value: value.value };
  return value.case === "asDouble" ? { kind: "double", value: value.value } : null;
}

function histogramOf(point: HistogramDataPoint): MetricValue {
  return {
    kind: "histogram",
    ...distributionOf(point),
    bounds: point.explicitBounds,
    counts: point.bucketCounts,
  };
}

function exponentialOf(point: ExponentialHistogramDataPoint): MetricValue {
  return {
    kind: "exponential_histogram",
    ...distributionOf(point),
    scale: point.scale,
    zeroCount: point.zeroCount,
    zeroThreshold: point.zeroThreshold,
    positive: bucketsOf(point.positive),
    negative: bucketsOf(point.negative),
  };
}

function distributionOf({ count, sum, min, max }: HistogramDataPoint | ExponentialHistogramDataPoint) {
  return { count, sum: sum ?? null, min: min ?? null, max: max ?? null };
}

function bucketsOf(buckets: ExponentialHistogramDataPoint_Buckets | undefined): MetricBuckets | null {
  return buckets === undefined ? null : { offset: buckets.offset, counts: buckets.bucketCounts };
}

function summaryOf({ count, sum, quantileValues }: SummaryDataPoint): MetricValue {
  return {
    kind: "summary",
    count,
    sum,
    quantiles: quantileValues.map(({ quantile, value }) => ({ quantile, value })),
  };
}

function exemplarOf(exemplar: Exemplar): MetricExemplar {
  return {
    timeNanos: exemplar.timeUnixNano,
    value: numberOf(exemplar),
    traceId: idText(exemplar.traceId) || null,
    spanId: idText(exemplar.spanId) || null,
    attributes: attributesFromProto(exemplar.filteredAttributes),
  };
}
