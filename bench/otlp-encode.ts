import { toBinary, toJson } from "@bufbuild/protobuf";
import {
  type ExportTraceServiceRequest,
  ExportTraceServiceRequestSchema,
} from "../gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import { type Encode, grpcFrame, httpRequest } from "./encode.ts";
import { spanRequest } from "./otlp-spans.ts";

/** The message of `TraceService/Export`, as gRPC frames it. */
export const encodeOtlpGrpc: Encode = ({ from, eventCount }) => grpcFrame(binaryOf(from, eventCount));

/** A whole HTTP/1.1 request with the same message. */
export const encodeOtlpProtobuf: Encode = ({ from, eventCount }) =>
  httpRequest("/v1/traces", "application/x-protobuf", binaryOf(from, eventCount));

/** The same as OTLP has it in JSON, with ids in hexadecimal. */
export const encodeOtlpJson: Encode = ({ from, eventCount }) =>
  httpRequest("/v1/traces", "application/json", Buffer.from(JSON.stringify(jsonOf(spanRequest(from, eventCount)))));

function binaryOf(from: number, eventCount: number): Uint8Array {
  return toBinary(ExportTraceServiceRequestSchema, spanRequest(from, eventCount));
}

const idKeys: ReadonlySet<string> = new Set(["traceId", "spanId", "parentSpanId"]);

function jsonOf(request: ExportTraceServiceRequest): unknown {
  const json = toJson(ExportTraceServiceRequestSchema, request, { enumAsInteger: true });
  return JSON.parse(JSON.stringify(json), (key: string, value: unknown) =>
    idKeys.has(key) ? Buffer.from(String(value), "base64").toString("hex") : value,
  );
}
