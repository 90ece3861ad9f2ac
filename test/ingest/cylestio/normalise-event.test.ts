import { describe, expect, test } from "vitest";
import { eventFieldsFromJson } from "../../../src/ingest/cylestio/json-event.ts";
import { type NormaliseResult, normaliseEvent } from "../../../src/ingest/cylestio/normalise-event.ts";
import type { FieldViolation } from "../../../src/model/error.ts";
import type { EventDraft } from "../../../src/model/event-id.ts";
import { limitsDefault } from "../../../src/model/limits.ts";
import { formatTimeMicros } from "../../../src/model/time.ts";

const nowMicros = Date.UTC(2025, 5, 1) * 1000;
const limits = { ...limitsDefault, attributesMaxBytes: 4096 };
const minimal = { timestamp: "2025-03-18T09:15:00.101220Z", agent_id: "a", event_type: "t" };

function normalise(event: object): NormaliseResult {
  const read = eventFieldsFromJson(event);
  return read.ok ? normaliseEvent(read.fields, { nowMicros, limits }) : read;
}

function draftOf(more: object): EventDraft {
  const result = normalise({ ...minimal, ...more });
  if (!result.ok) {
    throw new Error(`refused: ${JSON.stringify(result.violation)}`);
  }
  return result.draft;
}

function violationOf(event: object): FieldViolation | undefined {
  const result = normalise(event);
  return result.ok ? undefined : result.violation;
}

const eventOfSession = (id: string): object => ({ ...minimal, attributes: { "session.id": id } });

const nested = (levels: number): unknown => JSON.parse("[".repeat(levels) + "]".repeat(levels));

test("an event with only the required fields gets the defaults", () => {
  expect(draftOf({})).toEqual({
    clientEventId: null,
    agentId: "a",
    sessionId: null,
    traceId: null,
    spanId: null,
    parentSpanId: null,
    name: "t",
    level: "INFO",
    channel: null,
    direction: null,
    timeMicros: 1_742_289_300_101_220,
    receivedAtMicros: nowMicros,
    durationMs: null,
    callerFile: null,
    callerLine: null,
    callerFunction: null,
    schemaVersion: null,
    dialect: "cylestio",
    attributesJson: "{}",
    extensionsJson: null,
    llmProvider: null,
    operation: null,
    alert: null,
    ownership: null,
  });
});

test("what is sent is kept as sent, and what it tells is read", () => {
  const draft = draftOf({
    event_type: "LLM_call_finish",
    level: "warning",
    conversation_id: "c",
    data: { duration: 1.5, LLM_provider: "Anthropic/Python 0.49.0", b: [1.5, "\ud800"], a: null },
  });
  expect(draft).toMatchObject({
    level: "warning",
    durationMs: 1500,
    llmProvider: "anthropic",
    attributesJson: '{"duration":1.5,"LLM_provider":"Anthropic/Python 0.49.0","b":[1.5,"\\ud800"],"a":null}',
    extensionsJson: '{"conversation_id":"c"}',
    operation: { kind: "llm", family: "llm.call", outcome: "ok" },
  });
});

test.each([[null], ["text"], [[1, 2]], [5], [false]])("data may be %j", (data) => {
  expect(draftOf({ event_type: "LLM_call_finish", data })).toMatchObject({
    attributesJson: JSON.stringify(data),
    sessionId: null,
    durationMs: null,
    llmProvider: null,
    operation: { subject: null },
  });
});

describe("the session is", () => {
  test.each([
    [{ session_id: "top", attributes: { "session.id": "dotted", session_id: "plain" } }, "top"],
    [{ attributes: { session_id: "plain", "session.id": "dotted" } }, "dotted"],
    [{ attributes: { "session.id": "", session_id: "plain" } }, "plain"],
    [{ attributes: { "session.id": {}, session_id: 42 } }, "42"],
    [{ session_id: "", data: { session_id: "plain" } }, "plain"],
    [{ attributes: {}, data: { session_id: "plain" } }, null],
    [{ data: "session_id" }, null],
    [{}, null],
  ])("in %j %s", (event, session) => {
    expect(draftOf(event).sessionId).toBe(session);
  });
});

describe("what is missing is named", () => {
  test.each([
    [{}, "timestamp"],
    [{ ...minimal, timestamp: null }, "timestamp"],
    [{ ...minimal, timestamp: "" }, "timestamp"],
    [{ ...minimal, agent_id: undefined }, "agent_id"],
    [{ ...minimal, agent_id: "" }, "agent_id"],
    [{ ...minimal, event_type: "" }, "event_type"],
    [{ ...minimal, event_type: undefined, data: {} }, "event_type"],
    [{ ...minimal, event_type: undefined, attributes: {} }, "name"],
    [{ ...minimal, event_type: undefined, name: null, schema_version: "1.0" }, "name"],
  ])("%j", (event, field) => {
    expect(violationOf(event)).toMatchObject({ field, reason: "FIELD_REQUIRED" });
  });
});

