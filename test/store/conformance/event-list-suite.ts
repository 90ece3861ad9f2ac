import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Event } from "../../../src/model/event.ts";
import type { EventFilter, StoredEvent, TelemetryStore } from "../../../src/store/store.ts";
import { buildEvent, builtFromMicros } from "../event-builder.ts";
import { type CreateStore, everyEvent, openStore, readAllEvents, readPages } from "../open-store.ts";

/** Few enough that lists of the data below go beyond it many times. */
const examinedRowsMax = 25;

const values = {
  agentId: ["one", "two", "three"],
  sessionId: ["s1", "s2", "s3"],
  name: ["llm.call.start", "llm.call.finish", "tool.call"],
  channel: ["LLM", "TOOL"],
  level: ["INFO", "ERROR"],
} as const;

const timeSteps = 40;

/** 300 events with few times, agents, sessions and so on, so that every combination has equals. */
function buildEvents(): readonly Event[] {
  const anyFields = fc.record({
    agentId: fc.constantFrom(...values.agentId),
    sessionId: fc.constantFrom(null, ...values.sessionId),
    name: fc.constantFrom(...values.name),
    channel: fc.constantFrom(null, ...values.channel),
    // Rare, so that pages that pick it come out short or empty.
    level: fc.integer({ min: 0, max: 19 }).map((number) => (number === 0 ? "ERROR" : "INFO")),
    timeMicros: fc.integer({ min: 0, max: timeSteps }).map((step) => builtFromMicros + step),
  });
  return fc.sample(anyFields, { numRuns: 300, seed: 7 }).map((fields) => buildEvent(fields));
}

async function openFilledStore(createStore: CreateStore): Promise<TelemetryStore> {
  const store = await openStore(createStore, { examinedRowsMax });
  await store.append(buildEvents());
  return store;
}

const anyFilter: fc.Arbitrary<EventFilter> = fc.record({
  agentId: fc.constantFrom(null, null, ...values.agentId, "nobody"),
  sessionId: fc.constantFrom(null, null, null, ...values.sessionId, "none"),
  name: fc.constantFrom(null, null, null, ...values.name),
  channel: fc.constantFrom(null, null, null, ...values.channel),
  level: fc.constantFrom(null, null, ...values.level, "DEBUG"),
  fromMicros: fc.option(fc.integer({ min: -2, max: timeSteps }), { nil: null }).map(toMicros),
  toMicros: fc.option(fc.integer({ min: -1, max: timeSteps + 2 }), { nil: null }).map(toMicros),
});

function toMicros(step: number | null): number | null {
  return step === null ? null : builtFromMicros + step;
}

/** What a list is by definition. `all` is in order of (time, sequence). */
function listFrom(all: readonly StoredEvent[], filter: EventFilter, ascending: boolean): readonly StoredEvent[] {
  const matches = all.filter(
    (event) =>
      (["agentId", "sessionId", "name", "channel", "level"] as const).every(
        (field) => filter[field] === null || filter[field] === event[field],
      ) &&
      (filter.fromMicros === null || event.timeMicros >= filter.fromMicros) &&
      (filter.toMicros === null || event.timeMicros <= filter.toMicros),
  );
  return ascending ? matches : matches.reverse();
}

