import type { JsonObject } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { EventInput } from "../../../gen/cylestio/v1/event_pb.ts";
import type { EventFieldsResult, FieldNames } from "../../ingest/cylestio/event-fields.ts";
import { readFreeFormJson } from "../../ingest/cylestio/free-form-json.ts";
import type { FieldViolation } from "../../model/error.ts";
import { isJsonObject } from "../../model/exact-json.ts";
import { microsFromTimestamp } from "./time.ts";

const namesOfStruct: FieldNames = {
  clientEventId: "event_id",
  time: "event_time",
  name: "name",
  attributes: "attributes",
  callerFile: "caller_file",
  callerFunction: "caller_function",
  extensions: "extensions_json",
};

const namesOfText: FieldNames = { ...namesOfStruct, attributes: "attributes_json" };

/**
 * Reads an event of the contract. The same event gives the same fields here and in free-form JSON, so that it gets the same id
 * whichever way it comes.
 */
export function eventFieldsFromProto(input: EventInput): EventFieldsResult {
  const time = readTimestamp(input.eventTime);
  if (typeof time === "object" && time !== null) {
    return { ok: false, violation: time };
  }
  const attributes = readAttributes(input.attributesValue);
  if (!attributes.ok) {
    return attributes;
  }
  const extensions = readExtensions(input.extensionsJson);
  if (!extensions.ok) {
    return extensions;
  }
  return {
    ok: true,
    fields: {
      names: input.attributesValue.case === "attributesJson" ? namesOfText : namesOfStruct,
      clientEventId: input.eventId || null,
      timeMicros: time,
      agentId: input.agentId || null,
      name: input.name || null,
      level: input.level || null,
      sessionId: input.sessionId || null,
      traceId: input.traceId || null,
      spanId: input.spanId || null,
      parentSpanId: input.parentSpanId || null,
      channel: input.channel || null,
      direction: input.direction || null,
      durationMs: input.durationMs ?? null,
      callerFile: input.callerFile || null,
      callerLine: input.callerLine ?? null,
      callerFunction: input.callerFunction || null,
      schemaVersion: input.schemaVersion || null,
      attributes: attributes.value,
      attributesText: attributes.text,
      extensions: extensions.value,
      extensionsText: extensions.text,
    },
  };
}

/** Microseconds since 1970, nanoseconds cut off. Times that no event may have are left to the check of the range. */
function readTimestamp(timestamp: Timestamp | undefined): number | null | FieldViolation {
  if (timestamp === undefined) {
    return null;
  }
  const micros = microsFromTimestamp(timestamp);
  return micros ?? { field: "event_time", reason: "TIME_INVALID", message: "is outside of the years 1 to 9999" };
}

type Read<Value> =
  | { readonly ok: true; readonly value: Value; readonly text: string | null }
  | { readonly ok: false; readonly violation: FieldViolation };

function readAttributes(attributes: EventInput["attributesValue"]): Read<unknown> {
  switch (attributes.case) {
    case "attributes":
      return { ok: true, value: withoutNonFinite(attributes.value), text: null };
    case "attributesJson":
      return attributes.value === ""
        ? { ok: true, value: {}, text: null }
        : readJson(attributes.value, "attributes_json");
    case undefined:
      return { ok: true, value: {}, text: null };
  }
}

function readExtensions(text: string | undefined): Read<Record<string, unknown> | null> {
  if (!text) {
    return { ok: true, value: null, text: null };
  }
  const read = readJson(text, "extensions_json");
  if (!read.ok) {
    return read;
  }
  if (!isJsonObject(read.value)) {
    const violation = { field: "extensions_json", reason: "FIELD_INVALID", message: "must be a JSON object" } as const;
    return { ok: false, violation };
  }
  return Object.keys(read.value).length === 0
    ? { ok: true, value: null, text: null }
    : { ok: true, value: read.value, text: read.text };
}

/** The text is kept where it is JSON as it stands and can be stored. */
function readJson(text: string, field: string): Read<unknown> {
  const read = readFreeFormJson(text);
  if (!read.ok) {
    const reason = read.reason === "MALFORMED_BODY" ? "FIELD_INVALID" : read.reason;
    return { ok: false, violation: { field, reason, message: read.message } };
  }
  return { ok: true, value: read.value, text: read.isJson && text.isWellFormed() ? text : null };
}

/** A Struct can hold numbers that JSON has not; they become the same strings as in free-form JSON. */
function withoutNonFinite(value: JsonObject): unknown {
  return hasNonFinite(value)
    ? JSON.parse(JSON.stringify(value, (_key, member) => (isNonFinite(member) ? String(member) : member)))
    : value;
}

/** Recurses as deep as the decoder let the message be, which is bounded. */
function hasNonFinite(value: unknown): boolean {
  if (typeof value !== "object" || value === null) {
    return isNonFinite(value);
  }
  for (const member of Object.values(value)) {
    if (hasNonFinite(member)) {
      return true;
    }
  }
  return false;
}

function isNonFinite(value: unknown): boolean {
  return typeof value === "number" && !Number.isFinite(value);
}
