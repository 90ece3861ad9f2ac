import Database from "better-sqlite3";
import * as fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { TelemetryError } from "../../src/model/error.ts";
import { createWatchCursor, parseWatchCursor } from "../../src/query/watch-cursor.ts";
import type { EventTailQuery } from "../../src/store/store.ts";
import { buildEvent } from "../store/event-builder.ts";
import { createTemporaryFolder } from "../store/sqlite/temporary-folder.ts";
import { anyEvent, named, nextTurns, numbered, numbers, openWatchedStore, watchAs, watchesOf } from "./open-watches.ts";

const folder = createTemporaryFolder();

describe("a watch", () => {
  test("begins at once with a message that says where, and gives what is stored from then on", async () => {
    const store = await openWatchedStore(folder);
    await store.append(numbered(1, 3));
    const client = watchAs(watchesOf(store));
    expect(await client.next()).toEqual({ event: null, cursor: createWatchCursor(3, anyEvent) });
    const next = client.names(3);
    await store.append(numbered(4, 5));
    await store.append(numbered(6, 6));
    expect(await next).toEqual(["4", "5", "6"]);
    expect(client.cursor()).toBe(createWatchCursor(6, anyEvent));
  });

  test("goes on after its cursor: first with what is stored already, then with what comes", async () => {
    const store = await openWatchedStore(folder);
    await store.append(numbered(1, 300));
    const watches = watchesOf(store);
    const client = watchAs(watches, { cursor: createWatchCursor(0, anyEvent) });
    expect(await client.names(20)).toEqual(numbers(1, 20));
    client.leave();
    await store.append(numbered(301, 310));
    const second = watchAs(watches, { cursor: client.cursor() });
    expect(await second.names(290)).toEqual(numbers(21, 310));
    await store.append(numbered(311, 311));
    expect(await second.names(1)).toEqual(["311"]);
  });

  test("gives each event once and in the order of storing, wherever it begins and however it is interrupted, while four writers write", async () => {
    const store = await openWatchedStore(folder);
    let before = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 90 }), { maxLength: 5 }),
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 4, maxLength: 12 }),
        async (interruptions, batches) => {
          const watches = watchesOf(store);
          let client = watchAs(watches);
          await client.next();
          const count = batches.reduce((sum, size) => sum + size, 0);
          const queue = [...batches];
          const writing = Array.from({ length: 4 }, async () => {
            for (let size = queue.pop(); size !== undefined; size = queue.pop()) {
              await store.append(Array.from({ length: size }, () => named("live")));
            }
          });
          const seen: number[] = [];
          const take = async (upTo: number): Promise<void> => {
            while (seen.length < upTo) {
              const { event } = await client.next();
              if (event !== null) seen.push(event.sequence);
            }
          };
          for (const interruption of interruptions) {
            await take(Math.min(count, seen.length + interruption));
            client.leave();
            client = watchAs(watches, { cursor: client.cursor() });
          }
          await take(count);
          await Promise.all(writing);
          client.leave();
          expect(seen).toEqual(Array.from({ length: count }, (_, index) => before + 1 + index));
          before += count;
        },
      ),
      { numRuns: 20, endOnFailure: true },
    );
  });

  test("gives what passes its filter, and tells the place of a watcher for whom there is nothing", async () => {
    const store = await openWatchedStore(folder);
    const watches = watchesOf(store, { heartbeatMs: 20 });
    const filters = [
      { ...anyEvent, agentId: "b" },
      { ...anyEvent, level: "ERROR" },
      { ...anyEvent, sessionId: "s", channel: "LLM" },
      { ...anyEvent, name: "1" },
    ];
    const clients = filters.map((filter) => watchAs(watches, { filter }));
    for (const client of clients) await client.next();
    const fields = { sessionId: "s", channel: "LLM", level: "ERROR" };
    await store.append([buildEvent({ ...fields, agentId: "b", name: "1" }), named("2", "b"), named("3", "c")]);
    expect(await Promise.all(clients.map((client, index) => client.names(index === 0 ? 2 : 1)))).toEqual([
      ["1", "2"],
      ["1"],
      ["1"],
      ["1"],
    ]);
    for (const [index, client] of clients.entries()) {
      const place = () => parseWatchCursor(client.cursor(), filters[index] ?? anyEvent, 3);
      while (place() < 3) expect(await client.next()).toMatchObject({ event: null });
    }
  });

  test("goes on after deletions, from whatever cursor", async () => {
    const store = await openWatchedStore(folder);
    await store.append(numbered(1, 10));
    const database = new Database(store.databasePath);
    database.exec("delete from events where sequence between 3 and 8 or sequence = 10");
    database.close();
    const watches = watchesOf(store);
    const first = watchAs(watches, { cursor: createWatchCursor(5, anyEvent) });
    const last = watchAs(watches, { cursor: createWatchCursor(10, anyEvent) });
    expect(await first.names(1)).toEqual(["9"]);
    await last.next();
    await store.append(numbered(11, 11));
    expect([await first.names(1), await last.names(1)]).toEqual([["11"], ["11"]]);
  });

  test("reads a page at a time, and none before its client has taken the one before", async () => {
    const store = await openWatchedStore(folder);
    const queries: EventTailQuery[] = [];
    const listEventsAfter = (query: EventTailQuery) => {
      queries.push(query);
      return store.listEventsAfter(query);
    };
    const client = watchAs(watchesOf({ ...store, listEventsAfter }));
    await client.next();
    await store.append(numbered(1, 300));
    expect(await client.names(128)).toEqual(numbers(1, 128));
    await store.append(numbered(301, 400));
    await nextTurns();
    expect(queries).toHaveLength(1);
    expect(queries[0]).toMatchObject({ limit: 128, bytesMax: 1024 * 1024, examinedRowsMax: 5_000 });
    expect(await client.names(272)).toEqual(numbers(129, 400));
  });

  test("misses nothing that is stored while it is beginning", async () => {
    const store = await openWatchedStore(folder);
    const getLastSequence = async () => {
      const last = await store.getLastSequence();
      await store.append(numbered(1, 1));
      await nextTurns();
      return last;
    };
    const client = watchAs(watchesOf({ ...store, getLastSequence }));
    expect(await client.next()).toEqual({ event: null, cursor: createWatchCursor(0, anyEvent) });
    expect(await client.names(1)).toEqual(["1"]);
  });

  test("finds at the next heartbeat what nobody told it of", async () => {
    const store = await openWatchedStore(folder);
    const client = watchAs(watchesOf({ ...store, onStored: () => () => undefined }, { heartbeatMs: 20 }));
    await client.next();
    await store.append(numbered(1, 1));
    expect(await client.names(1)).toEqual(["1"]);
  });

  test("ends with the store's error, which says where to go on", async () => {
    const store = await openWatchedStore(folder);
    const busy = new TelemetryError("STORE_UNAVAILABLE", "busy", { retryDelayMs: 7_000 });
    const client = watchAs(watchesOf({ ...store, listEventsAfter: () => Promise.reject(busy) }));
    const { cursor } = await client.next();
    await store.append(numbered(1, 1));
    await expect(client.next()).rejects.toMatchObject({
      reason: "STORE_UNAVAILABLE",
      message: "busy",
      metadata: { cursor },
      retryDelayMs: 7_000,
    });
    expect(await client.messages.next()).toEqual({ done: true, value: undefined });
  });
});

