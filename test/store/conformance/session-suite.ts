import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type LlmFacts, noTokens, type TokenCounts } from "../../../src/model/llm-call.ts";
import type {
  OperationFilter,
  OperationRecord,
  SessionFilter,
  SessionRecord,
  TelemetryStore,
} from "../../../src/store/store.ts";
import { anyArrival, buildArrival } from "../arrival.ts";
import { buildAlert, buildLlm, buildOperation, eventAt, pricedModel, readListPages } from "../call-builder.ts";
import { buildPart, builtFromMicros } from "../event-builder.ts";
import { type CreateStore, openStore } from "../open-store.ts";

const everySession: SessionFilter = { agentId: null, sessionId: null, fromMicros: null, toMicros: null };

async function listAll(store: TelemetryStore, filter: Partial<SessionFilter> = {}, limit = 1000) {
  const query = { ...everySession, ...filter };
  return (await readListPages(limit, (page) => store.listSessions({ filter: query, ...page }))).flat();
}

async function theSession(store: TelemetryStore, sessionId = "session"): Promise<SessionRecord | undefined> {
  const [session, ...others] = await listAll(store, { sessionId });
  expect(others).toEqual([]);
  return session;
}

/** Every operation of a session. */
async function operationsOf(store: TelemetryStore, { agentId, sessionId }: SessionRecord) {
  const any = { status: null, toolName: null, vendor: null, model: null, fromMicros: null, toMicros: null };
  const filter: OperationFilter = { ...any, agentId, sessionId, kind: null };
  const pages = await readListPages(1000, (page) => store.listOperations({ filter, ascending: true, ...page }));
  return pages.flat();
}

const failed = (all: readonly OperationRecord[]) => all.filter(({ outcome }) => outcome !== null && outcome !== "ok");

/** What the numbers of a session are by definition. */
function countersFrom(operations: readonly OperationRecord[]): Partial<SessionRecord> {
  const calls = operations.filter(({ kind, llm }) => kind === "llm" && llm?.isCovered === false);
  const tools = operations.filter(({ kind }) => kind === "tool");
  const told = calls.map(({ llm }) => llm?.tokens ?? noTokens);
  const timed = tools.flatMap(({ durationMs, toolName }) =>
    durationMs === null ? [] : [{ durationMs, name: toolName }],
  );
  timed.sort((a, b) => b.durationMs - a.durationMs || ((a.name ?? "") < (b.name ?? "") ? -1 : 1));
  return {
    llmCallCount: calls.length,
    failedLlmCallCount: failed(calls).length,
    toolCallCount: tools.length,
    failedToolCallCount: failed(tools).length,
    tokens: {
      input: sumOf(told, "input"),
      output: sumOf(told, "output"),
      cacheRead: sumOf(told, "cacheRead"),
      cacheWrite: sumOf(told, "cacheWrite"),
      reasoning: sumOf(told, "reasoning"),
    },
    slowestTool: timed[0] ?? null,
  };
}

function sumOf(all: readonly TokenCounts[], tier: keyof TokenCounts): number | null {
  const counts = all.flatMap((tokens) => tokens[tier] ?? []);
  return counts.length === 0 ? null : counts.reduce((sum, count) => sum + count, 0);
}

const anyLlm: fc.Arbitrary<LlmFacts> = fc
  .record({
    isWrapper: fc.boolean(),
    requestedModel: fc.constantFrom(null, pricedModel.requestedModel, "no-such-model"),
    input: fc.constantFrom(null, 0, 7),
    output: fc.constantFrom(null, 3),
    cacheRead: fc.constantFrom(null, 2),
  })
  .map(({ isWrapper, requestedModel, ...tokens }) => buildLlm({ isWrapper, requestedModel, tokens }));

