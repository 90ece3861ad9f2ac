import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Event, OperationKind, OperationOutcome } from "../../../src/model/event.ts";
import type { EventCount, TimeRange } from "../../../src/store/store.ts";
import { anyArrival, buildArrival } from "../arrival.ts";
import { buildEvent, buildPart, builtFromMicros } from "../event-builder.ts";
import { type CreateStore, openStore } from "../open-store.ts";
import { latencyFrom, operationsFrom, snapped, withinOnePercent } from "../operation-model.ts";

const allTime: TimeRange = { fromMicros: null, toMicros: null };

const minuteMicros = 60_000_000;

/** Around the beginnings of minutes, quarters of an hour and days, where ranges are cut. */
const anyTimeMicros = fc
  .record({ minute: fc.constantFrom(0, 1, 2, 15, 16, 1_440, 1_441), step: fc.constantFrom(-1, 0, 1, 30_000_000) })
  .map(({ minute, step }) => firstMinuteMicros + minute * minuteMicros + step);

const firstMinuteMicros = Math.ceil(builtFromMicros / minuteMicros) * minuteMicros;

const anyRange: fc.Arbitrary<TimeRange> = fc.record({
  fromMicros: fc.option(anyTimeMicros),
  toMicros: fc.option(anyTimeMicros),
});

function isWithin({ timeMicros }: Event, { fromMicros, toMicros }: TimeRange): boolean {
  return (fromMicros === null || timeMicros >= fromMicros) && (toMicros === null || timeMicros <= toMicros);
}

/** What counts are by definition. */
function countsFrom(events: readonly Event[], dimension: "name" | "level" | "channel"): readonly EventCount[] {
  return [...Map.groupBy(events, (event) => event[dimension] ?? "")].map(([value, group]) => ({
    value,
    count: group.length,
    firstMicros: Math.min(...group.map(({ timeMicros }) => timeMicros)),
    latestMicros: Math.max(...group.map(({ timeMicros }) => timeMicros)),
  }));
}

/** Fields of an event that finishes an operation of its own and reports how long it took. */
function finishFields(finish: {
  readonly kind: OperationKind;
  readonly outcome: OperationOutcome;
  readonly durationMs: number | null;
  readonly timeMicros: number;
  readonly agentId: string;
}): Partial<Event> {
  const { kind, outcome, ...fields } = finish;
  return { ...fields, operation: buildPart({ kind, family: kind, outcome }) };
}

/** What the store says of events in numbers. */
export function testMeasures(createStore: CreateStore): void {
  test("counts of an agent that never reported, or of a range without events, are empty", async () => {
    const store = await openStore(createStore);
    await store.append([buildEvent({ timeMicros: builtFromMicros })]);
    expect(await store.countEvents({ agentId: "nobody", dimension: "name", ...allTime })).toEqual([]);
    const range = { fromMicros: builtFromMicros + 1, toMicros: null };
    expect(await store.countEvents({ agentId: "agent", dimension: "name", ...range })).toEqual([]);
  });

  test("events are counted by name, level and channel within a range, each with its first and latest time", async () => {
    const anyCounted = fc.record({
      agentId: fc.constantFrom("one", "two"),
      name: fc.constantFrom("a", "b", "__proto__"),
      level: fc.constantFrom("INFO", "info", ""),
      channel: fc.constantFrom(null, "", "LLM"),
      timeMicros: anyTimeMicros,
    });
    const store = await openStore(createStore);
    await fc.assert(
      fc.asyncProperty(
        anyArrival(fc.array(anyCounted, { minLength: 1, maxLength: 30 })),
        anyRange,
        async (arrival, range) => {
          const { events, calls, agentIds } = buildArrival(arrival);
          for (const call of calls) await store.append(call);
          for (const agentId of agentIds) {
            const own = events.filter((event) => event.agentId === agentId && isWithin(event, range));
            for (const dimension of ["name", "level", "channel"] as const) {
              const counts = await store.countEvents({ agentId, dimension, ...range });
              expect(new Set(counts)).toEqual(new Set(countsFrom(own, dimension)));
              expect(counts).toHaveLength(countsFrom(own, dimension).length);
            }
          }
        },
      ),
    );
  });

  test("latency of an agent that never reported, or of a range in which nothing finished, is empty", async () => {
    const store = await openStore(createStore);
    const finish = {
      kind: "llm",
      outcome: "ok",
      durationMs: 5,
      timeMicros: builtFromMicros,
      agentId: "agent",
    } as const;
    await store.append([buildEvent(finishFields(finish)), buildEvent({ operation: buildPart({ family: "other" }) })]);
    expect(await store.measureLatency({ agentId: "nobody", ...allTime })).toEqual([]);
    const range = { fromMicros: builtFromMicros + 1, toMicros: null };
    expect(await store.measureLatency({ agentId: "agent", ...range })).toEqual([]);
    expect(await store.measureLatency({ agentId: "agent", ...allTime })).toHaveLength(1);
  });

  test("an operation whose duration nobody knows is left out", async () => {
    const store = await openStore(createStore);
    const finish = {
      kind: "llm",
      outcome: "ok",
      durationMs: null,
      timeMicros: builtFromMicros,
      agentId: "agent",
    } as const;
    await store.append([buildEvent(finishFields(finish))]);
    expect(await store.measureLatency({ agentId: "agent", ...allTime })).toEqual([]);
  });

  test("percentiles are by nearest rank at every number of operations up to 120", async () => {
    const store = await openStore(createStore);
    for (let count = 1; count <= 120; count += 1) {
      const finish = { kind: "tool", outcome: "ok", timeMicros: builtFromMicros, agentId: "agent" } as const;
      await store.append([buildEvent(finishFields({ ...finish, durationMs: (count * 37) % 121 }))]);
      const [latency] = await store.measureLatency({ agentId: "agent", ...allTime });
      const sorted = Array.from({ length: count }, (_, index) => ((index + 1) * 37) % 121).sort((a, b) => a - b);
      const ranks = [50, 90, 95, 99].map((percentile) => sorted[Math.ceil((count * percentile) / 100) - 1]);
      const told = [latency?.p50Ms, latency?.p90Ms, latency?.p95Ms, latency?.p99Ms];
      expect(told.map((value, index) => withinOnePercent(value, ranks[index]))).toEqual(ranks);
    }
  });

  test("latency is measured by kind over the operations within a range", async () => {
    const anyFinish = fc
      .record({
        kind: fc.constantFrom<OperationKind>("llm", "tool", "agent"),
        outcome: fc.constantFrom<OperationOutcome>("ok", "ok", "error", "blocked"),
        durationMs: fc.oneof(fc.constantFrom(null, 0, 1, 1, 2.5), fc.double({ min: 0.001, max: 1e9, noNaN: true })),
        timeMicros: anyTimeMicros,
        agentId: fc.constantFrom("one", "one", "two"),
      })
      .map(finishFields);
    const store = await openStore(createStore);
    await fc.assert(
      fc.asyncProperty(
        anyArrival(fc.array(anyFinish, { minLength: 1, maxLength: 40 })),
        anyRange,
        async (arrival, range) => {
          const { events, calls, agentIds } = buildArrival(arrival);
          for (const call of calls) await store.append(call);
          for (const agentId of agentIds) {
            const own = operationsFrom(events.filter((event) => event.agentId === agentId && isWithin(event, range)));
            const latency = await store.measureLatency({ agentId, ...range });
            const expected = latencyFrom(own);
            expect(latency.map((record, index) => snapped(record, expected[index]))).toEqual(expected);
          }
        },
      ),
    );
  });
}
