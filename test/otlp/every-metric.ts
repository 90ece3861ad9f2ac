import { AggregationTemporality } from "../../gen/opentelemetry/proto/metrics/v1/metrics_pb.ts";
import { buildMetrics, keyValues, otlpFromNanos } from "./otlp-builder.ts";

const { DELTA, CUMULATIVE } = AggregationTemporality;
const attributes = keyValues({ "gen_ai.token.type": "input", big: 2n ** 60n, part: 0.5, yes: true });
const point = { attributes, timeUnixNano: otlpFromNanos + 7n, startTimeUnixNano: otlpFromNanos };
const traceId = Buffer.from("0af7651916cd43dd8448eb211c80319c", "hex");
const spanId = Buffer.from("00f067aa0ba902b7", "hex");

/** One metric of every type. */
export const everyType = buildMetrics([
  {
    name: "memory",
    description: "What is in use",
    unit: "By",
    metadata: keyValues({ origin: "test" }),
    data: {
      case: "gauge",
      value: { dataPoints: [{ ...point, value: { case: "asInt", value: -(2n ** 63n) } }] },
    },
  },
  {
    name: "claude_code.token.usage",
    unit: "tokens",
    data: {
      case: "sum",
      value: {
        aggregationTemporality: DELTA,
        isMonotonic: true,
        dataPoints: [
          {
            ...point,
            value: { case: "asDouble", value: 0.1 },
            exemplars: [
              {
                timeUnixNano: otlpFromNanos + 3n,
                value: { case: "asInt", value: 2n ** 62n + 1n },
                traceId,
                spanId,
                filteredAttributes: keyValues({ user: "u" }),
              },
            ],
          },
        ],
      },
    },
  },
  {
    name: "gen_ai.client.operation.duration",
    unit: "s",
    data: {
      case: "histogram",
      value: {
        aggregationTemporality: CUMULATIVE,
        dataPoints: [
          { ...point, count: 6n, sum: 9.5, min: 0.5, max: 3, explicitBounds: [1, 2], bucketCounts: [1n, 2n, 3n] },
        ],
      },
    },
  },
  {
    name: "latency",
    data: {
      case: "exponentialHistogram",
      value: {
        aggregationTemporality: CUMULATIVE,
        dataPoints: [
          {
            ...point,
            count: 2n ** 64n - 1n,
            sum: Number.NaN,
            scale: -3,
            zeroCount: 2n,
            zeroThreshold: 1e-9,
            positive: { offset: -5, bucketCounts: [2n ** 63n, 0n, 1n] },
            exemplars: [{ value: { case: "asDouble", value: Number.NEGATIVE_INFINITY } }],
          },
        ],
      },
    },
  },
  {
    name: "summed/up",
    data: {
      case: "summary",
      value: {
        dataPoints: [{ ...point, count: 2n, sum: 3, quantileValues: [{ quantile: 0.5, value: 1.5 }], flags: 2 }],
      },
    },
  },
]);

/** When the points were measured, over REST. */
export const times = { time: "2026-11-20T10:00:00.000000007Z", start_time: "2026-11-20T10:00:00Z" };
/** A point as REST gives it where nothing was recorded. */
export const noValue = {
  int_value: null,
  double_value: null,
  histogram: null,
  exponential_histogram: null,
  summary: null,
  exemplars: [],
  flags: 0,
};

/** What REST gives for each, the series without its points and the point; and what the value is over RPC. */
export const expected: readonly [name: string, series: object, point: object, value: object][] = [
  [
    "memory",
    { type: "gauge", unit: "By", description: "What is in use", metadata: { origin: "test" }, temporality: null },
    { int_value: "-9223372036854775808" },
    { case: "intValue", value: -(2n ** 63n) },
  ],
  [
    "claude_code.token.usage",
    { type: "sum", temporality: "delta", is_monotonic: true, metadata: null, description: "" },
    {
      double_value: 0.1,
      exemplars: [
        {
          time: "2026-11-20T10:00:00.000000003Z",
          int_value: "4611686018427387905",
          double_value: null,
          trace_id: "0af7651916cd43dd8448eb211c80319c",
          span_id: "00f067aa0ba902b7",
          attributes: { user: "u" },
        },
      ],
    },
    { case: "doubleValue", value: 0.1 },
  ],
  [
    "gen_ai.client.operation.duration",
    { type: "histogram", temporality: "cumulative", is_monotonic: null },
    { histogram: { count: 6, sum: 9.5, min: 0.5, max: 3, explicit_bounds: [1, 2], bucket_counts: [1, 2, 3] } },
    {
      case: "histogram",
      value: { count: 6n, sum: 9.5, min: 0.5, max: 3, explicitBounds: [1, 2], bucketCounts: [1n, 2n, 3n] },
    },
  ],
  [
    "latency",
    { type: "exponential_histogram", temporality: "cumulative" },
    {
      exponential_histogram: {
        count: "18446744073709551615",
        sum: "NaN",
        min: null,
        max: null,
        scale: -3,
        zero_count: 2,
        zero_threshold: 1e-9,
        positive: { offset: -5, bucket_counts: ["9223372036854775808", 0, 1] },
        negative: null,
      },
      exemplars: [
        {
          time: "1970-01-01T00:00:00Z",
          int_value: null,
          double_value: "-Infinity",
          trace_id: null,
          span_id: null,
          attributes: {},
        },
      ],
    },
    {
      case: "exponentialHistogram",
      value: {
        count: 2n ** 64n - 1n,
        sum: Number.NaN,
        scale: -3,
        zeroCount: 2n,
        zeroThreshold: 1e-9,
        positive: { offset: -5, bucketCounts: [2n ** 63n, 0n, 1n] },
      },
    },
  ],
  [
    "summed/up",
    { type: "summary", temporality: null },
    { summary: { count: 2, sum: 3, quantiles: [{ quantile: 0.5, value: 1.5 }] }, flags: 2 },
    { case: "summary", value: { count: 2n, sum: 3, quantiles: [{ quantile: 0.5, value: 1.5 }] } },
  ],
];
