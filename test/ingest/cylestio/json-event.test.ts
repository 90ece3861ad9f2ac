import { describe, expect, test } from "vitest";
import type { EventFields } from "../../../src/ingest/cylestio/event-fields.ts";
import { eventFieldsFromJson } from "../../../src/ingest/cylestio/json-event.ts";
import type { FieldViolation } from "../../../src/model/error.ts";
import { parseExactJson } from "../../../src/model/exact-json.ts";

const envelope = { timestamp: "2025-03-18T09:15:00.101220Z", agent_id: "a" };

function fieldsOf(event: object): EventFields {
  const read = eventFieldsFromJson({ ...envelope, ...event });
  if (!read.ok) {
    throw new Error(`refused: ${JSON.stringify(read.violation)}`);
  }
  return read.fields;
}

function violationOf(event: unknown): FieldViolation | undefined {
  const read = eventFieldsFromJson(event);
  return read.ok ? undefined : read.violation;
}

test("a legacy event is read", () => {
  const fields = fieldsOf({
    level: "INFO",
    event_type: "call_start",
    channel: "MCP",
    direction: "outgoing",
    session_id: "s",
    caller: { file: "f.py", line: 33, function: "g" },
    data: { function: "call_tool" },
  });
  expect(fields).toMatchObject({
    timeMicros: 1_742_289_300_101_220,
    agentId: "a",
    name: "call_start",
    level: "INFO",
    channel: "MCP",
    direction: "outgoing",
    sessionId: "s",
    callerFile: "f.py",
    callerLine: 33,
    callerFunction: "g",
    attributes: { function: "call_tool" },
    extensions: null,
    names: { time: "timestamp", name: "event_type", attributes: "data" },
  });
});

test("a v1 event is read", () => {
  const fields = fieldsOf({
    schema_version: "1.0",
    trace_id: "t",
    span_id: "s",
    parent_span_id: null,
    name: "llm.call.start",
    level: "INFO",
    attributes: { "llm.vendor": "anthropic" },
  });
  expect(fields).toMatchObject({
    name: "llm.call.start",
    traceId: "t",
    spanId: "s",
    parentSpanId: null,
    schemaVersion: "1.0",
    attributes: { "llm.vendor": "anthropic" },
    extensions: null,
    names: { name: "name", attributes: "attributes" },
  });
});

test("the in-between form is read", () => {
  expect(fieldsOf({ name: "user.message", attributes: { source: "APPLICATION" } })).toMatchObject({
    name: "user.message",
    schemaVersion: null,
    attributes: { source: "APPLICATION" },
  });
});

describe("of several names", () => {
  test.each([
    [{ name: "n", event_type: "t", event: "e" }, "n", { event_type: "t", event: "e" }],
    [{ event_type: "t", name: "n" }, "n", { event_type: "t" }],
    [{ event: "e", event_type: "t" }, "t", { event: "e" }],
    [{ event: "e" }, "e", null],
    [{ name: "n", event_type: "n", event: "n" }, "n", null],
    [{ name: "", event_type: "t" }, "t", null],
    [{ name: null, event_type: "t" }, "t", null],
    [{ name: 5, event_type: "t" }, "t", { name: 5 }],
    [{ event_type: "t", event: { kind: "x" } }, "t", { event: { kind: "x" } }],
  ])("in %j the name is %s, and what differs is kept", (event, name, extensions) => {
    const fields = fieldsOf(event);
    expect(fields.name).toBe(name);
    expect(JSON.stringify(fields.extensions)).toBe(JSON.stringify(extensions));
  });
});

describe("the facts are kept as sent", () => {
  test.each([
    [{ data: { a: 1 } }, { a: 1 }, null],
    [{ data: "text" }, "text", null],
    [{ data: [1] }, [1], null],
    [{ data: null }, null, null],
    [{ data: 0 }, 0, null],
    [{ data: "" }, "", null],
    [{ attributes: null }, null, null],
    [{}, {}, null],
    [{ attributes: { a: 1 }, data: { b: 2 } }, { a: 1 }, { data: { b: 2 } }],
    [{ data: { b: 2 }, attributes: {} }, {}, { data: { b: 2 } }],
    [{ attributes: null, data: { b: 2 } }, { b: 2 }, null],
    [{ attributes: { a: 1 }, data: null }, { a: 1 }, null],
  ])("of %j", (event, attributes, extensions) => {
    const fields = fieldsOf({ name: "n", ...event });
    expect(fields.attributes).toEqual(attributes);
    expect(JSON.stringify(fields.extensions)).toBe(JSON.stringify(extensions));
  });
});

