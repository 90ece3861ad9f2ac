import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Event } from "../../src/model/event.ts";
import { type EventContent, type EventDraft, eventId, isSameContent } from "../../src/model/event-id.ts";
import { parseExactJson } from "../../src/model/exact-json.ts";

const plain: EventDraft = {
  clientEventId: null,
  agentId: "inventory-helper",
  sessionId: null,
  traceId: null,
  spanId: null,
  parentSpanId: null,
  name: "LLM_call_start",
  level: "INFO",
  channel: null,
  direction: null,
  timeMicros: 1_742_289_300_101_220,
  receivedAtMicros: 1_742_289_301_000_000,
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
};

const full: EventDraft = {
  ...plain,
  sessionId: "s-1",
  traceId: "9f21ac51",
  spanId: "98d79cf3",
  parentSpanId: "82b24499",
  name: "llm.call.finish",
  channel: "LLM",
  direction: "incoming",
  durationMs: 912.5,
  callerFile: "stock_client.py",
  callerLine: 41,
  callerFunction: "__init__",
  schemaVersion: "1.0",
};

const fullContent: EventContent = {
  attributes: parseExactJson(
    '{"z":[1.0,0.1,1e21,null,true,{}],"llm.model":"claude-3-haiku-20240307","llm.usage.input_tokens":412,' +
      '"text":"Zitronen: 128 Kästen 🍋","big":12345678901234567891}',
  ),
  extensions: { conversation_id: "c-1", alert: "none" },
  explicitDurationMs: 912.5,
};

const noContent: EventContent = { attributes: {}, extensions: null, explicitDurationMs: null };

const withId = (agentId: string, clientEventId: string): string =>
  eventId({ ...plain, agentId, clientEventId }, noContent, 0);

const at = (timeMicros: number): string => eventId({ ...plain, clientEventId: "a", timeMicros }, noContent, 0);

describe("the id's format is for ever", () => {
  // Computed from the description of the format by another program. If this test fails, stored events are no longer recognised.
  test.each([
    [
      "of an event with a client's id",
      { ...plain, clientEventId: "evt-1" },
      noContent,
      0,
      "0195a888ea85ba181139a56b8ef7a46b",
    ],
    [
      "of an event with a client's id, whatever the rest",
      { ...full, clientEventId: "evt-1" },
      fullContent,
      3,
      "0195a888ea85ba181139a56b8ef7a46b",
    ],
    ["of an event without anything", plain, noContent, 0, "0195a888ea852a7359fcd4da0872f9bf"],
    ["of its second occurrence", plain, noContent, 1, "0195a888ea85b2bd76fe1a1872668f25"],
    ["of an event with everything", full, fullContent, 0, "0195a888ea85214299f114e75485a103"],
  ])("%s", (_what, draft, content, ordinal, id) => {
    expect(eventId(draft, content, ordinal)).toBe(id);
  });
});

const other: { readonly [Field in keyof EventDraft]?: EventDraft[Field] } = {
  agentId: "other",
  sessionId: "other",
  traceId: "other",
  spanId: "other",
  parentSpanId: "other",
  name: "other",
  level: "other",
  channel: "other",
  direction: "other",
  timeMicros: full.timeMicros + 1,
  callerFile: "other",
  callerLine: 42,
  callerFunction: "other",
  schemaVersion: "other",
};

