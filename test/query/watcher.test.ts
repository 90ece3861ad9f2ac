import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createWatchCursor } from "../../src/query/watch-cursor.ts";
import type { TelemetryStore } from "../../src/store/store.ts";
import { createTemporaryFolder } from "../store/sqlite/temporary-folder.ts";
import {
  anyEvent,
  nextTurns,
  numbered,
  numbers,
  openWatchedStore,
  type TestClient,
  watchAs,
  watchesOf,
} from "./open-watches.ts";

const folder = createTemporaryFolder();

describe("a watcher that falls behind", () => {
  const watchMaxLagEvents = 10;

  /** A client that leaves its first message untaken while so many events are stored. */
  const holdWhile = async (count: number) => {
    const store = await openWatchedStore(folder);
    const watches = watchesOf(store, { limits: { watchMaxLagEvents } });
    const client = watchAs(watches);
    const { cursor } = await client.next();
    await store.append(numbered(1, count));
    await nextTurns();
    return { watches, client, cursor };
  };

  test("by as much as is allowed goes on", async () => {
    const { client } = await holdWhile(10);
    expect(await client.names(10)).toEqual(numbers(1, 10));
  });

  test("by one more is dropped, and misses nothing when it goes on with the cursor of the error", async () => {
    const { watches, client, cursor } = await holdWhile(11);
    await expect(client.next()).rejects.toMatchObject({
      reason: "WATCHER_TOO_SLOW",
      metadata: { cursor },
      retryDelayMs: expect.any(Number),
    });
    expect(await watchAs(watches, { cursor }).names(11)).toEqual(numbers(1, 11));
  });

  test("in the middle of a page is told with the cursor of the last event that it took", async () => {
    const store = await openWatchedStore(folder);
    const watches = watchesOf(store, { limits: { watchMaxLagEvents } });
    const client = watchAs(watches);
    await client.next();
    await store.append(numbered(1, 8));
    await nextTurns();
    expect(await client.names(3)).toEqual(["1", "2", "3"]);
    await store.append(numbered(9, 14));
    await nextTurns();
    await expect(client.next()).rejects.toMatchObject({ metadata: { cursor: createWatchCursor(3, anyEvent) } });
  });

  test("may begin as far behind as it likes, and fall behind by as much again", async () => {
    const store = await openWatchedStore(folder);
    await store.append(numbered(1, 50));
    const client = watchAs(watchesOf(store, { limits: { watchMaxLagEvents } }), {
      cursor: createWatchCursor(0, anyEvent),
    });
    expect(await client.names(20)).toEqual(numbers(1, 20));
    await store.append(numbered(51, 60));
    await nextTurns();
    expect(await client.names(40)).toEqual(numbers(21, 60));
    await store.append(numbered(61, 71));
    await nextTurns();
    await expect(client.next()).rejects.toMatchObject({ reason: "WATCHER_TOO_SLOW" });
  });

  test("because the server has not read yet is not to blame", async () => {
    const store = await openWatchedStore(folder);
    const client = watchAs(watchesOf(store, { limits: { watchMaxLagEvents } }));
    await client.next();
    const names = client.names(60);
    await store.append(numbered(1, 30));
    await store.append(numbered(31, 60));
    expect(await names).toEqual(numbers(1, 60));
  });
});

describe("with time in the test's hands", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("a watcher that leaves a message untaken is dropped when its time is over, and cut off when it is over again", async () => {
    const store = await openWatchedStore(folder);
    const watches = watchesOf(store, { limits: { watchMaxStallMs: 60_000 }, heartbeatMs: 1_000_000 });
    const patient = watchAs(watches);
    const client = watchAs(watches);
    for (const each of [patient, client]) await each.next();
    await store.append(numbered(1, 3));
    for (const each of [patient, client]) expect(await each.names(1)).toEqual(["1"]);
    vi.advanceTimersByTime(59_999);
    expect(await patient.names(1)).toEqual(["2"]);
    vi.advanceTimersByTime(1);
    expect(await patient.names(1)).toEqual(["3"]);
    // Whoever waits for the server has all the time there is.
    const next = patient.names(1);
    vi.advanceTimersByTime(59_999);
    expect(client.cuts()).toBe(0);
    vi.advanceTimersByTime(60_001);
    expect([patient.cuts(), client.cuts()]).toEqual([0, 1]);
    await expect(client.next()).rejects.toMatchObject({
      reason: "WATCHER_TOO_SLOW",
      metadata: { cursor: createWatchCursor(1, anyEvent) },
    });
    await store.append(numbered(4, 4));
    await nextTurns();
    vi.advanceTimersByTime(1_000);
    expect(await next).toEqual(["4"]);
  });

  test("a silent watch gives a sign of life when its time has come, and not before", async () => {
    const store = await openWatchedStore(folder);
    const client = watchAs(watchesOf(store, { heartbeatMs: 15_000 }));
    await client.next();
    let isThere = false;
    const next = client.next().finally(() => (isThere = true));
    vi.advanceTimersByTime(14_999);
    await store.getLastSequence();
    await nextTurns();
    expect(isThere).toBe(false);
    vi.advanceTimersByTime(1);
    expect(await next).toEqual({ event: null, cursor: createWatchCursor(0, anyEvent) });
  });

  test.for<readonly [string, (client: TestClient, store: Pick<TelemetryStore, "append">) => unknown]>([
    ["waits for an event", (client) => void client.next().catch(() => undefined)],
    ["has not taken what it was given", () => undefined],
    ["has taken all there is", async (client, store) => (await store.append(numbered(1, 1))) && client.names(1)],
  ])("a client that goes away while it %s leaves nothing behind", async ([, act]) => {
    const store = await openWatchedStore(folder);
    const timersOfStore = vi.getTimerCount();
    const watches = watchesOf(store, { limits: { watchMaxWatchers: 1 } });
    const client = watchAs(watches);
    await client.next();
    await act(client, store);
    expect(vi.getTimerCount()).toBeGreaterThan(timersOfStore);
    client.leave();
    expect(vi.getTimerCount()).toBe(timersOfStore);
    await watchAs(watches).next();
  });
});
