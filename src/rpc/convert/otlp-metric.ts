import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type OtlpBucketsSchema,
  type OtlpExemplarSchema,
  type OtlpMetric,
  type OtlpMetricPoint,
  OtlpMetricPointSchema,
  OtlpMetricSchema,
  type OtlpMetricSeries,
  OtlpMetricSeriesSchema,
} from "../../../gen/cylestio/v1/otlp_metric_pb.ts";
import { metricDataFromJson } from "../../model/metric-data-json.ts";
import type { MetricBuckets, MetricExemplar, MetricValue } from "../../model/metric-point.ts";
import type { OtlpMetricQueries } from "../../query/otlp-metric-queries.ts";
import { present } from "./event.ts";
import { timestampFromNanos } from "./time.ts";

type MetricRecord = Awaited<ReturnType<OtlpMetricQueries["listMetrics"]>>["metrics"][number];
type SeriesPoints = Awaited<ReturnType<OtlpMetricQueries["queryPoints"]>>["series"][number];

/** Metric → message. */
export function otlpMetricToProto({ agentIds, seriesCount, firstNanos, lastNanos, ...rest }: MetricRecord): OtlpMetric {
  return create(OtlpMetricSchema, {
    ...rest,
    agentIds: [...agentIds],
    seriesCount: BigInt(seriesCount),
    firstTime: timestampFromNanos(firstNanos),
    lastTime: timestampFromNanos(lastNanos),
  });
}

/** Series with points → message. */
export function otlpSeriesToProto({ series, points }: SeriesPoints): OtlpMetricSeries {
  const { hash, temporality, isMonotonic, scopeName, scopeVersion, metadataJson, ...rest } = series;
  return create(OtlpMetricSeriesSchema, {
    ...rest,
    seriesId: hash,
    ...present({ temporality, isMonotonic, scopeName, scopeVersion, metadataJson }),
    points: points.map(pointToProto),
  });
}

function pointToProto({ timeNanos, dataJson }: SeriesPoints["points"][number]): OtlpMetricPoint {
  const { startNanos, flags, value, exemplars } = metricDataFromJson(dataJson);
  return create(OtlpMetricPointSchema, {
    time: timestampFromNanos(timeNanos),
    ...present({ startTime: startNanos === 0n ? null : timestampFromNanos(startNanos) }),
    flags,
    value: valueToProto(value),
    exemplars: exemplars.map(exemplarToProto),
  });
}

type ValueInit = NonNullable<MessageInitShape<typeof OtlpMetricPointSchema>["value"]>;

function valueToProto(value: MetricValue | null): ValueInit {
  switch (value?.kind) {
    case undefined:
      return { case: undefined };
    case "int":
      return { case: "intValue", value: value.value };
    case "double":
      return { case: "doubleValue", value: value.value };
    case "histogram": {
      const { count, sum, min, max, bounds, counts } = value;
      const explicit = { explicitBounds: [...bounds], bucketCounts: [...counts] };
      return { case: "histogram", value: { count, ...present({ sum, min, max }), ...explicit } };
    }
    case "exponential_histogram": {
      const { count, sum, min, max, scale, zeroCount, zeroThreshold, positive, negative } = value;
      const buckets = { positive: bucketsToProto(positive), negative: bucketsToProto(negative) };
      return {
        case: "exponentialHistogram",
        value: { count, scale, zeroCount, zeroThreshold, ...present({ sum, min, max, ...buckets }) },
      };
    }
    case "summary": {
      const { count, sum, quantiles } = value;
      return { case: "summary", value: { count, sum, quantiles: [...quantiles] } };
    }
  }
}

function bucketsToProto(buckets: MetricBuckets | null): MessageInitShape<typeof OtlpBucketsSchema> | null {
  return buckets === null ? null : { offset: buckets.offset, bucketCounts: [...buckets.counts] };
}

function exemplarToProto(exemplar: MetricExemplar): MessageInitShape<typeof OtlpExemplarSchema> {
  const { timeNanos, value, traceId, spanId, attributes } = exemplar;
  return {
    time: timestampFromNanos(timeNanos),
    ...present({ traceId, spanId }),
    attributesJson: JSON.stringify(attributes),
    ...(value !== null && { value: numberToProto(value) }),
  };
}

function numberToProto(number: NonNullable<MetricExemplar["value"]>) {
  return number.kind === "int"
    ? ({ case: "intValue", value: number.value } as const)
    : ({ case: "doubleValue", value: number.value } as const);
}
