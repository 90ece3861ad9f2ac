import { create, type JsonObject, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type EventInput, EventInputSchema } from "../gen/cylestio/v1/event_pb.ts";
import { SendEventsRequestSchema, StreamEventsRequestSchema } from "../gen/cylestio/v1/telemetry_service_pb.ts";
import { eventAt, timeMicrosAt } from "./events.ts";

/** A request whose bytes are ready to be sent. */
export interface EncodedBatch {
  /** Its place among the batches, from 0; a stream's answer repeats it. */
  readonly number: number;
  readonly eventCount: number;
  readonly bytes: Buffer;
}

/** Which events a batch holds: those from `from` on. */
export interface BatchRange {
  readonly number: number;
  readonly from: number;
  readonly eventCount: number;
}

/** Makes the bytes of one request. */
export type Encode = (range: BatchRange) => Buffer;

/** How an event's attributes stand in a protobuf message. */
export type AttributesAs = "attributes_json" | "Struct";

/** A message of `StreamEvents`, as gRPC frames it. */
export function encodeStreamRequest(attributesAs: AttributesAs): Encode {
  return (range) => {
    const events = eventInputs(range, attributesAs);
    const message = create(StreamEventsRequestSchema, { batchNumber: BigInt(range.number), events });
    return grpcFrame(toBinary(StreamEventsRequestSchema, message));
  };
}

/** The message of `SendEvents`, as gRPC frames it. */
export const encodeUnaryRequest: Encode = (range) => {
  const message = create(SendEventsRequestSchema, { events: eventInputs(range, "attributes_json") });
  return grpcFrame(toBinary(SendEventsRequestSchema, message));
};

/** A whole HTTP/1.1 request with an array of events. */
export const encodeRestBatch: Encode = ({ from, eventCount }) =>
  jsonRequest(
    "/api/v1/telemetry/batch",
    Array.from({ length: eventCount }, (_, offset) => eventAt(from + offset)),
  );

/** A whole HTTP/1.1 request with one event. */
export const encodeRestEvent: Encode = ({ from }) => jsonRequest("/api/v1/telemetry", eventAt(from));

function eventInputs({ from, eventCount }: BatchRange, attributesAs: AttributesAs): EventInput[] {
  return Array.from({ length: eventCount }, (_, offset) => eventInput(from + offset, attributesAs));
}

function eventInput(index: number, attributesAs: AttributesAs): EventInput {
  const event = eventAt(index);
  const timeMicros = timeMicrosAt(index);
  return create(EventInputSchema, {
    eventTime: { ...timestampFromMs(timeMicros / 1000), nanos: (timeMicros % 1_000_000) * 1000 },
    agentId: event.agent_id,
    name: event.name,
    level: event.level,
    traceId: event.trace_id,
    spanId: event.span_id,
    ...(event.parent_span_id !== null && { parentSpanId: event.parent_span_id }),
    schemaVersion: event.schema_version,
    attributesValue:
      attributesAs === "Struct"
        ? // They come from JSON.
          { case: "attributes", value: event.attributes as JsonObject }
        : { case: "attributesJson", value: JSON.stringify(event.attributes) },
  });
}

/** https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md: a byte that says "not compressed", then the length. */
export function grpcFrame(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(5 + message.length);
  frame.writeUInt8(0, 0);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  return frame;
}

function jsonRequest(path: string, value: unknown): Buffer {
  return httpRequest(path, "application/json", Buffer.from(JSON.stringify(value)));
}

/** A whole request, head and body. */
export function httpRequest(path: string, contentType: string, body: Uint8Array): Buffer {
  const head = [
    `POST ${path} HTTP/1.1`,
    "host: 127.0.0.1",
    `content-type: ${contentType}`,
    `content-length: ${body.length}`,
    "",
    "",
  ].join("\r\n");
  return Buffer.concat([Buffer.from(head), body]);
}