describe("the number of watchers", () => {
  test("is bounded, and a place is free as soon as one ends, by whatever end", async () => {
    const store = await openWatchedStore(folder);
    const watches = watchesOf(store, { limits: { watchMaxWatchers: 2 } });
    const refused = { reason: "TOO_MANY_WATCHERS", retryDelayMs: expect.any(Number) };
    const first = watchAs(watches);
    const second = watchAs(watches);
    await first.next();
    // One that has only begun counts.
    const beginning = second.next();
    await expect(watchAs(watches).next()).rejects.toMatchObject(refused);
    await beginning;
    first.leave();
    const third = watchAs(watches);
    await third.next();
    await expect(watchAs(watches).next()).rejects.toMatchObject(refused);
    await second.messages.return(undefined);
    await watchAs(watches).next();
    await expect(watchAs(watches).next()).rejects.toMatchObject(refused);
  });
});

describe("the end of a watch", () => {
  test("is the reason of the server's shutdown, for who waits and for who reads later, with where to go on", async () => {
    const store = await openWatchedStore(folder);
    const stopping = new AbortController();
    onTestFinished(() => stopping.abort());
    const watches = watchesOf(store, { stopping: stopping.signal });
    const [waiting, reading] = [watchAs(watches), watchAs(watches)];
    for (const client of [waiting, reading]) await client.next();
    await store.append(numbered(1, 2));
    expect([await waiting.names(2), await reading.names(1)]).toEqual([["1", "2"], ["1"]]);
    const end = waiting.next();
    stopping.abort(new TelemetryError("SHUTTING_DOWN", "the server is shutting down"));
    await expect(end).rejects.toMatchObject({
      reason: "SHUTTING_DOWN",
      metadata: { cursor: createWatchCursor(2, anyEvent) },
    });
    await expect(reading.next()).rejects.toMatchObject({ metadata: { cursor: createWatchCursor(1, anyEvent) } });
    await expect(watchAs(watches).next()).rejects.toMatchObject({ reason: "SHUTTING_DOWN" });
  });

  test("is the reason of the client's own signal, as a deadline", async () => {
    const store = await openWatchedStore(folder);
    const watches = watchesOf(store);
    const client = watchAs(watches);
    await client.next();
    const end = client.next();
    const deadline = new Error("the deadline passed");
    client.leave(deadline);
    await expect(end).rejects.toBe(deadline);
    const late = watchAs(watches);
    late.leave(deadline);
    await expect(late.next()).rejects.toBe(deadline);
  });
});
