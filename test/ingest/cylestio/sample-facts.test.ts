import { describe, expect, test } from "vitest";
import { normaliseBatch } from "../../../src/ingest/batch.ts";
import { findAlertFacts } from "../../../src/ingest/cylestio/alert-facts.ts";
import { findErrorMessage } from "../../../src/ingest/cylestio/error-message.ts";
import { eventFieldsFromJson } from "../../../src/ingest/cylestio/json-event.ts";
import { findLlmFacts } from "../../../src/ingest/cylestio/llm-facts.ts";
import type { Event } from "../../../src/model/event.ts";
import { type JsonObject, parseExactJson } from "../../../src/model/exact-json.ts";
import { limitsDefault } from "../../../src/model/limits.ts";
import { type LlmFacts, mergeLlmFacts } from "../../../src/model/llm-call.ts";
import {
  operationDurationMs,
  type PairingPart,
  pairParts,
  partitionNameOf,
  tiesOf,
} from "../../../src/model/pairing.ts";
import expected from "../../samples/expected.json" with { type: "json" };
import { readSampleEvents } from "../../samples.ts";

const { idMaxBytes, textMaxBytes } = limitsDefault;

/** A call of a model: what is known of it after pairing. */
interface Call {
  readonly event: Event;
  readonly facts: LlmFacts;
  readonly startMicros: number | null;
  readonly finishMicros: number | null;
  readonly outcome: string | null;
  readonly durationMs: number | null;
}

interface Part extends PairingPart {
  readonly event: Event;
}

/** An event with what its columns hold as JSON, parsed. */
interface Parsed {
  readonly event: Event;
  readonly attributes: JsonObject;
  readonly extensions: JsonObject | null;
}

function parse(raws: readonly unknown[]): readonly Parsed[] {
  const options = { nowMicros: Date.UTC(2025, 5, 1) * 1000, limits: limitsDefault, readFields: eventFieldsFromJson };
  return normaliseBatch(raws, options).map((result) => {
    if (!result.ok) {
      throw new Error(`refused: ${JSON.stringify(result.violation)}`);
    }
    const { event } = result;
    return {
      event,
      attributes: parseExactJson(event.attributesJson) as JsonObject,
      extensions: event.extensionsJson === null ? null : (parseExactJson(event.extensionsJson) as JsonObject),
    };
  });
}

function findCalls(parsed: readonly Parsed[]): readonly Call[] {
  const partitions = new Map<string, Part[]>();
  const factsOf = new Map<Part, LlmFacts>();
  for (const { event, attributes, extensions } of parsed) {
    const { operation, name } = event;
    const facts = findLlmFacts({ name, attributes, extensions, operation, idMaxBytes });
    if (operation !== null && facts !== null) {
      const { id, timeMicros } = event;
      const finish = operation.outcome !== null;
      const part = { eventId: id, timeMicros, finish, ties: tiesOf(event, operation), event };
      const { whole } = partitionNameOf(event, operation);
      partitions.set(whole, [...(partitions.get(whole) ?? []), part]);
      factsOf.set(part, facts);
    }
  }
  return [...partitions.values()].flatMap(pairParts).map(({ start, finish }) => {
    const facts = mergeLlmFacts(factsOf.get(start as Part) ?? null, factsOf.get(finish as Part) ?? null);
    const times = { startMicros: start?.timeMicros ?? null, finishMicros: finish?.timeMicros ?? null };
    return {
      event: (start ?? finish).event,
      facts: facts as LlmFacts,
      ...times,
      outcome: finish?.event.operation?.outcome ?? null,
      durationMs: operationDurationMs({ ...times, reportedMs: finish?.event.durationMs ?? null }),
    };
  });
}

/** Without the wrappers under whose span, and inside whose time, a vendor's call lies. */
function withoutCovered(calls: readonly Call[]): readonly Call[] {
  const isCovered = (wrapper: Call): boolean =>
    calls.some(
      (call) =>
        !call.facts.isWrapper &&
        call.event.parentSpanId !== null &&
        call.event.parentSpanId === wrapper.event.spanId &&
        (call.startMicros ?? 0) >= (wrapper.startMicros ?? 0) &&
        (call.finishMicros ?? 0) <= (wrapper.finishMicros ?? Number.POSITIVE_INFINITY),
    );
  return calls.filter((call) => !(call.facts.isWrapper && isCovered(call)));
}

interface ModelTotals {
  readonly calls: number;
  readonly input: number;
  readonly output: number;
  readonly durationMs: number;
}

/** Totals by model of the calls that ended well and tell a model. */
function totalsByModel(calls: readonly Call[]): Record<string, ModelTotals> {
  const totals: Record<string, ModelTotals> = {};
  for (const { facts, outcome, durationMs } of calls) {
    const model = facts.usedModel ?? facts.requestedModel;
    if (outcome === "ok" && model !== null) {
      const total = totals[model] ?? { calls: 0, input: 0, output: 0, durationMs: 0 };
      totals[model] = {
        calls: total.calls + 1,
        input: total.input + (facts.tokens.input ?? 0),
        output: total.output + (facts.tokens.output ?? 0),
        durationMs: total.durationMs + (durationMs ?? 0),
      };
    }
  }
  return totals;
}

function expectedTotals(models: readonly { model: string; calls: number; input: number; output: number }[]) {
  return Object.fromEntries(
    models.map(({ model, calls, input, output }) => [model, { calls, input, output, durationMs: expect.any(Number) }]),
  );
}

function countAlerts(parsed: readonly Parsed[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { event, attributes, extensions } of parsed) {
    const alert = findAlertFacts({ name: event.name, level: event.level, attributes, extensions, textMaxBytes });
    if (alert !== null) {
      const key = `${alert.category}/${alert.severity}`;
      counts[key] = (counts[key] ?? 0) + 1;
    }
  }
  return counts;
}

