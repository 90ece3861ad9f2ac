import { describe, expect, test } from "vitest";
import { normaliseBatch } from "../../src/ingest/batch.ts";
import { parseFreeFormJson } from "../../src/ingest/cylestio/free-form-json.ts";
import { eventFieldsFromJson } from "../../src/ingest/cylestio/json-event.ts";
import type { Event } from "../../src/model/event.ts";
import { limitsDefault } from "../../src/model/limits.ts";
import { readSampleEvents } from "../samples.ts";

const options = { nowMicros: Date.UTC(2025, 5, 1) * 1000, limits: limitsDefault, readFields: eventFieldsFromJson };
const event = { timestamp: "2025-03-18T09:15:00Z", agent_id: "a", event_type: "t", data: { x: 1, y: 2 } };

function eventsOf(raws: readonly unknown[]): readonly Event[] {
  return normaliseBatch(raws, options).map((result) => {
    if (!result.ok) {
      throw new Error(`refused: ${JSON.stringify(result.violation)}`);
    }
    return result.event;
  });
}

const idsOf = (raws: readonly unknown[]): readonly string[] => eventsOf(raws).map(({ id }) => id);

test("each event has its own result, in order, and a bad one harms no other", () => {
  const results = normaliseBatch([event, null, { ...event, agent_id: "" }, { ...event, timestamp: 5 }, event], options);
  expect(results.map((result) => (result.ok ? result.event.agentId : result.violation.reason))).toEqual([
    "a",
    "FIELD_INVALID",
    "FIELD_REQUIRED",
    "TIME_INVALID",
    "a",
  ]);
});

test("an empty batch has no results", () => {
  expect(normaliseBatch([], options)).toEqual([]);
});

describe("identical events without an id of the client's", () => {
  test("have different ids in one request", () => {
    const ids = idsOf([
      event,
      { ...event, timestamp: "2025-03-18T10:15:00+01:00" },
      { ...event, data: { y: 2, x: 1 } },
    ]);
    expect(new Set(ids).size).toBe(3);
  });

  test("have the same ids in a request that is sent again, whatever else is in it", () => {
    const other = { ...event, agent_id: "b" };
    const [first, second] = idsOf([event, event]);
    expect(idsOf([other, event, other, event]).filter((_, index) => index % 2 === 1)).toEqual([first, second]);
    expect(idsOf([event])).toEqual([first]);
  });
});

test("with an id of the client's, the same id is the same event", () => {
  const ids = idsOf([
    { ...event, event_id: "e" },
    { ...event, event_id: "e", data: {} },
    { ...event, event_id: "f" },
  ]);
  expect(ids[0]).toBe(ids[1]);
  expect(ids[0]).not.toBe(ids[2]);
});

test("the duration that the client gives is part of what identifies an event", () => {
  expect(idsOf([{ ...event, duration_ms: 5 }])).not.toEqual(idsOf([event]));
});

test("receive time does not change the id", () => {
  const later = normaliseBatch([event], { ...options, nowMicros: options.nowMicros + 1 });
  expect(later[0]?.ok && later[0].event).toMatchObject({
    id: idsOf([event])[0],
    receivedAtMicros: options.nowMicros + 1,
  });
});

test("long digits and the words of Python are kept, and tell events apart", () => {
  const sent = ["9007199254740993", "9007199254740992", "NaN", "0.1000000000000000000000001"];
  const bodies = sent.map((x) => `{"timestamp":"2025-03-18","agent_id":"a","name":"t","attributes":{"x":${x}}}`);
  const events = eventsOf(bodies.map((body) => parseFreeFormJson(body)));
  expect(events.map(({ attributesJson }) => attributesJson)).toEqual(
    ["9007199254740993", "9007199254740992", '"NaN"', "0.1000000000000000000000001"].map((x) => `{"x":${x}}`),
  );
  expect(new Set(events.map(({ id }) => id)).size).toBe(4);
});

describe("the samples", () => {
  const legacy = readSampleEvents("legacy-events.json");
  const v1 = readSampleEvents("v1-events.json");
  const events = eventsOf([...legacy, ...v1]);
  const further = new Set(["conversation_id", "alert", "event_category", "performance", "model", "security"]);

  test("are accepted whole, with an id each", () => {
    expect(events).toHaveLength(168);
    expect(new Set(events.map(({ id }) => id)).size).toBe(168);
  });

  test("keep their facts and their further members", () => {
    for (const [index, raw] of [...legacy, ...v1].entries()) {
      const { attributesJson, extensionsJson } = events[index] ?? {};
      expect(attributesJson).toBe(JSON.stringify(raw["data"] ?? raw["attributes"]));
      const kept = Object.keys(JSON.parse(extensionsJson ?? "{}"));
      expect(kept).toEqual(Object.keys(raw).filter((key) => further.has(key)));
    }
  });

  test("name the sessions of the three agents", () => {
    const sessions = Map.groupBy(events, ({ agentId, sessionId }) => `${agentId} ${sessionId}`);
    expect(Object.fromEntries([...sessions].map(([key, { length }]) => [key, length]))).toEqual({
      "docs-rag 3032cc1a-ab26-807a-273f-4ece54e77e7e": 31,
      "docs-rag langchain-0d6a1c55-8a55-4a53-8f5e-0f6d0bfa1122": 2,
      "docs-rag langchain-5a9a8b10-41a6-4d7d-9a50-6c7a53d15566": 2,
      "docs-rag langchain-6f0f8a2e-5f0e-4f2b-9f44-0a6a2c1d7b10": 3,
      "docs-rag langchain-77aa0b5e-12f1-4c2f-8f8e-a1b1c1d17788": 3,
      "docs-rag langchain-d6a0d7a2-2b1a-4a80-9a6e-5d8b8a0c3344": 2,
      "docs-rag session_20250321140000": 6,
      "inventory-helper 91d446fb-d214-8238-4946-10b654dfeeaf": 11,
      "inventory-helper 9b90ea16-c1c2-5659-e2b0-5fe13d797f82": 19,
      "inventory-helper session_20250318091500": 15,
      "ops_watch 7d6c8738-0c1b-5f73-8751-92dd36406eed": 47,
      "trip-planner langgraph-graph-90812": 8,
      "trip-planner session_20250321150000": 19,
    });
  });

  test("tell how long the calls took that report it", () => {
    const reported = events.filter(
      ({ name, durationMs }) => /^llm.call|call_finish$/i.test(name) && durationMs !== null,
    );
    expect(reported.map(({ name, durationMs }) => `${name} ${durationMs}`)).toEqual([
      "LLM_call_finish 1412.345",
      "call_finish 231.5",
      "call_finish 451",
      "MCP_tool_call_finish 700",
      ...v1
        .filter((raw) => Object.hasOwn(raw["attributes"] as object, "llm.response.duration_ms"))
        .map((raw) => `${raw["name"]} ${(raw["attributes"] as Record<string, unknown>)["llm.response.duration_ms"]}`),
    ]);
  });

  test("tell the tools that were called, and which call failed", () => {
    const calls = events.filter(({ name }) => name.startsWith("call_"));
    expect(calls.map(({ name, operation }) => `${name} ${operation?.toolName} ${operation?.outcome}`)).toEqual([
      "call_start get_stock_level null",
      "call_finish null ok",
      "call_start reserve_stock null",
      "call_finish null error",
      "call_error null error",
    ]);
  });
});
