import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Event } from "../../../src/model/event.ts";
import { tracePartitionPrefixOf } from "../../../src/model/pairing.ts";
import type { TelemetryStore, TraceFilter, TraceOperationQuery } from "../../../src/store/store.ts";
import { anyArrival, buildArrival } from "../arrival.ts";
import { buildOperation, eventAt, readListPages } from "../call-builder.ts";
import { buildPart, builtFromMicros } from "../event-builder.ts";
import { type CreateStore, openStore } from "../open-store.ts";

const everyTrace: TraceFilter = { agentId: null, traceId: null, fromMicros: null, toMicros: null };

async function listAll(store: TelemetryStore, filter: Partial<TraceFilter> = {}, limit = 1000) {
  const query = { ...everyTrace, ...filter };
  return (await readListPages(limit, (page) => store.listTraces({ filter: query, ...page }))).flat();
}

/** Names of the operations of a trace, in order. */
async function namesIn(store: TelemetryStore, query: Partial<TraceOperationQuery>): Promise<readonly string[]> {
  const found = await store.findTraceOperations({ traceId: "t", agentId: null, limit: 100, ...query });
  return found.operations.map(({ name }) => name).sort();
}

const anyTraceEvents: fc.Arbitrary<readonly Partial<Event>[]> = fc.array(
  fc
    .record({
      agentId: fc.constantFrom("one", "two"),
      sessionId: fc.constantFrom(null, "s"),
      traceId: fc.constantFrom("t", "t", "u", null, "null-trace"),
      spanId: fc.constantFrom(null, "a", "b"),
      level: fc.constantFrom("INFO", "Error"),
      timeMicros: fc.integer({ min: 0, max: 9 }).map((step) => builtFromMicros + step),
      outcome: fc.constantFrom(null, "ok" as const),
      isOperation: fc.boolean(),
    })
    .map(({ outcome, isOperation, ...fields }) => ({
      ...fields,
      operation: isOperation ? buildPart({ outcome }) : null,
    })),
  { minLength: 1, maxLength: 20 },
);

const operationAt = (atMs: number) =>
  buildOperation({ traceId: "t", spanId: null, atMs, ms: 1 }, { family: `${atMs}` });

