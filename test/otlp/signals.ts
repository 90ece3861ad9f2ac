import { create, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import {
  ExportLogsServiceRequestSchema,
  ExportLogsServiceResponseSchema,
} from "../../gen/opentelemetry/proto/collector/logs/v1/logs_service_pb.ts";
import {
  ExportMetricsServiceRequestSchema,
  ExportMetricsServiceResponseSchema,
} from "../../gen/opentelemetry/proto/collector/metrics/v1/metrics_service_pb.ts";
import {
  ExportTraceServiceRequestSchema,
  ExportTraceServiceResponseSchema,
} from "../../gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import { getJson } from "../conformance/http.ts";
import { decode, type Encoding, encode, type OtlpReply } from "./http-exporter.ts";
import { buildLogs, buildMetrics, buildSpans, type OriginInit, otlpFromNanos } from "./otlp-builder.ts";

/** One kind of telemetry, to which the same requirements apply. */
export interface Signal {
  readonly name: string;
  readonly path: string;
  readonly grpcPath: string;
  /** Name of the list in a request in JSON. */
  readonly field: string;
  /** What the service rejects of the items of `bodyOf` whose number is negative. */
  readonly rejection: { readonly field: string; readonly reason: string };
  /** A request of items that their numbers tell apart. */
  readonly bodyOf: (numbers: readonly number[], encoding: Encoding) => Uint8Array<ArrayBuffer> | string;
  /** The response that a reply holds, as JSON. */
  readonly answerOf: (reply: OtlpReply) => unknown;
  /** The items of a request in parsed JSON, to be changed. */
  readonly itemsOf: (request: unknown) => unknown[];
  readonly countStored: (url: string) => Promise<number>;
}

interface SignalInit<Request extends DescMessage> extends Omit<Signal, "name" | "grpcPath" | "bodyOf" | "answerOf"> {
  readonly name: string;
  readonly service: string;
  readonly request: Request;
  readonly response: DescMessage;
  readonly build: (numbers: readonly number[]) => MessageShape<Request>;
}

function signal<Request extends DescMessage>({
  service,
  request,
  response,
  build,
  ...init
}: SignalInit<Request>): Signal {
  return {
    ...init,
    grpcPath: `/opentelemetry.proto.collector.${service}/Export`,
    bodyOf: (numbers, encoding) => encode(request, numbers.length === 0 ? create(request) : build(numbers), encoding),
    answerOf: (reply) => decode(response, reply),
  };
}

const countEvents = async (url: string) => (await getJson<unknown[]>(url, "/api/events?limit=1000")).length;

async function countPoints(url: string): Promise<number> {
  const { series } = await getJson<PointPage>(url, "/api/v1/otlp_metrics/m?page_size=1000");
  return series.flatMap(({ points }) => points).length;
}

interface PointPage {
  readonly series: readonly { readonly points: readonly unknown[] }[];
}

/** A request of points of the gauge `m`. A negative one has no value. */
export function buildPoints(numbers: readonly number[], origin?: OriginInit) {
  const dataPoints = numbers.map((number) => ({
    timeUnixNano: otlpFromNanos,
    value: number < 0 ? { case: undefined } : ({ case: "asInt", value: BigInt(number) } as const),
  }));
  return buildMetrics([{ name: "m", data: { case: "gauge", value: { dataPoints } } }], origin);
}

const tooDeep = Array.from({ length: 40 }).reduce<unknown>((value) => [value], 1);

/** Every kind of telemetry that is taken. */
export const signals: readonly Signal[] = [
  signal({
    name: "spans",
    path: "/v1/traces",
    service: "trace.v1.TraceService",
    field: "resourceSpans",
    rejection: { field: "rejectedSpans", reason: "number 1: span_id must be 8 bytes, not all of them zero" },
    request: ExportTraceServiceRequestSchema,
    response: ExportTraceServiceResponseSchema,
    build: (numbers) =>
      buildSpans(numbers.map((number) => ({ spanId: String(Math.max(0, number + 1)).padStart(16, "0") }))),
    // Built above, or by this file's callers from it; likewise below.
    itemsOf: (request) =>
      (request as { resourceSpans: { scopeSpans: { spans: unknown[] }[] }[] }).resourceSpans[0]?.scopeSpans[0]?.spans ??
      [],
    countStored: countEvents,
  }),
  signal({
    name: "log records",
    path: "/v1/logs",
    service: "logs.v1.LogsService",
    field: "resourceLogs",
    rejection: { field: "rejectedLogRecords", reason: "number 1: attributes must have at most 32 levels" },
    request: ExportLogsServiceRequestSchema,
    response: ExportLogsServiceResponseSchema,
    build: (numbers) =>
      buildLogs(numbers.map((number) => ({ body: number, attributes: number < 0 ? { deep: tooDeep } : {} }))),
    itemsOf: (request) =>
      (request as { resourceLogs: { scopeLogs: { logRecords: unknown[] }[] }[] }).resourceLogs[0]?.scopeLogs[0]
        ?.logRecords ?? [],
    countStored: countEvents,
  }),
  signal({
    name: "data points",
    path: "/v1/metrics",
    service: "metrics.v1.MetricsService",
    field: "resourceMetrics",
    rejection: {
      field: "rejectedDataPoints",
      reason: 'number 1 ("m"): value is required where the flags do not say that there is none',
    },
    request: ExportMetricsServiceRequestSchema,
    response: ExportMetricsServiceResponseSchema,
    build: (numbers) => buildPoints(numbers),
    itemsOf: (request) =>
      (request as { resourceMetrics: { scopeMetrics: { metrics: { gauge: { dataPoints: unknown[] } }[] }[] }[] })
        .resourceMetrics[0]?.scopeMetrics[0]?.metrics[0]?.gauge.dataPoints ?? [],
    countStored: countPoints,
  }),
];