describe("the caller", () => {
  test.each([
    [{ file: "f", line: 1, function: "g" }, { file: "f", line: 1, function: "g" }, false],
    [{ file: "f" }, { file: "f", line: null, function: null }, false],
    [{ file: "", line: null, function: null }, { file: null, line: null, function: null }, false],
    [{}, { file: null, line: null, function: null }, false],
    [null, { file: null, line: null, function: null }, false],
    [{ line: 0 }, { file: null, line: 0, function: null }, false],
    [{ line: 2 ** 31 - 1 }, { file: null, line: 2 ** 31 - 1, function: null }, false],
    [{ line: 2 ** 31 }, { file: null, line: null, function: null }, true],
    [{ file: "f", line: "1", function: 2 }, { file: "f", line: null, function: null }, true],
    [{ line: 1.5 }, { file: null, line: null, function: null }, true],
    [{ line: -1 }, { file: null, line: null, function: null }, true],
    [{ file: "f", module: "m" }, { file: "f", line: null, function: null }, true],
    [{ file: "f", module: null }, { file: "f", line: null, function: null }, true],
    ["main.py:3", { file: null, line: null, function: null }, true],
    [["f", 1], { file: null, line: null, function: null }, true],
  ])("%j is taken apart, and kept whole where it says more", (caller, { file, line, function: name }, isKept) => {
    const fields = fieldsOf({ name: "n", caller });
    expect([fields.callerFile, fields.callerLine, fields.callerFunction]).toEqual([file, line, name]);
    expect(JSON.stringify(fields.extensions)).toBe(isKept ? JSON.stringify({ caller }) : "null");
  });
});

describe("the client's id", () => {
  test.each([
    [{ event_id: "e" }, "e", null],
    [{ event_id: 17 }, "17", null],
    [parseExactJson('{"event_id":12345678901234567890}') as object, "12345678901234567890", null],
    [{ id: "i" }, "i", null],
    [{ event_id: "e", id: "i" }, "e", { id: "i" }],
    [{ event_id: "", id: "i" }, "i", null],
    [{ id: 17 }, null, { id: 17 }],
    [{ id: "" }, null, null],
    [{ event_id: null }, null, null],
    [{}, null, null],
  ])("of %j", (event, id, extensions) => {
    const fields = fieldsOf({ name: "n", ...event });
    expect(fields.clientEventId).toBe(id);
    expect(JSON.stringify(fields.extensions)).toBe(JSON.stringify(extensions));
  });
});

test("unknown members are kept in the order sent, null and __proto__ among them", () => {
  const text =
    '{"conversation_id":"c","timestamp":"2025-03-18","__proto__":{"x":1},"name":"n","alert":null,"agent_id":"a","performance":{"duration_ms":4.4},"model":{},"constructor":1}';
  const read = eventFieldsFromJson(JSON.parse(text));
  const extensions = read.ok ? read.fields.extensions : undefined;
  expect(JSON.stringify(extensions)).toBe(
    '{"conversation_id":"c","__proto__":{"x":1},"alert":null,"performance":{"duration_ms":4.4},"model":{},"constructor":1}',
  );
});

test("null and empty texts count as absent", () => {
  const fields = fieldsOf({ name: "n", level: "", session_id: null, trace_id: "", channel: null, duration_ms: null });
  expect(fields).toMatchObject({ level: null, sessionId: null, traceId: null, channel: null, durationMs: null });
  expect(fields.extensions).toBeNull();
});

test("a session id may be a number, and a duration may have any digits", () => {
  expect(fieldsOf({ name: "n", session_id: 42 }).sessionId).toBe("42");
  const event = parseExactJson('{"session_id":12345678901234567890,"duration_ms":1.00000000000000000001}') as object;
  expect(fieldsOf({ name: "n", ...event })).toMatchObject({ sessionId: "12345678901234567890", durationMs: 1 });
});

describe("a wrong type is refused under the client's name", () => {
  test.each([
    [{ agent_id: 5 }, "agent_id"],
    [{ event_type: 5 }, "event_type"],
    [{ name: {} }, "name"],
    [{ name: "", event: [] }, "event"],
    [{ name: "n", level: 20 }, "level"],
    [{ name: "n", session_id: {} }, "session_id"],
    [{ name: "n", session_id: true }, "session_id"],
    [{ name: "n", trace_id: 1 }, "trace_id"],
    [{ name: "n", span_id: [] }, "span_id"],
    [{ name: "n", parent_span_id: false }, "parent_span_id"],
    [{ name: "n", channel: 1 }, "channel"],
    [{ name: "n", direction: {} }, "direction"],
    [{ name: "n", schema_version: 1 }, "schema_version"],
    [{ name: "n", duration_ms: "5" }, "duration_ms"],
    [{ name: "n", duration_ms: {} }, "duration_ms"],
    [{ name: "n", event_id: {} }, "event_id"],
    [{ name: "n", event_id: true }, "event_id"],
  ])("%j", (event, field) => {
    expect(violationOf({ ...envelope, ...event })).toMatchObject({ field, reason: "FIELD_INVALID" });
  });

  test.each([1_742_289_300, 0, true, {}, [], "yesterday", "2025-02-30", "1742289300"])(
    "the time %j, with a hint",
    (timestamp) => {
      expect(violationOf({ ...envelope, name: "n", timestamp })).toMatchObject({
        field: "timestamp",
        reason: "TIME_INVALID",
        message: expect.stringContaining("ISO 8601"),
      });
    },
  );

  test("and of several the first is named", () => {
    expect(violationOf({ ...envelope, name: "n", direction: 1, level: 2, channel: 3 })?.field).toBe("level");
  });

  test.each([null, "event", 5, [], true])("%j is no event", (event) => {
    expect(violationOf(event)).toMatchObject({ reason: "FIELD_INVALID" });
  });
});
