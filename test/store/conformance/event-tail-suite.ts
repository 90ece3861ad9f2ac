import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Event } from "../../../src/model/event.ts";
import type { EventFilter, EventTailQuery, StoredEvent, TelemetryStore } from "../../../src/store/store.ts";
import { buildEvent, builtFromMicros } from "../event-builder.ts";
import { type CreateStore, everyEvent, openStore, readAllEvents } from "../open-store.ts";

const wholePage = { filter: everyEvent, limit: 1_000, bytesMax: 1_000_000, examinedRowsMax: 1_000 } as const;

const values = {
  agentId: ["one", "two", "three"],
  sessionId: ["s1", "s2", "s3"],
  name: ["llm.call.start", "llm.call.finish", "tool.call"],
  channel: ["LLM", "TOOL"],
  level: ["INFO", "ERROR"],
} as const;

/** 200 events in no order of time, of few agents, sessions and so on, some with attributes of some size. */
function buildEvents(): readonly Event[] {
  const anyFields = fc.record({
    agentId: fc.constantFrom(...values.agentId),
    sessionId: fc.constantFrom(null, ...values.sessionId),
    name: fc.constantFrom(...values.name),
    channel: fc.constantFrom(null, ...values.channel),
    level: fc.integer({ min: 0, max: 19 }).map((number) => (number === 0 ? "ERROR" : "INFO")),
    timeMicros: fc.integer({ min: 0, max: 40 }).map((step) => builtFromMicros + step),
    attributesJson: fc.integer({ min: 0, max: 40 }).map((length) => JSON.stringify({ text: "x".repeat(length) })),
  });
  return fc.sample(anyFields, { numRuns: 200, seed: 11 }).map((fields) => buildEvent(fields));
}

const anyFilter: fc.Arbitrary<EventFilter> = fc.record({
  agentId: fc.constantFrom(null, null, ...values.agentId, "nobody"),
  sessionId: fc.constantFrom(null, null, null, ...values.sessionId, "none"),
  name: fc.constantFrom(null, null, null, ...values.name),
  channel: fc.constantFrom(null, null, null, ...values.channel),
  level: fc.constantFrom(null, null, ...values.level, "DEBUG"),
  fromMicros: fc.constantFrom(null, null, builtFromMicros + 10),
  toMicros: fc.constantFrom(null, null, builtFromMicros + 30),
});

function passes(event: StoredEvent, filter: EventFilter): boolean {
  const isSame = (["agentId", "sessionId", "name", "channel", "level"] as const).every(
    (field) => filter[field] === null || filter[field] === event[field],
  );
  const { fromMicros, toMicros } = filter;
  return (
    isSame &&
    (fromMicros === null || event.timeMicros >= fromMicros) &&
    (toMicros === null || event.timeMicros <= toMicros)
  );
}

/** Every page from a place to the end there is now. Throws if that takes more pages than there can be. */
async function readTail(store: TelemetryStore, query: EventTailQuery): Promise<readonly (readonly StoredEvent[])[]> {
  const pages: (readonly StoredEvent[])[] = [];
  let { afterSequence } = query;
  for (let hasMore = true; hasMore; ) {
    const page = await store.listEventsAfter({ ...query, afterSequence });
    expect(page.throughSequence).toBeGreaterThanOrEqual(afterSequence);
    expect(page.throughSequence - afterSequence).toBeLessThanOrEqual(query.examinedRowsMax);
    pages.push(page.events);
    afterSequence = page.throughSequence;
    hasMore = page.hasMore;
    if (pages.length > 1_000) throw new Error("the tail does not end");
  }
  return pages;
}

/** An event with so many bytes of attributes. */
const sized = (bytes: number, extensionsJson: string | null = null) =>
  buildEvent({ attributesJson: `"${"ü".repeat((bytes - 2) / 2)}"`, extensionsJson });