/** What the store says of traces. */
export function testTraces(createStore: CreateStore): void {
  test("a trace is told in numbers, whatever order its events came in", async () => {
    const store = await openStore(createStore);
    await fc.assert(
      fc.asyncProperty(anyArrival(anyTraceEvents), async (arrival) => {
        const { events, calls, agentIds } = buildArrival(arrival);
        for (const call of calls) await store.append(call);
        for (const agentId of agentIds) {
          const traced = events.filter(
            (event) => event.agentId === agentId && ["t", "u"].includes(event.traceId ?? ""),
          );
          const expected = [...Map.groupBy(traced, ({ traceId }) => traceId)].map(([traceId, members]) => ({
            agentId,
            traceId,
            startMicros: Math.min(...members.map(({ timeMicros }) => timeMicros)),
            endMicros: Math.max(...members.map(({ timeMicros }) => timeMicros)),
            eventCount: members.length,
            errorCount: members.filter(({ level }) => level !== "INFO").length,
          }));
          expect(new Set(await listAll(store, { agentId }))).toEqual(new Set(expected));
        }
      }),
      { numRuns: 40 },
    );
  });

  test("its operations are those with its id, spans and others, of one agent or of all", async () => {
    const store = await openStore(createStore);
    const ofTrace = { traceId: "t", ms: 1 };
    await store.append([
      ...buildOperation({ ...ofTrace, atMs: 0 }, { family: "span" }),
      ...buildOperation({ ...ofTrace, atMs: 3, sessionId: null }, { family: "without session" }),
      ...buildOperation({ ...ofTrace, atMs: 4, spanId: null }, { family: "no span", kind: "tool" }),
      ...buildOperation({ ...ofTrace, atMs: 5, agentId: "other" }, { family: "of another agent" }),
      ...buildOperation({ ...ofTrace, atMs: 2, traceId: "u" }, { family: "of another trace" }),
      ...buildOperation({ ...ofTrace, atMs: 2, traceId: null, spanId: null }, { family: "of no trace" }),
      ...buildOperation({ ...ofTrace, atMs: 2, traceId: "null-trace" }, { family: "before the trace" }),
    ]);
    expect(await namesIn(store, { agentId: "agent" })).toEqual(["no span", "span", "without session"]);
    expect(await namesIn(store, {})).toEqual(["no span", "of another agent", "span", "without session"]);
    expect(await namesIn(store, { agentId: "other" })).toEqual(["of another agent"]);
    expect(await namesIn(store, { traceId: "null-trace" })).toEqual([]);
    const { traces, truncated } = await store.findTraceOperations({ traceId: "t", agentId: null, limit: 4 });
    expect(traces.map(({ agentId }) => agentId)).toEqual(["agent", "other"]);
    expect(truncated).toBe(false);
  });

  test("a trace that is not there has no traces and no operations", async () => {
    const store = await openStore(createStore);
    await store.append([eventAt(0, { traceId: "t" })]);
    const nothing = { traces: [], operations: [], truncated: false };
    expect(await store.findTraceOperations({ traceId: "none", agentId: null, limit: 1 })).toEqual(nothing);
    expect(await store.findTraceOperations({ traceId: "t", agentId: "nobody", limit: 1 })).toEqual(nothing);
    expect(await store.findTraceOperations({ traceId: "t", agentId: null, limit: 1 })).toMatchObject({
      traces: [{ agentId: "agent" }],
      operations: [],
      truncated: false,
    });
  });

  test("its operations are told from those of a trace that lies in the same place of the index", async () => {
    const store = await openStore(createStore);
    // The first 4 bytes of the digests of these two, under this agent, are the same.
    const traceIds = ["trace 167455", "trace 285059"];
    const prefixes = traceIds.map((traceId) => tracePartitionPrefixOf({ agentId: "agent", traceId }));
    expect(prefixes[0]).toBe(prefixes[1]);
    await store.append(traceIds.flatMap((traceId) => buildOperation({ traceId, atMs: 0, ms: 1 }, { family: traceId })));
    for (const traceId of traceIds) expect(await namesIn(store, { traceId })).toEqual([traceId]);
  });

  test("of too many operations it gives the earliest, and says that there are more", async () => {
    const store = await openStore(createStore);
    const steps = [4, 0, 3, 1, 9, 7, 8, 2, 6, 5];
    await store.append(
      steps.flatMap((step) =>
        buildOperation(
          { traceId: "t", atMs: step, ms: 1, ...(step === 1 && { spanId: null }) },
          { family: `step ${step}` },
        ),
      ),
    );
    const first = await store.findTraceOperations({ traceId: "t", agentId: null, limit: 3 });
    expect(first.operations.map(({ name }) => name).sort()).toEqual(["step 0", "step 1", "step 2"]);
    expect(first.truncated).toBe(true);
    const all = await store.findTraceOperations({ traceId: "t", agentId: null, limit: 10 });
    expect([all.operations.length, all.truncated]).toEqual([10, false]);
  });

  test("what is no span is looked for among a bounded number of operations, and the answer says so", async () => {
    const store = await openStore(createStore, { examinedRowsMax: 4 });
    await store.append([0, 10, 20].flatMap(operationAt));
    expect(await store.findTraceOperations({ traceId: "t", agentId: null, limit: 9 })).toMatchObject({
      truncated: false,
    });
    await store.append(operationAt(30));
    expect(await store.findTraceOperations({ traceId: "t", agentId: null, limit: 9 })).toMatchObject({
      truncated: true,
    });
  });

  test("the pages of any list are the whole list once, by start, the newest first", async () => {
    const store = await openStore(createStore, { examinedRowsMax: 5 });
    const steps = Array.from({ length: 30 }, (_, index) => index);
    await store.append(
      steps.map((step) =>
        eventAt(Math.floor(step / 3), { agentId: step % 11 === 0 ? "rare" : "agent", traceId: `t${step}` }),
      ),
    );
    const all = await listAll(store);
    expect(all).toHaveLength(30);
    expect(all.map(({ startMicros }) => startMicros)).toEqual(
      all.map(({ startMicros }) => startMicros).sort((a, b) => b - a),
    );
    const from = builtFromMicros + 3_000;
    for (const limit of [1, 7, 30]) {
      expect(await listAll(store, {}, limit)).toEqual(all);
      expect(await listAll(store, { agentId: "rare" }, limit)).toEqual(all.filter(({ agentId }) => agentId === "rare"));
      expect(await listAll(store, { fromMicros: from }, limit)).toEqual(
        all.filter(({ startMicros }) => startMicros >= from),
      );
      expect(await listAll(store, { toMicros: from }, limit)).toEqual(
        all.filter(({ startMicros }) => startMicros <= from),
      );
      expect(await listAll(store, { traceId: "t7" }, limit)).toEqual(all.filter(({ traceId }) => traceId === "t7"));
    }
  });
}