/** What the store says of one event and of lists. */
export function testEventLists(createStore: CreateStore): void {
  test("an event that is not there is null", async () => {
    const store = await openStore(createStore);
    await store.append([buildEvent()]);
    expect(await store.findEvent("0".repeat(32))).toBeNull();
    expect(await store.findEvent("")).toBeNull();
  });

  test("lists are in order of time and sequence, whatever order the events came in", async () => {
    const store = await openStore(createStore);
    const steps = [5, 1, 3, 1, 5, 0, 1];
    await store.append(steps.map((step) => buildEvent({ timeMicros: builtFromMicros + step })));
    const all = await readAllEvents(store);
    expect(all.map(({ timeMicros }) => timeMicros - builtFromMicros)).toEqual([0, 1, 1, 1, 3, 5, 5]);
    const ones = all.slice(1, 4).map(({ sequence }) => sequence);
    expect(ones).toEqual([...ones].sort((a, b) => a - b));
    const descending = await readPages(store, { filter: everyEvent, ascending: false, offset: 0, limit: 3 });
    expect(descending.flat()).toEqual([...all].reverse());
  });

  test("both ends of a time range are included", async () => {
    const store = await openStore(createStore);
    await store.append([0, 1, 2, 3, 4].map((step) => buildEvent({ timeMicros: builtFromMicros + step })));
    const filter = { ...everyEvent, fromMicros: builtFromMicros + 1, toMicros: builtFromMicros + 3 };
    const pages = await readPages(store, { filter, ascending: true, offset: 0, limit: 10 });
    expect(pages.flat().map(({ timeMicros }) => timeMicros - builtFromMicros)).toEqual([1, 2, 3]);
  });

  test("the pages of any list, with any filter, in either direction, are the whole list once", async () => {
    const store = await openFilledStore(createStore);
    const all = await readAllEvents(store);
    expect(all).toHaveLength(300);
    await fc.assert(
      fc.asyncProperty(
        anyFilter,
        fc.boolean(),
        fc.integer({ min: 1, max: 60 }),
        fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 80 })),
        async (filter, ascending, limit, offset) => {
          const pages = await readPages(store, { filter, ascending, offset, limit });
          expect(pages.flat()).toEqual(listFrom(all, filter, ascending).slice(offset));
          expect(pages.every((page) => page.length <= limit)).toBe(true);
        },
      ),
      { numRuns: 250 },
    );
  });

  test("with filters that an index serves, every page but the last is full, and the last one says that it is", async () => {
    const store = await openFilledStore(createStore);
    const filters: readonly EventFilter[] = [
      everyEvent,
      { ...everyEvent, agentId: "one" },
      { ...everyEvent, agentId: "one", name: "tool.call" },
      { ...everyEvent, sessionId: "s1" },
      { ...everyEvent, sessionId: "s1", agentId: "two" },
      { ...everyEvent, fromMicros: builtFromMicros + 5, toMicros: builtFromMicros + 30 },
    ];
    for (const filter of filters) {
      for (const ascending of [true, false]) {
        const whole = (await readPages(store, { filter, ascending, offset: 0, limit: 1000 })).flat().length;
        expect(whole).toBeGreaterThan(20);
        const pages = await readPages(store, { filter, ascending, offset: 0, limit: 10 });
        expect(pages).toHaveLength(Math.ceil(whole / 10));
        // A whole number of full pages is no reason for an empty one behind them.
        expect(await readPages(store, { filter, ascending, offset: 0, limit: whole })).toHaveLength(1);
      }
    }
  });

  test("a filter that no index serves examines a bounded number of events per page", async () => {
    const store = await openStore(createStore, { examinedRowsMax });
    const rare = buildEvent({ level: "ERROR" });
    await store.append([rare, ...Array.from({ length: 99 }, () => buildEvent())]);
    for (const filter of [
      { ...everyEvent, level: "ERROR" },
      { ...everyEvent, level: "ERROR", channel: "SYSTEM", agentId: "agent" },
      { ...everyEvent, level: "ERROR", sessionId: "session", name: "user.message" },
    ]) {
      const pages = await readPages(store, { filter, ascending: false, offset: 0, limit: 10 });
      expect(pages.map((page) => page.length)).toEqual([0, 0, 0, 1, 0]);
      const last = await store.listEvents({ filter, ascending: true, after: null, offset: 0, limit: 10 });
      expect(last.events.map(({ id }) => id)).toEqual([rare.id]);
    }
  });

  test("an offset that one page cannot pass over is carried on to the next", async () => {
    const store = await openStore(createStore, { examinedRowsMax: 10 });
    const events = Array.from({ length: 40 }, (_, index) => buildEvent({ level: index % 2 === 0 ? "ERROR" : "INFO" }));
    await store.append(events);
    const filter = { ...everyEvent, level: "ERROR" };
    const first = await store.listEvents({ filter, ascending: true, after: null, offset: 12, limit: 3 });
    expect(first).toMatchObject({ events: [], nextOffset: 7 });
    const pages = await readPages(store, { filter, ascending: true, offset: 12, limit: 3 });
    expect(pages.flat().map(({ id }) => id)).toEqual(
      events
        .filter(({ level }) => level === "ERROR")
        .slice(12)
        .map(({ id }) => id),
    );
  });

  test("a list goes on where it was, although newer events came in between", async () => {
    const store = await openStore(createStore);
    const events = Array.from({ length: 6 }, () => buildEvent());
    await store.append(events);
    const query = { filter: everyEvent, ascending: false, offset: 0, limit: 3 } as const;
    const first = await store.listEvents({ ...query, after: null });
    await store.append([buildEvent()]);
    const second = await store.listEvents({ ...query, after: first.next });
    expect([...first.events, ...second.events].map(({ id }) => id)).toEqual(events.map(({ id }) => id).reverse());
    expect(second.next).toBeNull();
  });
}