describe("without an id of the client's", () => {
  test.each(Object.entries(other))("another %s makes another id", (field, value) => {
    expect(eventId({ ...full, [field]: value }, fullContent, 0)).not.toBe(eventId(full, fullContent, 0));
  });

  test.each([
    ["attributes", { ...fullContent, attributes: { a: 1 } }],
    ["extensions", { ...fullContent, extensions: { alert: "none" } }],
    ["no extensions", { ...fullContent, extensions: null }],
    ["duration", { ...fullContent, explicitDurationMs: 912 }],
  ])("other %s make another id", (_what, content) => {
    expect(eventId(full, content, 0)).not.toBe(eventId(full, fullContent, 0));
  });

  test("receive time and everything derived make no difference", () => {
    const derived: EventDraft = {
      ...full,
      receivedAtMicros: full.receivedAtMicros + 1,
      durationMs: 1,
      dialect: "otlp",
      llmProvider: "anthropic",
      operation: {
        kind: "llm",
        family: "llm.call",
        outcome: "ok",
        runId: null,
        chainId: null,
        nodeId: null,
        subject: null,
        toolName: null,
        isAlone: false,
        endMicros: null,
        llm: null,
      },
    };
    expect(eventId(derived, fullContent, 0)).toBe(eventId(full, fullContent, 0));
  });

  test("neither do the order of keys and the spelling of numbers", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (members) => {
        const reversed = Object.fromEntries(Object.entries(members).reverse());
        const sent = { ...fullContent, attributes: parseExactJson(JSON.stringify(members)) };
        expect(eventId(full, { ...fullContent, attributes: reversed }, 0)).toBe(eventId(full, sent, 0));
      }),
    );
  });

  test("a value that moves from one field to the next makes another id", () => {
    const ids = ["sessionId", "traceId", "spanId", "parentSpanId", "channel", "direction", "callerFile"].map((field) =>
      eventId({ ...plain, [field]: "x" }, noContent, 0),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("each occurrence in a request has its own id, and all keep the time in front", () => {
    const ids = [0, 1, 2, 11].map((ordinal) => eventId(plain, noContent, ordinal));
    expect(new Set(ids).size).toBe(4);
    expect(new Set(ids.map((id) => id.slice(0, 12))).size).toBe(1);
  });
});

describe("with an id of the client's", () => {
  test("agents do not share ids, and the border between agent and id is clear", () => {
    const ids = [withId("a", "b"), withId("b", "a"), withId("ab", ""), withId("a", 'b","c'), withId('a","b', "c")];
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("the same id in another millisecond is another event, in the same one it is not", () => {
    expect(at(1_742_289_300_101_999)).toBe(at(1_742_289_300_101_000));
    expect(at(1_742_289_300_102_000)).not.toBe(at(1_742_289_300_101_999));
  });
});

test("ids are 32 hexadecimal digits that sort by time", () => {
  const time = fc.integer({ min: 0, max: 2 ** 53 - 1 });
  fc.assert(
    fc.property(time, time, (a, b) => {
      const [first, second] = [a, b].map((timeMicros) => eventId({ ...plain, timeMicros }, noContent, 0));
      expect(first).toMatch(/^[0-9a-f]{32}$/);
      expect(String(first).slice(0, 12) <= String(second).slice(0, 12)).toBe(
        Math.floor(a / 1000) <= Math.floor(b / 1000),
      );
    }),
  );
  expect(eventId({ ...plain, timeMicros: -1 }, noContent, 0)).toMatch(/^0{12}[0-9a-f]{20}$/);
});

describe("two events with the same id", () => {
  const event: Event = {
    ...full,
    id: "0".repeat(32),
    attributesJson: '{"a":1,"b":[1.0,12345678901234567891]}',
    extensionsJson: '{"x":1,"y":2}',
  };

  test("say the same, whatever their receive time and the spelling of their JSON", () => {
    expect(isSameContent(event, { ...event })).toBe(true);
    const retried = {
      ...event,
      receivedAtMicros: 1,
      attributesJson: '{ "b": [1, 12345678901234567891.0], "a": 1e0 }',
      extensionsJson: '{"y":2,"x":1}',
    };
    expect(isSameContent(event, retried)).toBe(true);
    expect(isSameContent({ ...event, extensionsJson: null }, { ...retried, extensionsJson: null })).toBe(true);
  });

  test.each([
    ...Object.entries(other),
    ["clientEventId", "other"],
    ["durationMs", 1],
    ["durationMs", null],
    ["attributesJson", '{"a":1,"b":[1,12345678901234567892]}'],
    ["attributesJson", "{}"],
    ["extensionsJson", '{"x":1}'],
    ["extensionsJson", null],
  ])("say something else with another %s (%j)", (field, value) => {
    expect(isSameContent(event, { ...event, [field]: value })).toBe(false);
    expect(isSameContent({ ...event, [field]: value }, event)).toBe(false);
  });
});
