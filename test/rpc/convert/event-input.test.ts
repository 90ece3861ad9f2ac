import { create, fromBinary, fromJson, type JsonObject, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { type EventInput, EventInputSchema } from "../../../gen/cylestio/v1/event_pb.ts";
import { normaliseBatch } from "../../../src/ingest/batch.ts";
import { eventFieldsFromJson } from "../../../src/ingest/cylestio/json-event.ts";
import type { FieldViolation } from "../../../src/model/error.ts";
import type { Event } from "../../../src/model/event.ts";
import { limitsDefault } from "../../../src/model/limits.ts";
import { parseTimeMicros } from "../../../src/model/time.ts";
import { eventFieldsFromProto } from "../../../src/rpc/convert/event-input.ts";
import { timestampFromMicros } from "../../../src/rpc/convert/time.ts";
import { readSampleEvents } from "../../samples.ts";

const options = { nowMicros: Date.UTC(2025, 5, 1) * 1000, limits: limitsDefault };
const minimal = { eventTime: { seconds: 1_742_289_300n, nanos: 101_220_999 }, agentId: "a", name: "n" };

type Init = Exclude<MessageInitShape<typeof EventInputSchema>, EventInput>;

function input(init: Init): EventInput {
  return create(EventInputSchema, { ...minimal, ...init });
}

function eventOf(message: EventInput): Event {
  const [result] = normaliseBatch([message], { ...options, readFields: eventFieldsFromProto });
  if (!result?.ok) {
    throw new Error(`refused: ${JSON.stringify(result?.violation)}`);
  }
  return result.event;
}

function eventOfText(value: string): Event {
  return eventOf(input({ attributesValue: { case: "attributesJson", value } }));
}

function violationOf(message: EventInput): FieldViolation | undefined {
  const [result] = normaliseBatch([message], { ...options, readFields: eventFieldsFromProto });
  return result?.ok ? undefined : result?.violation;
}

/** What a gRPC client would send for an event of free-form JSON. */
function sampleInput(raw: Record<string, unknown>, attributes: EventInput["attributesValue"]): EventInput {
  const micros = parseTimeMicros(String(raw["timestamp"])) ?? 0;
  const caller = (raw["caller"] ?? {}) as { file?: string; line?: number; function?: string };
  const known =
    /^(timestamp|agent_id|event_type|name|level|session_id|\w*_id|channel|direction|caller|schema_version|data|attributes)$/;
  const further = Object.entries(raw).filter(([key]) => key === "conversation_id" || !known.test(key));
  const text = (key: string): { [name: string]: string } => (raw[key] ? { [key]: String(raw[key]) } : {});
  const message = fromJson(EventInputSchema, {
    agentId: String(raw["agent_id"]),
    name: String(raw["name"] ?? raw["event_type"]),
    ...text("level"),
    ...text("session_id"),
    ...text("trace_id"),
    ...text("span_id"),
    ...text("parent_span_id"),
    ...text("channel"),
    ...text("direction"),
    ...text("schema_version"),
    ...(further.length > 0 ? { extensionsJson: JSON.stringify(Object.fromEntries(further)) } : {}),
    ...(caller.file === undefined ? {} : { callerFile: caller.file }),
    ...(caller.line === undefined ? {} : { callerLine: caller.line }),
    ...(caller.function === undefined ? {} : { callerFunction: caller.function }),
  });
  const eventTime = timestampFromMicros(micros);
  const whole = create(EventInputSchema, { ...message, eventTime, attributesValue: attributes });
  return fromBinary(EventInputSchema, toBinary(EventInputSchema, whole));
}

describe("every sample is the same event", () => {
  const raws = [...readSampleEvents("legacy-events.json"), ...readSampleEvents("v1-events.json")];
  const events = normaliseBatch(raws, { ...options, readFields: eventFieldsFromJson });

  test.each([
    ["a Struct", (value: unknown) => ({ case: "attributes", value: value as JsonObject }) as const],
    ["JSON text", (value: unknown) => ({ case: "attributesJson", value: JSON.stringify(value) }) as const],
  ])("as a message with %s and as free-form JSON, id included", (_what, attributes) => {
    for (const [index, raw] of raws.entries()) {
      const message = sampleInput(raw, attributes(raw["attributes"] ?? raw["data"]));
      expect({ ok: true, event: eventOf(message) }).toEqual(events[index]);
    }
  });
});

test("absent and empty are null, and attributes are an empty object by default", () => {
  const empty = { eventId: "", level: "", sessionId: "", traceId: "", channel: "", callerFile: "", schemaVersion: "" };
  for (const init of [{}, empty, { attributesValue: { case: "attributesJson", value: "" } } as const]) {
    expect(eventOf(input({ ...init, extensionsJson: "" }))).toMatchObject({
      clientEventId: null,
      level: "INFO",
      sessionId: null,
      traceId: null,
      channel: null,
      durationMs: null,
      callerFile: null,
      callerLine: null,
      schemaVersion: null,
      attributesJson: "{}",
      extensionsJson: null,
    });
  }
});

test("fields that are set are kept, nanoseconds cut off", () => {
  expect(eventOf(input({ eventId: "e", durationMs: 0, callerLine: 0, callerFunction: "f" }))).toMatchObject({
    clientEventId: "e",
    timeMicros: 1_742_289_300_101_220,
    durationMs: 0,
    callerLine: 0,
    callerFunction: "f",
  });
});

describe("JSON text", () => {
  test.each([
    ' { "b": 1.0, "a": [12345678901234567890] } ',
    '{"10":1,"9":2}',
    '"text"',
    "null",
    "[1e2]",
    "1e400",
    '"\\ud800"',
  ])("%s is kept as it is", (text) => {
    expect(eventOfText(text).attributesJson).toBe(text);
  });

  test("that is not JSON as it stands is written anew", () => {
    expect(eventOfText('{"a": NaN, "b": 1.50, "c": 12345678901234567890}').attributesJson).toBe(
      '{"a":"NaN","b":1.5,"c":12345678901234567890}',
    );
    expect(eventOfText('{"a":\t"\ud800"}').attributesJson).toBe('{"a":"\\ud800"}');
  });

  test("has no part in the id by its spelling", () => {
    expect(eventOfText('{"a":1.0,"b":2}').id).toBe(eventOfText('{ "b": 2e0, "a": 1 }').id);
    const struct = input({ attributesValue: { case: "attributes", value: { b: 2, a: 1 } } });
    expect(eventOf(struct).id).toBe(eventOfText('{"a":1,"b":2}').id);
    const one = eventOf(input({ extensionsJson: '{"a":1,"b":2}' }));
    expect(eventOf(input({ extensionsJson: '{"b":2,"a":1.0}' }))).toMatchObject({ id: one.id });
    expect(eventOf(input({ extensionsJson: "{}" }))).toMatchObject({ id: eventOf(input({})).id, extensionsJson: null });
  });

  test("of extensions is kept as it is", () => {
    const text = '{"z": 12345678901234567890, "a": 1.0}';
    expect(eventOf(input({ extensionsJson: text })).extensionsJson).toBe(text);
    expect(eventOf(input({ extensionsJson: '{"a": NaN}' })).extensionsJson).toBe('{"a":"NaN"}');
  });
});

test("numbers of a Struct that JSON does not have become strings, and __proto__ stays a key", () => {
  const proto = JSON.parse('{"__proto__":{"c":1}}') as JsonObject;
  const odd: JsonObject = { ...proto, a: Number.NaN, b: [-Infinity, { c: Infinity }, 1] };
  const texts = new Map<JsonObject, string>([
    [{ ...proto, d: [1] }, '{"__proto__":{"c":1},"d":[1]}'],
    [odd, '{"__proto__":{"c":1},"a":"NaN","b":["-Infinity",{"c":"Infinity"},1]}'],
  ]);
  for (const [value, text] of texts) {
    const sent = toBinary(EventInputSchema, input({ attributesValue: { case: "attributes", value } }));
    expect(eventOf(fromBinary(EventInputSchema, sent)).attributesJson).toBe(text);
  }
});

const deep = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
const attributesJson = (value: string): Init => ({ attributesValue: { case: "attributesJson", value } });

describe("a refused event names the field of the message", () => {
  test.each<[string, Init, string, string]>([
    ["no time", { eventTime: undefined }, "event_time", "FIELD_REQUIRED"],
    ["no agent", { agentId: "" }, "agent_id", "FIELD_REQUIRED"],
    ["no name", { name: "" }, "name", "FIELD_REQUIRED"],
    ["negative nanos", { eventTime: { seconds: 1_742_289_300n, nanos: -1 } }, "event_time", "TIME_INVALID"],
    ["too many nanos", { eventTime: { seconds: 1_742_289_300n, nanos: 1e9 } }, "event_time", "TIME_INVALID"],
    ["year 10000", { eventTime: { seconds: 253_402_300_800n, nanos: 0 } }, "event_time", "TIME_INVALID"],
    ["year 9999", { eventTime: { seconds: 253_402_300_799n, nanos: 0 } }, "event_time", "TIME_OUT_OF_RANGE"],
    ["1970", { eventTime: { seconds: 0n, nanos: 0 } }, "event_time", "TIME_OUT_OF_RANGE"],
    ["negative duration", { durationMs: -1 }, "duration_ms", "FIELD_INVALID"],
    ["no finite duration", { durationMs: Number.NaN }, "duration_ms", "FIELD_INVALID"],
    ["long id", { eventId: "x".repeat(257) }, "event_id", "FIELD_TOO_LONG"],
    ["long caller", { callerFile: "x".repeat(4097) }, "caller_file", "FIELD_TOO_LONG"],
    ["long function", { callerFunction: "x".repeat(4097) }, "caller_function", "FIELD_TOO_LONG"],
    ["malformed attributes", attributesJson("{'a':1}"), "attributes_json", "FIELD_INVALID"],
    ["deep attributes", attributesJson(deep(33)), "attributes_json", "NESTING_TOO_DEEP"],
    ["very deep attributes", attributesJson(deep(10_000)), "attributes_json", "NESTING_TOO_DEEP"],
    ["deep digits", attributesJson(`[12345678901234567890,${deep(10_000)}]`), "attributes_json", "NESTING_TOO_DEEP"],
    ["malformed extensions", { extensionsJson: "{" }, "extensions_json", "FIELD_INVALID"],
    ["extensions of another type", { extensionsJson: "[]" }, "extensions_json", "FIELD_INVALID"],
    ["extensions that are a number", { extensionsJson: "1e400" }, "extensions_json", "FIELD_INVALID"],
    ["deep extensions", { extensionsJson: `{"a":${deep(32)}}` }, "extensions_json", "NESTING_TOO_DEEP"],
  ])("%s", (_what, init, field, reason) => {
    expect(violationOf(input(init))).toMatchObject({ field, reason });
  });

  test("a Struct that is too deep", () => {
    const value = { a: JSON.parse(deep(32)) };
    const message = input({ attributesValue: { case: "attributes", value } });
    expect(violationOf(message)).toMatchObject({ field: "attributes", reason: "NESTING_TOO_DEEP" });
  });

  test("and what lies at the limit is accepted", () => {
    expect(violationOf(input(attributesJson(deep(32))))).toBeUndefined();
    expect(violationOf(input({ extensionsJson: `{"a":${deep(31)}}` }))).toBeUndefined();
  });
});