describe("the time lies between 2000 and a day from now", () => {
  test.each(["2000-01-01T00:00:00Z", "2025-06-02T00:00:00Z"])("%s is accepted", (timestamp) => {
    expect(violationOf({ ...minimal, timestamp })).toBeUndefined();
  });

  test.each([
    "1999-12-31T23:59:59.999999Z",
    "2025-06-02T00:00:00.000001Z",
    "1970-01-01",
    "0001-01-01",
    "9999-12-31T23:59:59Z",
  ])("%s is refused", (timestamp) => {
    expect(violationOf({ ...minimal, timestamp })).toMatchObject({
      field: "timestamp",
      reason: "TIME_OUT_OF_RANGE",
      message: expect.stringContaining(formatTimeMicros(nowMicros + 86_400_000_000)),
    });
  });
});

const ids = ["agent_id", "event_type", "event_id", "id", "session_id", "trace_id", "span_id", "parent_span_id"];
const texts = ["level", "channel", "direction", "schema_version"];

describe("a text is as long as its limit at most, in bytes", () => {
  test.each([
    ...ids.map((field) => [field, limitsDefault.idMaxBytes] as const),
    ...texts.map((field) => [field, limitsDefault.textMaxBytes] as const),
  ])("%s: %i", (field, max) => {
    for (const text of ["x".repeat(max), "€".repeat(max / 4) + "x".repeat(max / 4)]) {
      expect(violationOf({ ...minimal, [field]: text })).toBeUndefined();
      expect(violationOf({ ...minimal, [field]: `${text}x` })).toMatchObject({ field, reason: "FIELD_TOO_LONG" });
    }
    expect(violationOf({ ...minimal, [field]: "😀".repeat(max / 4) })).toBeUndefined();
    expect(violationOf({ ...minimal, [field]: "😀".repeat(max / 4 + 1) })?.reason).toBe("FIELD_TOO_LONG");
  });

  test.each(["file", "function"])("caller.%s", (key) => {
    const caller = (text: string): object => ({ ...minimal, caller: { [key]: text } });
    expect(violationOf(caller("x".repeat(4096)))).toBeUndefined();
    expect(violationOf(caller("x".repeat(4097)))).toMatchObject({ field: `caller.${key}`, reason: "FIELD_TOO_LONG" });
  });

  test("the session that attributes name", () => {
    expect(violationOf(eventOfSession("x".repeat(256)))).toBeUndefined();
    expect(violationOf(eventOfSession("x".repeat(257)))).toMatchObject({
      field: 'attributes["session.id"]',
      reason: "FIELD_TOO_LONG",
    });
  });
});

test.each([...ids, ...texts])("half a character in %s is refused", (field) => {
  expect(violationOf({ ...minimal, [field]: "a\ud83d" })).toMatchObject({ field, reason: "FIELD_INVALID" });
});

describe("attributes and extensions are bounded", () => {
  test("in bytes", () => {
    const quotes = '{"a":""}'.length;
    const sized = (bytes: number): object => ({ a: "x".repeat(bytes - quotes) });
    expect(violationOf({ ...minimal, data: sized(4096) })).toBeUndefined();
    expect(violationOf({ ...minimal, data: sized(4097) })).toMatchObject({ field: "data", reason: "FIELD_TOO_LONG" });
    expect(violationOf({ ...minimal, attributes: { a: "€".repeat(1400) } })?.field).toBe("attributes");
    expect(violationOf({ ...minimal, ...sized(4096) })).toBeUndefined();
    expect(violationOf({ ...minimal, ...sized(4097) })).toMatchObject({
      field: "extensions",
      reason: "FIELD_TOO_LONG",
    });
    expect(violationOf({ ...minimal, b: 1, ...sized(5000) })?.field).toBe("a");
  });

  test("in levels", () => {
    expect(violationOf({ ...minimal, data: nested(32) })).toBeUndefined();
    expect(violationOf({ ...minimal, data: nested(33) })).toMatchObject({ field: "data", reason: "NESTING_TOO_DEEP" });
    expect(violationOf({ ...minimal, x: nested(31) })).toBeUndefined();
    expect(violationOf({ ...minimal, w: 1, x: nested(32) })).toMatchObject({
      field: "x",
      reason: "NESTING_TOO_DEEP",
      message: "must have at most 31 levels of objects and arrays",
    });
    for (const key of ["data", "caller", "x", "event"]) {
      expect(violationOf({ ...minimal, [key]: nested(10_000) })?.reason).toBe("NESTING_TOO_DEEP");
    }
  });

  test("and a long key is not repeated in the answer", () => {
    const field = violationOf({ ...minimal, ["k".repeat(5000)]: "x".repeat(5000) })?.field;
    expect(field).toBe("k".repeat(100));
  });
});

describe("a duration that the client gives", () => {
  test("counts before what the attributes say", () => {
    expect(draftOf({ duration_ms: 5.5, data: { duration_ms: 7 } }).durationMs).toBe(5.5);
    expect(draftOf({ duration_ms: 0 }).durationMs).toBe(0);
  });

  test.each([-1, -0.001, JSON.rawJSON("1e400")])("%j is refused", (duration_ms) => {
    expect(violationOf({ ...minimal, duration_ms })).toMatchObject({ field: "duration_ms", reason: "FIELD_INVALID" });
  });
});
