import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { createSearchIndexer, type SearchIndexerOptions } from "../../src/ingest/search-indexer.ts";
import { TelemetryError } from "../../src/model/error.ts";
import type { Event } from "../../src/model/event.ts";
import { createSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import type { TelemetryStore, TextBatch } from "../../src/store/store.ts";
import { buildEvent } from "../store/event-builder.ts";
import { searchFor } from "../store/search-builder.ts";
import { createTemporaryFolder } from "../store/sqlite/temporary-folder.ts";

const folder = createTemporaryFolder();
let opened = 0;

interface OpenStore extends TelemetryStore {
  /** The texts that are stored, by the order of their ids. */
  readTexts(): readonly string[];
}

async function openStore(): Promise<OpenStore> {
  opened += 1;
  const databasePath = join(folder, `${opened}.db`);
  const store = await createSqliteStore({ databasePath, durability: "normal" });
  onTestFinished(() => store.close());
  const database = new Database(databasePath);
  onTestFinished(() => void database.close());
  const readTexts = database.prepare<[], string>("select text from search_texts order by id").pluck();
  return { ...store, readTexts: () => readTexts.all() };
}

type IndexedStore = SearchIndexerOptions["store"];

/** An indexer that ends with the test, and what it calls faults. */
function startIndexer(store: IndexedStore, nowMs: () => number = () => performance.now()) {
  const faults: unknown[] = [];
  const indexer = createSearchIndexer({ store, nowMs, onFault: (error) => faults.push(error) });
  onTestFinished(() => indexer.close());
  return { ...indexer, faults };
}

/** Resolves when the index has come to the end of what is stored. */
async function caughtUp(store: TelemetryStore): Promise<void> {
  const last = await store.getLastSequence();
  await vi.waitFor(async () => expect(await store.getIndexedSequence()).toBe(last), { timeout: 10_000, interval: 5 });
}

function callOf(messages: readonly unknown[], overrides: Partial<Event> = {}): Event {
  return buildEvent({ name: "llm.call.start", attributesJson: JSON.stringify({ messages }), ...overrides });
}

const said = (text: string) => callOf([{ role: "user", content: text }]);

/** A conversation in which every call repeats all that was said before. */
function buildConversation(turns: number): readonly Event[] {
  const messages: { role: string; content: string }[] = [];
  return Array.from({ length: turns }, (_, turn) => {
    messages.push({ role: "user", content: `question ${turn}` });
    const start = callOf([...messages]);
    messages.push({ role: "assistant", content: `answer ${turn}` });
    const response = { content: [{ type: "text", text: `answer ${turn}` }] };
    const finish = buildEvent({ name: "llm.call.finish", attributesJson: JSON.stringify({ response }) });
    return [start, finish];
  }).flat();
}

const unavailable = new TelemetryError("STORE_UNAVAILABLE", "busy");

describe("the indexer", () => {
  test("stores each message of a conversation once, although every call repeats them", async () => {
    const store = await openStore();
    const turns = 30;
    const [first, ...others] = buildConversation(turns);
    await store.append(first === undefined ? [] : [first]);
    let handedOver = 0;
    startIndexer({
      ...store,
      indexTexts(batch) {
        handedOver += batch.texts.length;
        return store.indexTexts(batch);
      },
    });
    for (const event of others) await store.append([event]);
    await caughtUp(store);
    // What it remembers does not even reach the writer.
    expect(handedOver).toBe(2 * turns);
    expect(store.readTexts()).toEqual(
      Array.from({ length: turns }, (_, turn) => [`question ${turn}`, `answer ${turn}`]).flat(),
    );
  });

  test("goes on where the one before was stopped between two batches, and stores nothing twice", async () => {
    const store = await openStore();
    const texts = Array.from({ length: 40 }, (_, index) => `${index} ${"long ".repeat(2_000)}`);
    // All in one event, so that the place cannot tell how much of it is there.
    await store.append([callOf(texts.map((content) => ({ role: "user", content })))]);
    const batches: TextBatch[] = [];
    const stopped = Promise.withResolvers<void>();
    const dying = startIndexer({
      ...store,
      async indexTexts(batch) {
        await store.indexTexts(batch);
        if (batches.push(batch) === 2) stopped.resolve();
        // As if the process had died: nobody hears that it was stored.
        if (batches.length >= 2) throw unavailable;
      },
    });
    await stopped.promise;
    await dying.close();
    const before = store.readTexts();
    expect(before.length).toBeGreaterThan(0);
    expect(before.length).toBeLessThan(texts.length);
    expect(await store.getIndexedSequence()).toBe(0);

    startIndexer(store);
    await caughtUp(store);
    expect(store.readTexts()).toEqual(texts);
  });

  test("hands over batches that an append need not wait for long for", async () => {
    const store = await openStore();
    const lengths: number[] = [];
    startIndexer({
      ...store,
      indexTexts(batch) {
        lengths.push(batch.texts.reduce((sum, { text }) => sum + text.length, 0));
        return store.indexTexts(batch);
      },
    });
    const messages = Array.from({ length: 40 }, (_, index) => ({ role: "user", content: `${index} `.repeat(4_000) }));
    await store.append(messages.map((message) => callOf([message])));
    await caughtUp(store);
    expect(store.readTexts()).toHaveLength(messages.length);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(64 * 1024);
  });

  test("holds up no append, also where the index is never written", async () => {
    const store = await openStore();
    const never = Promise.withResolvers<never>();
    const asked = Promise.withResolvers<void>();
    const indexer = startIndexer({
      ...store,
      indexTexts() {
        asked.resolve();
        return never.promise;
      },
    });
    await store.append([said("one")]);
    await asked.promise;
    for (const text of ["two", "three"]) expect(await store.append([said(text)])).toMatchObject([{ status: "stored" }]);
    expect((await store.searchTexts(searchFor("one"))).pendingEventCount).toBe(3);
    never.reject(unavailable);
    await indexer.close();
  });

  test("passes over an event that it cannot read, and tells so", async () => {
    const store = await openStore();
    const { faults } = startIndexer(store);
    await store.append([said("before"), buildEvent({ attributesJson: "{" }), said("after")]);
    await caughtUp(store);
    expect(store.readTexts()).toEqual(["before", "after"]);
    expect(faults).toEqual([expect.any(SyntaxError)]);
  });

  test("ends without a word when the store is closed first", async () => {
    const store = await openStore();
    const { faults, close } = startIndexer(store);
    await store.append([said("word")]);
    await store.close();
    await close();
    expect(faults).toEqual([]);
  });
});

/** A store of events that each say one word of their own, whose clock stands still but for what it is told to take. */
function createSlowStore({ batchMs = 0 }: { readonly batchMs?: number } = {}) {
  const state = { nowMs: 0, last: 0, indexed: 0, errors: [] as unknown[], batches: [] as TextBatch[] };
  let listener: ((throughSequence: number) => void) | undefined;
  const store: IndexedStore = {
    onStored(given) {
      listener = given;
      return () => void (listener = undefined);
    },
    getIndexedSequence: async () => state.indexed,
    async listEventsAfter({ afterSequence, limit }) {
      const count = Math.min(limit, state.last - afterSequence);
      const events = Array.from({ length: count }, (_, index) => {
        const sequence = afterSequence + index + 1;
        return { ...said(`word ${sequence}`), sequence, pairedDurationMs: null };
      });
      const throughSequence = afterSequence + count;
      return { events, throughSequence, hasMore: throughSequence < state.last };
    },
    async indexTexts(batch) {
      if (state.errors.length > 0) throw state.errors.shift();
      state.nowMs += batchMs;
      state.batches.push(batch);
      state.indexed = batch.throughSequence;
    },
  };
  const add = (count: number, tell = true): void => {
    state.last += count;
    if (tell) listener?.(state.last);
  };
  return { store, state, add, nowMs: () => state.nowMs };
}

describe("the indexer's time", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
  afterEach(() => void vi.useRealTimers());

  test("has no pauses while nothing new comes, however much there is", async () => {
    const { store, state, add, nowMs } = createSlowStore({ batchMs: 50 });
    add(2_000);
    startIndexer(store, nowMs);
    await vi.advanceTimersByTimeAsync(0);
    expect(state.batches).toHaveLength(10);
    expect(state.indexed).toBe(2_000);
  });

  test("is a fifth of all, while events keep coming", async () => {
    const { store, state, add, nowMs } = createSlowStore({ batchMs: 50 });
    add(2_000);
    const busy: IndexedStore = {
      ...store,
      async indexTexts(batch) {
        add(1);
        await store.indexTexts(batch);
      },
    };
    startIndexer(busy, nowMs);
    await vi.advanceTimersByTimeAsync(100);
    // Ends no rest.
    add(1);
    await vi.advanceTimersByTimeAsync(99);
    expect(state.batches).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(state.batches).toHaveLength(2);
    // Each 50 ms of work are followed by 200 of rest.
    await vi.advanceTimersByTimeAsync(1_000);
    expect(state.batches).toHaveLength(7);
  });

  test("begins with the first event after a wait", async () => {
    const { store, state, add, nowMs } = createSlowStore();
    startIndexer(store, nowMs);
    await vi.advanceTimersByTimeAsync(0);
    add(1);
    await vi.advanceTimersByTimeAsync(0);
    expect(state.indexed).toBe(1);
  });

  test("lets it look for itself every 15 seconds, because a notice may be lost", async () => {
    const { store, state, add, nowMs } = createSlowStore();
    startIndexer(store, nowMs);
    await vi.advanceTimersByTimeAsync(0);
    add(1, false);
    await vi.advanceTimersByTimeAsync(14_999);
    expect(state.indexed).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(state.indexed).toBe(1);
  });

  test.for([
    ["the database cannot be used", unavailable, 1_000, []],
    ["something is wrong that should not be", new Error("fault"), 15_000, [new Error("fault")]],
  ] as const)("is up again after a pause where %s", async ([, error, pauseMs, told]) => {
    const { store, state, add, nowMs } = createSlowStore();
    state.errors.push(error, error);
    add(3);
    const { faults } = startIndexer(store, nowMs);
    await vi.advanceTimersByTimeAsync(2 * pauseMs - 1);
    expect(state.indexed).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(state.batches.map(({ texts }) => texts.length)).toEqual([3]);
    expect(state.indexed).toBe(3);
    expect(faults).toEqual([...told, ...told]);
  });

  test("ends with its close, in a pause at once and in a page after the batch under way", async () => {
    const { store, state, add, nowMs } = createSlowStore();
    const waiting = startIndexer(store, nowMs);
    await vi.advanceTimersByTimeAsync(0);
    await waiting.close();
    const underWay = Promise.withResolvers<void>();
    const { close } = startIndexer(
      {
        ...store,
        async indexTexts(batch) {
          await underWay.promise;
          await store.indexTexts(batch);
        },
      },
      nowMs,
    );
    add(500);
    await vi.advanceTimersByTimeAsync(0);
    let isClosed = false;
    const closing = close().then(() => (isClosed = true));
    await vi.advanceTimersByTimeAsync(0);
    expect(isClosed).toBe(false);
    underWay.resolve();
    await closing;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(state.indexed).toBe(200);
  });
});
