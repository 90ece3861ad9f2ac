import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type OperationStatus, operationStatusOf } from "../../../src/model/operation.ts";
import type { OperationFilter, OperationRecord, TelemetryStore } from "../../../src/store/store.ts";
import { anyArrival, buildArrival } from "../arrival.ts";
import { buildLlm, buildOperation, eventAt, readListPages } from "../call-builder.ts";
import { buildPart, builtFromMicros } from "../event-builder.ts";
import { type CreateStore, openStore, readAllEvents } from "../open-store.ts";
import { anyParts, operationsFrom } from "../operation-model.ts";

const anything = {
  agentId: null,
  sessionId: null,
  status: null,
  toolName: null,
  vendor: null,
  model: null,
  fromMicros: null,
  toMicros: null,
} as const;

async function listAll(store: TelemetryStore, filter: OperationFilter, { ascending = false, limit = 1000 } = {}) {
  return (await readListPages(limit, (page) => store.listOperations({ filter, ascending, ...page }))).flat();
}

async function listKinds(store: TelemetryStore, agentId: string): Promise<readonly OperationRecord[]> {
  const kinds = ["llm", "tool"] as const;
  return (await Promise.all(kinds.map((kind) => listAll(store, { ...anything, agentId, kind })))).flat();
}

const vendors = ["anthropic", "openai"] as const;
const models = ["m1", "m2"] as const;
const sessions = ["s1", "s2"] as const;
const statuses = ["running", "ok", "error", "blocked"] as const;

/** 200 operations with few times, owners and facts, so that every filter finds some and not all. */
const manyOperations = fc
  .sample(
    fc.record({
      agentId: fc.constantFrom("one", "two"),
      sessionId: fc.constantFrom(null, ...sessions),
      atMs: fc.integer({ min: 0, max: 15 }),
      status: fc.constantFrom<OperationStatus>(...statuses),
      kind: fc.constantFrom("llm" as const, "tool" as const),
      toolName: fc.constantFrom(null, "search"),
      vendor: fc.constantFrom(null, ...vendors),
      requestedModel: fc.constantFrom(null, ...models),
      usedModel: fc.constantFrom(null, ...models),
    }),
    { numRuns: 200, seed: 3 },
  )
  .flatMap(({ status, kind, toolName, vendor, requestedModel, usedModel, ...fields }) => {
    const llm = kind === "llm" ? buildLlm({ vendor, requestedModel, usedModel }) : null;
    const outcome = status === "running" ? "ok" : status;
    const [start, finish] = buildOperation({ ...fields, ms: 1, outcome }, { kind, family: kind, toolName, llm });
    return status === "running" ? [start] : [start, finish];
  });

const anyFilter: fc.Arbitrary<OperationFilter> = fc
  .record({
    agentId: fc.constantFrom(null, "one", "nobody"),
    sessionId: fc.constantFrom(null, ...sessions, "none"),
    kind: fc.constantFrom(null, "llm" as const, "tool" as const),
    status: fc.constantFrom(null, null, ...statuses),
    toolName: fc.constantFrom(null, null, "search"),
    vendor: fc.constantFrom(null, null, ...vendors),
    model: fc.constantFrom(null, null, ...models),
    fromMicros: fc.constantFrom(null, builtFromMicros + 4_000),
    toMicros: fc.constantFrom(null, builtFromMicros + 11_000),
  })
  .map(({ kind, sessionId, ...rest }) =>
    sessionId === null ? { ...rest, sessionId, kind: kind ?? "llm" } : { ...rest, sessionId, kind },
  );

const same = (wanted: string | null, found: string | null | undefined) => wanted === null || wanted === found;

/** Whether a filter lets an operation through, by definition. */
function isThrough(operation: OperationRecord, filter: OperationFilter): boolean {
  const { llm, atMicros } = operation;
  return (
    same(filter.agentId, operation.agentId) &&
    same(filter.sessionId, operation.sessionId) &&
    same(filter.kind, operation.kind) &&
    same(filter.toolName, operation.toolName) &&
    same(filter.status, operationStatusOf(operation.outcome)) &&
    same(filter.vendor, llm?.vendor) &&
    same(filter.model, llm?.usedModel ?? llm?.requestedModel) &&
    atMicros >= (filter.fromMicros ?? 0) &&
    atMicros <= (filter.toMicros ?? Number.POSITIVE_INFINITY)
  );
}