describe("the v1 sample", () => {
  const sample = expected["v1-events.json"];
  const parsed = parse(readSampleEvents("v1-events.json"));
  const calls = withoutCovered(findCalls(parsed));
  const count = (isWrapper: boolean, outcome: string | null): number =>
    calls.filter((call) => call.facts.isWrapper === isWrapper && call.outcome === outcome).length;

  test("has the expected calls", () => {
    expect({
      vendorCallsFinished: count(false, "ok"),
      vendorCallsFailed: count(false, "error"),
      standaloneLangChainCalls: count(true, "ok"),
      standaloneLangChainErrors: count(true, "error"),
    }).toEqual({
      vendorCallsFinished: sample.vendorCallsFinished,
      vendorCallsFailed: sample.vendorCallsFailed,
      standaloneLangChainCalls: sample.standaloneLangChainCalls,
      standaloneLangChainErrors: sample.standaloneLangChainErrors,
    });
    expect(calls.length).toBe(13);
  });

  test("has the expected tokens and durations by model", () => {
    const totals = totalsByModel(calls);
    expect(totals).toEqual(expectedTotals(sample.models));
    for (const { model, durationMs } of sample.models) {
      expect(totals[model]?.durationMs).toBe(durationMs ?? 930);
    }
  });

  test("has the expected vendors", () => {
    const vendors = calls.map(({ facts }) => facts.vendor);
    expect(vendors.filter((vendor) => vendor === "anthropic").length).toBe(6);
    expect(vendors.filter((vendor) => vendor === "openai").length).toBe(5);
  });

  test("has the expected alerts", () => {
    expect(countAlerts(parsed)).toEqual(sample.alerts);
  });

  test("tells what went wrong of every event that is an error, and of no other", () => {
    for (const { event, attributes } of parsed) {
      const { name, level } = event;
      const message = findErrorMessage({ name, level, attributes, textMaxBytes });
      expect([name, message !== null]).toEqual([name, level === "ERROR"]);
    }
  });
});

describe("the legacy sample", () => {
  const sample = expected["legacy-events.json"];
  const parsed = parse(readSampleEvents("legacy-events.json"));
  const calls = withoutCovered(findCalls(parsed));

  test("has the expected tokens by model", () => {
    expect(totalsByModel(calls)).toEqual(expectedTotals(sample.models));
  });

  test("has the expected durations", () => {
    const durations = calls
      .filter(({ event, facts }) => facts.usedModel !== null && event.agentId !== "docs-rag")
      .map(({ durationMs }) => durationMs);
    expect(durations).toEqual(Object.values(sample.llmDurationsMs));
  });

  test("has calls that tell no model: the application's, and those that failed or were blocked", () => {
    const others = calls.filter(({ facts }) => (facts.usedModel ?? facts.requestedModel) === null);
    expect(others.map(({ event, outcome, durationMs }) => `${event.name} ${outcome} ${durationMs}`).toSorted()).toEqual(
      [
        "LLM_call_blocked blocked null",
        "LLM_call_blocked blocked null",
        "LLM_call_start error 1250",
        "llm_request ok 1100",
        "model_error error 812.5",
      ],
    );
  });

  test("has the alerts of a marked prompt, two blocked calls and one legacy alert", () => {
    expect(countAlerts(parsed)).toEqual({ "null/medium": 1, "null/high": 2, "dangerous_commands/high": 1 });
  });
});

/** A v1 event at so many seconds. */
function rawEvent(
  name: string,
  seconds: number,
  [spanId, parentSpanId]: readonly [string, string | null],
  attributes: JsonObject,
): JsonObject {
  const ids = { agent_id: "a", trace_id: "t", span_id: spanId, parent_span_id: parentSpanId };
  return { schema_version: "1.0", timestamp: `2025-04-10T08:00:0${seconds}Z`, ...ids, name, attributes };
}

describe("a call that LangChain and the vendor's client both report", () => {
  const wrapper = [
    rawEvent("llm.request", 1, ["w", null], { "llm.model": "gpt-4o", "framework.name": "langchain" }),
    rawEvent("llm.response", 5, ["w", null], { "llm.model": "gpt-4o", "llm.response.usage.input_tokens": 10 }),
  ];
  const vendorCall = (parentSpanId: string | null, from: number, to: number) => [
    rawEvent("llm.call.start", from, ["v", parentSpanId], { "llm.model": "gpt-4o" }),
    rawEvent("llm.call.end", to, ["v", parentSpanId], {
      "llm.model": "gpt-4o-2024-08-06",
      "llm.usage.input_tokens": 10,
    }),
  ];
  const vendorTotals = { "gpt-4o-2024-08-06": { calls: 1, input: 10, output: 0 } };
  const wrapperTotals = { "gpt-4o": { calls: 1, input: 10, output: 0 } };

  test.each([
    ["counts once where one lies in the other", vendorCall("w", 2, 4), vendorTotals],
    ["counts twice where it lies elsewhere", vendorCall(null, 2, 4), { ...vendorTotals, ...wrapperTotals }],
    [
      "counts twice where it came later, in a leaked span",
      vendorCall("w", 6, 7),
      { ...vendorTotals, ...wrapperTotals },
    ],
  ])("%s", (_what, vendorEvents, totals) => {
    const calls = withoutCovered(findCalls(parse([...wrapper, ...vendorEvents])));
    expect(totalsByModel(calls)).toMatchObject(totals);
    expect(Object.keys(totalsByModel(calls)).toSorted()).toEqual(Object.keys(totals).toSorted());
  });
});
