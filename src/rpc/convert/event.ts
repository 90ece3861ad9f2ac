import { create, type JsonObject } from "@bufbuild/protobuf";
import { AttributesFormat, type Event, EventSchema } from "../../../gen/cylestio/v1/event_pb.ts";
import type { StoredEvent } from "../../model/event.ts";
import { isJsonObject, parseExactJson } from "../../model/exact-json.ts";
import { timestampFromMicros } from "./time.ts";

/** How attributes are to be written, where a request leaves it to the protocol. */
export function attributesFormatFor(format: AttributesFormat, { rest }: { readonly rest: boolean }): AttributesFormat {
  if (format !== AttributesFormat.UNSPECIFIED) return format;
  return rest ? AttributesFormat.JSON : AttributesFormat.STRUCT;
}

/** Stored event → message. */
export function eventToProto(event: StoredEvent, format: AttributesFormat): Event {
  return create(EventSchema, {
    sequence: BigInt(event.sequence),
    eventId: event.id,
    eventTime: timestampFromMicros(event.timeMicros),
    receiveTime: timestampFromMicros(event.receivedAtMicros),
    agentId: event.agentId,
    name: event.name,
    level: event.level,
    dialect: event.dialect,
    attributesValue: attributesToProto(event.attributesJson, format),
    ...present({
      clientEventId: event.clientEventId,
      sessionId: event.sessionId,
      traceId: event.traceId,
      spanId: event.spanId,
      parentSpanId: event.parentSpanId,
      channel: event.channel,
      direction: event.direction,
      durationMs: event.durationMs ?? event.pairedDurationMs,
      callerFile: event.callerFile,
      callerLine: event.callerLine,
      callerFunction: event.callerFunction,
      schemaVersion: event.schemaVersion,
      extensionsJson: event.extensionsJson,
    }),
  });
}

/** Without the members that are null: in a message, absent is undefined. */
export function present<Fields extends object>(fields: Fields): { [Name in keyof Fields]?: NonNullable<Fields[Name]> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== null);
  // Only members of `fields`, and none that is null.
  return Object.fromEntries(entries) as { [Name in keyof Fields]?: NonNullable<Fields[Name]> };
}

function attributesToProto(attributesJson: string, format: AttributesFormat): Event["attributesValue"] {
  if (format === AttributesFormat.STRUCT) {
    const attributes = parseExactJson(attributesJson);
    // What remains of JSON values after `structValue` is what a Struct can hold.
    if (isJsonObject(attributes)) return { case: "attributes", value: structValue(attributes) as JsonObject };
  }
  return { case: "attributesJson", value: attributesJson };
}

/** A JSON value with its numbers as a Struct can say them: whole numbers beyond 2^53 become texts. */
function structValue(value: unknown): unknown {
  if (JSON.isRawJSON(value)) return structNumber(value.rawJSON);
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) return JSON.stringify(value);
  if (Array.isArray(value)) return value.map(structValue);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, structValue(member)]));
}

function structNumber(digits: string): number | string {
  const number = Number(digits);
  // A Struct with an infinite number in it has no JSON, and one event must not make a whole page unreadable.
  return /^-?\d+$/.test(digits) || !Number.isFinite(number) ? digits : number;
}
