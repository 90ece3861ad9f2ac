import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Event } from "../../../src/model/event.ts";
import { anyArrival, buildArrival } from "../arrival.ts";
import { buildEvent, buildPart, builtFromMicros } from "../event-builder.ts";
import { type CreateStore, openStore, readAllEvents } from "../open-store.ts";
import { anyParts, latencyFrom, operationsFrom, snapped } from "../operation-model.ts";

const atMs = (ms: number) => builtFromMicros + ms * 1000;
const start = (ms: number) => buildEvent({ timeMicros: atMs(ms), operation: buildPart() });
const finish = (ms: number, durationMs: number | null = null) =>
  buildEvent({ timeMicros: atMs(ms), durationMs, operation: buildPart({ outcome: "ok" }) });

/** The paired durations by definition: of finishes that report none. */
function pairedFrom(events: readonly Event[]): ReadonlyMap<string, number | null> {
  const operations = new Map(operationsFrom(events).map((operation) => [operation.finish, operation.durationMs]));
  return new Map(events.map(({ id, durationMs }) => [id, durationMs === null ? (operations.get(id) ?? null) : null]));
}

/** What the store makes of the parts of operations. */
export function testOperations(createStore: CreateStore): void {
  test("a finish without a duration gets the time since its start, whichever of the two came first", async () => {
    for (const backwards of [false, true]) {
      const store = await openStore(createStore);
      const events = [start(0), finish(40)];
      for (const event of backwards ? events.reverse() : events) await store.append([event]);
      expect((await readAllEvents(store)).map(({ pairedDurationMs }) => pairedDurationMs)).toEqual([null, 40]);
    }
  });

  test("a finish that reports its duration keeps it", async () => {
    const store = await openStore(createStore);
    await store.append([start(0), finish(40, 12.5)]);
    const [, finished] = await readAllEvents(store);
    expect(finished).toMatchObject({ durationMs: 12.5, pairedDurationMs: null });
    const [latency] = await store.measureLatency({ agentId: "agent", fromMicros: null, toMicros: null });
    expect(latency).toMatchObject({ kind: "llm", count: 1, meanMs: 12.5 });
  });

  test("a late start takes its finish away from an earlier start, and a late finish its start from a later finish", async () => {
    const store = await openStore(createStore);
    const pairedMs = async () => (await readAllEvents(store)).map(({ pairedDurationMs }) => pairedDurationMs);
    await store.append([start(0), finish(40)]);
    await store.append([start(30)]);
    expect(await pairedMs()).toEqual([null, null, 10]);
    await store.append([finish(35)]);
    expect(await pairedMs()).toEqual([null, null, 5, 40]);
    await store.append([finish(10)]);
    expect(await pairedMs()).toEqual([null, 10, null, 5, null]);
  });

  test("operations depend on the set of events alone, not on their order or on the calls that they came in", async () => {
    const store = await openStore(createStore);
    await fc.assert(
      fc.asyncProperty(anyArrival(anyParts), async (arrival) => {
        const { events, calls, agentIds } = buildArrival(arrival);
        for (const call of calls) await store.append(call);
        for (const agentId of agentIds) {
          const own = events.filter((event) => event.agentId === agentId);
          const stored = await readAllEvents(store, agentId);
          expect(new Map(stored.map(({ id, pairedDurationMs }) => [id, pairedDurationMs]))).toEqual(pairedFrom(own));
          const latency = await store.measureLatency({ agentId, fromMicros: null, toMicros: null });
          const expected = latencyFrom(operationsFrom(own));
          expect(latency.map((record, index) => snapped(record, expected[index]))).toEqual(expected);
        }
      }),
      { numRuns: 100 },
    );
  });
}
