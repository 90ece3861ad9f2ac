import type { FieldViolation } from "../../model/error.ts";
import { isJsonObject, type JsonObject } from "../../model/exact-json.ts";
import { parseTimeMicros } from "../../model/time.ts";
import { idText } from "../id-text.ts";
import { readCaller } from "./caller.ts";
import type { EventFieldsResult } from "./event-fields.ts";

/**
 * Reads one event of free-form JSON, in any shape that the Cylestio SDKs have had:
 *
 * - what happened: `name`, else `event_type`, else `event`; the first that is a text wins;
 * - its facts: `attributes`, else `data`, of any JSON type;
 * - the client's id: `event_id` (text or number), else `id` if that is a text;
 * - `caller` as an object of `file`, `line` and `function`.
 *
 * Every other member is kept as an extension, in the order sent, and so is what lost against a member with the same meaning and
 * another value, and a `caller` with anything else in it. Null and empty texts count as absent.
 */
export function eventFieldsFromJson(value: unknown): EventFieldsResult {
  if (!isJsonObject(value)) {
    return refuse({ field: "event", reason: "FIELD_INVALID", message: "must be a JSON object" });
  }
  const time = readTime(value["timestamp"]);
  if (typeof time === "object" && time !== null) {
    return refuse(time);
  }
  const reader = createReader(value);
  const nameKey = pickNameKey(value);
  const attributesKey = isAbsent(value["attributes"]) && "data" in value ? "data" : "attributes";
  const clientEventIdKey = isAbsent(value["event_id"]) && typeof value["id"] === "string" ? "id" : "event_id";
  const caller = readCaller(value["caller"]);
  const attributes = value[attributesKey];
  const fields = {
    names: {
      clientEventId: clientEventIdKey,
      time: "timestamp",
      name: nameKey,
      attributes: attributesKey,
      callerFile: "caller.file",
      callerFunction: "caller.function",
      extensions: null,
    },
    clientEventId: reader.textOrNumber(clientEventIdKey),
    timeMicros: time,
    agentId: reader.text("agent_id"),
    name: reader.text(nameKey),
    level: reader.text("level"),
    sessionId: reader.textOrNumber("session_id"),
    traceId: reader.text("trace_id"),
    spanId: reader.text("span_id"),
    parentSpanId: reader.text("parent_span_id"),
    channel: reader.text("channel"),
    direction: reader.text("direction"),
    durationMs: reader.number("duration_ms"),
    callerFile: caller.file,
    callerLine: caller.line,
    callerFunction: caller.function,
    schemaVersion: reader.text("schema_version"),
    attributes: attributes === undefined ? {} : attributes,
    attributesText: null,
    extensions: collectExtensions(value, { nameKey, attributesKey, clientEventIdKey, keepCaller: caller.isMore }),
    extensionsText: null,
  };
  const violation = reader.violation();
  return violation === undefined ? { ok: true, fields } : refuse(violation);
}

function refuse(violation: FieldViolation): EventFieldsResult {
  return { ok: false, violation };
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || value === "";
}

const timeHint = "must be a time in ISO 8601, as 2025-03-18T09:15:00.101220Z";

function readTime(value: unknown): number | null | FieldViolation {
  if (isAbsent(value)) {
    return null;
  }
  const micros = typeof value === "string" ? parseTimeMicros(value) : undefined;
  return micros ?? { field: "timestamp", reason: "TIME_INVALID", message: timeHint };
}

/** Reads members by type and remembers the first that has the wrong one. */
function createReader(event: JsonObject): {
  text(key: string): string | null;
  textOrNumber(key: string): string | null;
  number(key: string): number | null;
  violation(): FieldViolation | undefined;
} {
  let violation: FieldViolation | undefined;
  const wrong = (field: string, expected: string): null => {
    violation ??= { field, reason: "FIELD_INVALID", message: `must be ${expected}` };
    return null;
  };
  return {
    text(key) {
      const value = event[key];
      if (isAbsent(value)) {
        return null;
      }
      return typeof value === "string" ? value : wrong(key, "a string");
    },
    textOrNumber(key) {
      const value = event[key];
      return isAbsent(value) ? null : (idText(value) ?? wrong(key, "a string or a number"));
    },
    number(key) {
      const value = event[key];
      if (value === undefined || value === null) {
        return null;
      }
      if (JSON.isRawJSON(value)) {
        return Number(value.rawJSON);
      }
      return typeof value === "number" ? value : wrong(key, "a number");
    },
    violation: () => violation,
  };
}

const nameKeys = ["name", "event_type", "event"] as const;

/** The key whose text names the event; without one, the key to complain about: one that has something else, else the shape's own. */
function pickNameKey(event: JsonObject): string {
  const isV1 = "attributes" in event || "schema_version" in event;
  return (
    nameKeys.find((key) => typeof event[key] === "string" && event[key] !== "") ??
    nameKeys.find((key) => !isAbsent(event[key])) ??
    (isV1 ? "name" : "event_type")
  );
}

/** Members that are a field of every event, whatever the shape. */
const fieldKeys: ReadonlySet<string> = new Set([
  "timestamp",
  "agent_id",
  "level",
  "session_id",
  "trace_id",
  "span_id",
  "parent_span_id",
  "channel",
  "direction",
  "duration_ms",
  "schema_version",
  "event_id",
]);

interface Choices {
  readonly nameKey: string;
  readonly attributesKey: string;
  readonly clientEventIdKey: string;
  readonly keepCaller: boolean;
}

function collectExtensions(event: JsonObject, choices: Choices): JsonObject | null {
  let extensions: JsonObject | null = null;
  for (const key of Object.keys(event)) {
    if (!fieldKeys.has(key) && isExtension(event, key, choices)) {
      extensions ??= emptyObject();
      extensions[key] = event[key];
    }
  }
  return extensions;
}

/** An object without a prototype, so that `__proto__` is a key like any other. */
function emptyObject(): JsonObject {
  return Object.create(null);
}

function isExtension(event: JsonObject, key: string, choices: Choices): boolean {
  switch (key) {
    case "name":
    case "event_type":
    case "event":
      return !isAbsent(event[key]) && event[key] !== event[choices.nameKey];
    case "attributes":
    case "data":
      return key !== choices.attributesKey && event[key] !== null;
    case "id":
      return key !== choices.clientEventIdKey;
    case "caller":
      return choices.keepCaller;
    default:
      return true;
  }
}
