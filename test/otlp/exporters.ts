import { toJson } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { compressionGzip, createGrpcTransport } from "@connectrpc/connect-node";
import {
  type ExportLogsServiceRequest,
  ExportLogsServiceRequestSchema,
  ExportLogsServiceResponseSchema,
  LogsService,
} from "../../gen/opentelemetry/proto/collector/logs/v1/logs_service_pb.ts";
import {
  type ExportMetricsServiceRequest,
  ExportMetricsServiceRequestSchema,
  ExportMetricsServiceResponseSchema,
  MetricsService,
} from "../../gen/opentelemetry/proto/collector/metrics/v1/metrics_service_pb.ts";
import {
  type ExportTraceServiceRequest,
  ExportTraceServiceRequestSchema,
  ExportTraceServiceResponseSchema,
  TraceService,
} from "../../gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import { decode, type Encoding, encode, encodings, postOtlp } from "./http-exporter.ts";

/** One way to send telemetry. What it resolves to is the response in JSON, whatever the transport. */
export interface Exporter {
  readonly name: string;
  exportSpans(url: string, request: ExportTraceServiceRequest): Promise<unknown>;
  exportLogs(url: string, request: ExportLogsServiceRequest): Promise<unknown>;
  exportMetrics(url: string, request: ExportMetricsServiceRequest): Promise<unknown>;
}

/** Every transport, in every encoding, with and without compression. */
export const exporters: readonly Exporter[] = [false, true].flatMap((gzip) => [
  grpcExporter(gzip),
  ...encodings.map((encoding) => httpExporter(encoding, gzip)),
]);

function grpcExporter(gzip: boolean): Exporter {
  const transportTo = (baseUrl: string) =>
    createGrpcTransport({ baseUrl, compressMinBytes: 0, ...(gzip && { sendCompression: compressionGzip }) });
  return {
    name: gzip ? "gRPC, gzip" : "gRPC",
    exportSpans: async (url, request) =>
      toJson(ExportTraceServiceResponseSchema, await createClient(TraceService, transportTo(url)).export(request)),
    exportLogs: async (url, request) =>
      toJson(ExportLogsServiceResponseSchema, await createClient(LogsService, transportTo(url)).export(request)),
    exportMetrics: async (url, request) =>
      toJson(ExportMetricsServiceResponseSchema, await createClient(MetricsService, transportTo(url)).export(request)),
  };
}

function httpExporter(encoding: Encoding, gzip: boolean): Exporter {
  return {
    name: `HTTP ${encoding}${gzip ? ", gzip" : ""}`,
    exportSpans: async (url, request) => {
      const body = encode(ExportTraceServiceRequestSchema, request, encoding);
      const reply = await postOtlp(url, { path: "/v1/traces", encoding, gzip, body });
      if (reply.status !== 200) throw new Error(`answered ${reply.status}: ${reply.body}`);
      return decode(ExportTraceServiceResponseSchema, reply);
    },
    exportLogs: async (url, request) => {
      const body = encode(ExportLogsServiceRequestSchema, request, encoding);
      const reply = await postOtlp(url, { path: "/v1/logs", encoding, gzip, body });
      if (reply.status !== 200) throw new Error(`answered ${reply.status}: ${reply.body}`);
      return decode(ExportLogsServiceResponseSchema, reply);
    },
    exportMetrics: async (url, request) => {
      const body = encode(ExportMetricsServiceRequestSchema, request, encoding);
      const reply = await postOtlp(url, { path: "/v1/metrics", encoding, gzip, body });
      if (reply.status !== 200) throw new Error(`answered ${reply.status}: ${reply.body}`);
      return decode(ExportMetricsServiceResponseSchema, reply);
    },
  };
}