/** Calls whose spans lie in each other, of few sessions and times. */
const anyCalls = fc
  .array(
    fc.record({
      agentId: fc.constantFrom("one", "two"),
      sessionId: fc.constantFrom("s1", "s1", "s2"),
      traceId: fc.constant("t1"),
      spanId: fc.constantFrom("a", "b", "c", "d"),
      parentSpanId: fc.constantFrom(null, "a", "b"),
      timeMicros: fc.integer({ min: 0, max: 9 }).map((step) => builtFromMicros + step * 500),
      kind: fc.constantFrom("llm" as const, "llm" as const, "tool" as const),
      outcome: fc.constantFrom(null, "ok" as const, "error" as const),
      toolName: fc.constantFrom(null, "search", "fetch"),
      llm: anyLlm,
    }),
    { minLength: 1, maxLength: 20 },
  )
  .map((all) =>
    all.map(({ kind, outcome, toolName, llm, ...fields }) => ({
      ...fields,
      operation: buildPart({ kind, family: kind, outcome, toolName, llm: kind === "llm" ? llm : null }),
    })),
  );

/** What the store says of sessions. */
export function testSessions(createStore: CreateStore): void {
  test("a session is told in numbers", async () => {
    const store = await openStore(createStore);
    const llm = buildLlm({ ...pricedModel, tokens: { input: 100, output: 20, cacheRead: 0 } });
    await store.append([
      eventAt(0),
      ...buildOperation({ atMs: 10, ms: 30 }, { llm }),
      ...buildOperation(
        { atMs: 50, ms: 5 },
        { llm: buildLlm({ requestedModel: "no-such-model", tokens: { input: 1 } }) },
      ),
      ...buildOperation({ atMs: 60, ms: 5, outcome: "error" }, { llm: buildLlm(pricedModel) }),
      ...buildOperation({ atMs: 70, ms: 9, outcome: "blocked" }, { kind: "tool", family: "tool", toolName: "search" }),
      ...buildOperation({ atMs: 80, ms: 4 }, { kind: "tool", family: "tool", toolName: "fetch" }),
      eventAt(90, { level: "error", alert: buildAlert() }),
      eventAt(89, { agentId: "other", alert: buildAlert() }),
      eventAt(89, { sessionId: "other", alert: buildAlert() }),
    ]);
    const [session] = await listAll(store, { agentId: "agent", sessionId: "session" });
    expect(session).toEqual({
      agentId: "agent",
      sessionId: "session",
      startMicros: builtFromMicros,
      endMicros: builtFromMicros + 90_000,
      eventCount: 12,
      errorCount: 1,
      llmCallCount: 3,
      failedLlmCallCount: 1,
      toolCallCount: 2,
      failedToolCallCount: 1,
      alertCount: 1,
      tokens: { input: 101, output: 20, cacheRead: 0, cacheWrite: null, reasoning: null },
      // 100 tokens in and 20 out, of which those read from a cache are none.
      costPicoUsd: 100 * 250_000 + 20 * 1_250_000,
      unpricedCallCount: 1,
      slowestTool: { name: "search", durationMs: 9 },
    });
    const costs = (await operationsOf(store, session ?? fail())).flatMap((call) => call.llm?.costPicoUsd ?? []);
    expect(costs).toHaveLength(1);
    expect(session?.costPicoUsd).toBe(costs[0]);
  });

  test("what no event tells is null, and not zero", async () => {
    const store = await openStore(createStore);
    await store.append([eventAt(0), ...buildOperation({ atMs: 1, ms: 1 }, { llm: buildLlm() })]);
    expect(await theSession(store)).toMatchObject({
      tokens: noTokens,
      costPicoUsd: null,
      // A call that tells no tokens lacks more than a price.
      unpricedCallCount: 0,
      slowestTool: null,
    });
    await store.append(buildOperation({ atMs: 2, ms: 1 }, { llm: buildLlm({ tokens: { cacheRead: 0 } }) }));
    expect(await theSession(store)).toMatchObject({ unpricedCallCount: 1 });
  });

  test("a call that a framework and the vendor's client both report counts once", async () => {
    const store = await openStore(createStore);
    const tokens = { input: 10, output: 5 };
    const wrapper = { traceId: "t", spanId: "wrapper", atMs: 0, ms: 100 };
    const call = { traceId: "t", spanId: "call", parentSpanId: "wrapper", atMs: 10, ms: 50 };
    await store.append(
      buildOperation(wrapper, { family: "llm", llm: buildLlm({ ...pricedModel, isWrapper: true, tokens }) }),
    );
    expect(await theSession(store)).toMatchObject({ llmCallCount: 1, tokens: { input: 10 } });
    const cost = (await theSession(store))?.costPicoUsd;
    await store.append(buildOperation(call, { llm: buildLlm({ ...pricedModel, tokens }) }));
    expect(await theSession(store)).toMatchObject({ llmCallCount: 1, tokens: { input: 10 }, costPicoUsd: cost });
    const covered = (await operationsOf(store, (await theSession(store)) ?? fail())).map(({ llm }) => llm?.isCovered);
    expect(covered).toEqual([true, false]);
  });

  test("the numbers are the sums over its operations, whatever came in whatever order", async () => {
    const store = await openStore(createStore);
    await fc.assert(
      fc.asyncProperty(anyArrival(anyCalls), async (arrival) => {
        const { events, calls, agentIds } = buildArrival(arrival);
        for (const call of calls) await store.append(call);
        for (const agentId of agentIds) {
          const sessions = await listAll(store, { agentId });
          const own = events.filter((event) => event.agentId === agentId);
          expect(sessions).toHaveLength(new Set(own.map(({ sessionId }) => sessionId)).size);
          for (const session of sessions) {
            expect(session).toMatchObject(countersFrom(await operationsOf(store, session)));
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  test("sessions come by their start, the newest first, and an earlier event moves the start", async () => {
    const store = await openStore(createStore);
    const ids = async () => (await listAll(store)).map(({ sessionId }) => sessionId);
    await store.append([
      eventAt(1, { sessionId: "a" }),
      eventAt(5, { sessionId: "b" }),
      eventAt(9, { sessionId: "a" }),
    ]);
    expect(await ids()).toEqual(["b", "a"]);
    await store.append([eventAt(0, { sessionId: "b" })]);
    expect(await ids()).toEqual(["a", "b"]);
  });

  test("a session id that two agents use is a session of each", async () => {
    const store = await openStore(createStore);
    await store.append([
      eventAt(0, { agentId: "one" }),
      eventAt(1, { agentId: "two" }),
      eventAt(2, { agentId: "two" }),
    ]);
    const counts = async (filter: Partial<SessionFilter>) =>
      (await listAll(store, filter)).map(({ agentId, eventCount }) => [agentId, eventCount]);
    expect(await counts({ sessionId: "session" })).toEqual([
      ["two", 2],
      ["one", 1],
    ]);
    expect(await counts({ sessionId: "session", agentId: "one" })).toEqual([["one", 1]]);
    expect(await counts({ sessionId: "session", agentId: "nobody" })).toEqual([]);
    expect(await counts({ sessionId: "none" })).toEqual([]);
  });

  test("the pages of any list are the whole list once, also where an agent's sessions are rare", async () => {
    const store = await openStore(createStore, { examinedRowsMax: 5 });
    const steps = Array.from({ length: 40 }, (_, index) => index);
    await store.append(
      steps.map((step) =>
        eventAt(Math.floor(step / 3), { agentId: step % 13 === 0 ? "rare" : "agent", sessionId: `s${step}` }),
      ),
    );
    const all = await listAll(store);
    expect(all).toHaveLength(40);
    const range = { fromMicros: builtFromMicros + 3_000, toMicros: builtFromMicros + 9_000 };
    for (const filter of [{}, { agentId: "rare" }, { agentId: "agent" }, range, { ...range, agentId: "rare" }]) {
      const {
        agentId = null,
        fromMicros = 0,
        toMicros = Infinity,
      } = { ...range, fromMicros: 0, toMicros: Infinity, ...filter } as SessionFilter;
      const expected = all.filter(
        (session) =>
          (agentId === null || session.agentId === agentId) &&
          session.startMicros >= (fromMicros ?? 0) &&
          session.startMicros <= (toMicros ?? Infinity),
      );
      for (const limit of [1, 7, 40]) expect(await listAll(store, filter, limit)).toEqual(expected);
    }
  });
}

function fail(): never {
  throw new Error("there is no session");
}