const sequencesOf = (events: readonly StoredEvent[]) => events.map(({ sequence }) => sequence);

/** What the store says of what is stored after a place. */
export function testEventTails(createStore: CreateStore): void {
  test("an empty store has no events after any place, and no last sequence", async () => {
    const store = await openStore(createStore);
    expect(await store.getLastSequence()).toBe(0);
    for (const afterSequence of [0, 7]) {
      const page = await store.listEventsAfter({ ...wholePage, afterSequence });
      expect(page).toEqual({ events: [], throughSequence: afterSequence, hasMore: false });
    }
  });

  test("events come in the order in which they were stored, whatever their times", async () => {
    const store = await openStore(createStore);
    const events = [5, 1, 3, 1, 5, 0].map((step) => buildEvent({ timeMicros: builtFromMicros + step }));
    await store.append(events.slice(0, 4));
    await store.append(events.slice(4));
    const { events: tail, throughSequence, hasMore } = await store.listEventsAfter({ ...wholePage, afterSequence: 0 });
    expect(tail.map(({ id }) => id)).toEqual(events.map(({ id }) => id));
    expect([throughSequence, hasMore]).toEqual([await store.getLastSequence(), false]);
    expect(tail).toEqual(expect.arrayContaining([...(await readAllEvents(store))]));
  });

  test("the pages after any place, with any filter and any bounds, are the rest that passes the filter, once and in order", async () => {
    const store = await openStore(createStore);
    await store.append(buildEvents());
    const { events: all } = await store.listEventsAfter({ ...wholePage, afterSequence: 0 });
    expect(all).toHaveLength(200);
    await fc.assert(
      fc.asyncProperty(
        anyFilter,
        fc.integer({ min: 0, max: 210 }),
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 600 }),
        fc.integer({ min: 1, max: 90 }),
        async (filter, afterSequence, limit, bytesMax, examinedRowsMax) => {
          const pages = await readTail(store, { afterSequence, filter, limit, bytesMax, examinedRowsMax });
          const rest = all.filter((event) => event.sequence > afterSequence && passes(event, filter));
          expect(pages.flat()).toEqual(rest);
          for (const page of pages) {
            expect(page.length).toBeLessThanOrEqual(limit);
            const bytes = page.reduce((sum, { attributesJson }) => sum + Buffer.byteLength(attributesJson), 0);
            expect(page.length <= 1 || bytes <= bytesMax).toBe(true);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  test("a page is full where nothing bounds it but its limit, and its last one says that nothing follows", async () => {
    const store = await openStore(createStore);
    await store.append(Array.from({ length: 20 }, () => buildEvent()));
    const lengths = async (limit: number) =>
      (await readTail(store, { ...wholePage, afterSequence: 0, limit })).map(({ length }) => length);
    expect(await lengths(10)).toEqual([10, 10]);
    expect(await lengths(19)).toEqual([19, 1]);
    expect(await lengths(21)).toEqual([20]);
  });

  test("bytes count attributes and extensions as UTF-8; an event that is too large for every page has one of its own", async () => {
    const store = await openStore(createStore);
    await store.append([sized(50), sized(48, "{}"), sized(50), sized(500), sized(10)]);
    const lengths = async (bytesMax: number) =>
      (await readTail(store, { ...wholePage, afterSequence: 0, bytesMax })).map(({ length }) => length);
    expect(await lengths(150)).toEqual([3, 1, 1]);
    expect(await lengths(149)).toEqual([2, 1, 1, 1]);
    expect(await lengths(1)).toEqual([1, 1, 1, 1, 1]);
  });

  test("a filter that nothing passes costs a bounded number of events per page, and leads to the end", async () => {
    const store = await openStore(createStore);
    await store.append(Array.from({ length: 100 }, () => buildEvent()));
    const query = { ...wholePage, filter: { ...everyEvent, level: "NONE" }, examinedRowsMax: 40 };
    const pages = [];
    for (let afterSequence = 0, hasMore = true; hasMore; ) {
      const page = await store.listEventsAfter({ ...query, afterSequence });
      pages.push(page);
      ({ throughSequence: afterSequence, hasMore } = page);
    }
    expect(pages.map(({ events, throughSequence }) => [events.length, throughSequence])).toEqual([
      [0, 40],
      [0, 80],
      [0, 100],
    ]);
  });

  test("the last sequence lies between what is stored and what will be, also after a new start", async () => {
    const place = { name: "last-sequence" };
    let store = await openStore(createStore, place);
    const stored: number[] = [];
    const append = async (...events: readonly Event[]) => {
      for (const outcome of await store.append(events)) if (outcome.status === "stored") stored.push(outcome.sequence);
    };
    const event = buildEvent();
    await append(event);
    expect(await store.getLastSequence()).toBe(stored[0]);
    await append(buildEvent(), event, buildEvent(), event);
    const last = await store.getLastSequence();
    expect(last).toBeGreaterThanOrEqual(Math.max(...stored));
    expect(stored).toHaveLength(3);
    await store.close();
    store = await openStore(createStore, place);
    expect(await store.getLastSequence()).toBe(last);
    await append(buildEvent());
    expect(stored.at(-1)).toBeGreaterThan(last);
  });

  test("whoever reads on at every notice sees each event once and in order, while four writers write", async () => {
    const store = await openStore(createStore);
    await store.append([buildEvent()]);
    const seen: StoredEvent[] = [];
    const told: number[] = [];
    const everything = Promise.withResolvers<void>();
    const count = 1 + 4 * 25 * 3;
    let reading = Promise.resolve();
    let afterSequence = 0;
    const readOn = async (): Promise<void> => {
      for (let hasMore = true; hasMore; ) {
        const page = await store.listEventsAfter({ ...wholePage, afterSequence, limit: 7 });
        seen.push(...page.events);
        ({ throughSequence: afterSequence, hasMore } = page);
      }
      if (seen.length >= count) everything.resolve();
    };
    const readAfter = async (before: Promise<void>, told: number): Promise<void> => {
      await before;
      await readOn();
      // What a notice speaks of can be read when it comes.
      expect(afterSequence).toBeGreaterThanOrEqual(told);
    };
    store.onStored((throughSequence) => {
      told.push(throughSequence);
      reading = readAfter(reading, throughSequence);
      reading.catch(everything.reject);
    });
    await Promise.all(
      Array.from({ length: 4 }, async () => {
        for (let batch = 0; batch < 25; batch += 1) await store.append([buildEvent(), buildEvent(), buildEvent()]);
      }),
    );
    await everything.promise;
    await reading;
    expect(sequencesOf(seen)).toEqual(Array.from({ length: count }, (_, index) => index + 1));
    expect(new Set(seen.map(({ id }) => id)).size).toBe(count);
    expect(told).toEqual([...new Set(told)].sort((a, b) => a - b));
    expect(told.at(-1)).toBe(count);
  });

  test("listeners are told once of what one turn stored, and not at all of duplicates", async () => {
    const store = await openStore(createStore);
    const told: (readonly [string, number])[] = [];
    const endFirst = store.onStored((sequence) => void told.push(["first", sequence]));
    store.onStored((sequence) => void told.push(["second", sequence]));
    const event = buildEvent();
    await store.append([event, buildEvent()]);
    await nextTurn();
    expect(told).toEqual([
      ["first", 2],
      ["second", 2],
    ]);
    await store.append([event]);
    await nextTurn();
    expect(told).toHaveLength(2);
    endFirst();
    await Promise.all([store.append([buildEvent()]), store.append([buildEvent()])]);
    await nextTurn();
    expect(told.slice(2).every(([name]) => name === "second")).toBe(true);
    expect(told.at(-1)).toEqual(["second", await store.getLastSequence()]);
  });
}

const nextTurn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
