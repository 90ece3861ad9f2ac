import { fromBinary, fromJsonString } from "@bufbuild/protobuf";
import {
  type ExportTraceServiceResponse,
  ExportTraceServiceResponseSchema,
} from "../gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import { openCallLane } from "./grpc-lane.ts";
import { Http1Connection } from "./http1-connection.ts";
import type { Lane } from "./load.ts";

/** A connection with one `Export` per batch. */
export function openOtlpGrpcLane(url: string): Promise<Lane> {
  return openCallLane(url, "opentelemetry.proto.collector.trace.v1.TraceService/Export", (message) => {
    assertAllTaken(fromBinary(ExportTraceServiceResponseSchema, message));
  });
}

/** A connection that posts to `/v1/traces`, and reads the answer in the encoding of the request. */
export function openOtlpHttpLane(encoding: "protobuf" | "json"): (url: string) => Promise<Lane> {
  const read = (body: Buffer): ExportTraceServiceResponse =>
    encoding === "json"
      ? fromJsonString(ExportTraceServiceResponseSchema, String(body))
      : fromBinary(ExportTraceServiceResponseSchema, body);
  return async (url) => {
    const connection = await Http1Connection.open(url);
    return {
      async send(batch) {
        const { status, body } = await connection.request(batch.bytes);
        if (status !== 200) throw new Error(`the server answered ${status}: ${body}`);
        assertAllTaken(read(body));
      },
      close: () => connection.close(),
    };
  };
}

/** A hint is no rejection. */
function assertAllTaken({ partialSuccess }: ExportTraceServiceResponse): void {
  if (partialSuccess !== undefined && partialSuccess.rejectedSpans > 0n) throw new Error(partialSuccess.errorMessage);
}