/** What the store says of single operations. */
export function testOperationLists(createStore: CreateStore): void {
  test("the lists of an agent have each operation once, as its events make them", async () => {
    const store = await openStore(createStore);
    await fc.assert(
      fc.asyncProperty(anyArrival(anyParts), async (arrival) => {
        const { events, calls, agentIds } = buildArrival(arrival);
        for (const call of calls) await store.append(call);
        for (const agentId of agentIds) {
          const found = (await listKinds(store, agentId)).map((operation) => ({
            agentId,
            kind: operation.kind,
            start: operation.startEventId,
            finish: operation.finishEventId,
            toolName: operation.toolName,
            outcome: operation.outcome,
            durationMs: operation.durationMs,
          }));
          const expected = operationsFrom(events.filter((event) => event.agentId === agentId)).map(
            ({ startToolName, finishToolName, ...operation }) => ({
              ...operation,
              toolName: startToolName ?? finishToolName,
            }),
          );
          expect(new Set(found)).toEqual(new Set(expected));
        }
      }),
      { numRuns: 50 },
    );
  });

  test("the pages of any list, with any filter, in either direction, are the whole list once", async () => {
    const store = await openStore(createStore, { examinedRowsMax: 25 });
    await store.append(manyOperations);
    const everything = [
      ...(await listAll(store, { ...anything, kind: "llm" })),
      ...(await listAll(store, { ...anything, kind: "tool" })),
    ].sort((a, b) => b.atMicros - a.atMicros || b.id - a.id);
    expect(everything).toHaveLength(200);
    await fc.assert(
      fc.asyncProperty(anyFilter, fc.boolean(), fc.integer({ min: 1, max: 40 }), async (filter, ascending, limit) => {
        const matches = everything.filter((operation) => isThrough(operation, filter));
        const expected = ascending ? matches.reverse() : matches;
        expect(await listAll(store, filter, { ascending, limit })).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });

  test("an operation is told by its start and its finish together", async () => {
    const store = await openStore(createStore);
    const place = { traceId: "t", parentSpanId: "p", spanId: "x" };
    const [start, finish] = buildOperation(
      { atMs: 5, ms: 12.5, outcome: "error", ...place },
      { llm: buildLlm({ vendor: "openai", requestedModel: "m", tokens: { input: 3 } }) },
    );
    await store.append([start, { ...finish, name: "llm.call.error", attributesJson: '{"error.message":"no"}' }]);
    const [listed, ...others] = await listKinds(store, "agent");
    expect(others).toEqual([]);
    expect(listed).toEqual({
      id: expect.any(Number),
      agentId: "agent",
      sessionId: "session",
      ...place,
      kind: "llm",
      name: "llm.call",
      atMicros: start.timeMicros,
      startMicros: start.timeMicros,
      finishMicros: finish.timeMicros,
      durationMs: 12.5,
      outcome: "error",
      toolName: null,
      startEventId: start.id,
      finishEventId: finish.id,
      llm: {
        ...buildLlm({ vendor: "openai", requestedModel: "m", tokens: { input: 3 } }),
        isCovered: false,
        costPicoUsd: null,
        priceJson: null,
      },
      failure: {
        dialect: "cylestio",
        channel: finish.channel,
        spanId: finish.spanId,
        parentSpanId: finish.parentSpanId,
        name: "llm.call.error",
        level: "INFO",
        attributesJson: '{"error.message":"no"}',
        extensionsJson: null,
      },
    });
    const found = await store.findOperation(listed?.id ?? 0);
    const [storedStart, storedFinish] = await readAllEvents(store);
    expect(found).toMatchObject({ start: storedStart, finish: storedFinish });
    expect(found?.operation).toMatchObject({ ...listed, failure: listed?.failure });
  });

  test("an operation of one event has no other, and one that is not there is null", async () => {
    const store = await openStore(createStore);
    await store.append([eventAt(0, { operation: buildPart() })]);
    const [running] = await listKinds(store, "agent");
    expect(await store.findOperation(running?.id ?? 0)).toMatchObject({
      operation: { outcome: null, finishMicros: null, durationMs: null, finishEventId: null, failure: null },
      start: { id: running?.startEventId },
      finish: null,
    });
    expect(await store.findOperation(0)).toBeNull();
  });

  test.for([
    [65_536, true],
    [65_537, false],
  ] as const)("a list looks for the error of a failure in %i bytes of attributes: %s", async ([bytes, isThere]) => {
    const store = await openStore(createStore);
    // One character of two bytes, so that it is bytes that count.
    const attributesJson = JSON.stringify(`é${"x".repeat(bytes - 4)}`);
    await store.append([eventAt(0, { attributesJson, operation: buildPart({ outcome: "error" }) })]);
    const [listed] = await listKinds(store, "agent");
    expect(listed?.failure === null).toBe(!isThere);
    expect((await store.findOperation(listed?.id ?? 0))?.operation.failure?.attributesJson).toBe(attributesJson);
  });
}
