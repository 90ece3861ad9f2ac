import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ResourceLimits, Worker } from "node:worker_threads";
import Database from "better-sqlite3";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { TelemetryError } from "../../../src/model/error.ts";
import type { Event } from "../../../src/model/event.ts";
import { DatabaseInUseError } from "../../../src/store/sqlite/database-lock.ts";
import { createSqliteStore, type ThreadName } from "../../../src/store/sqlite/sqlite-store.ts";
import type { TelemetryStore } from "../../../src/store/store.ts";
import { collectWorkers, isGone } from "../../worker-threads.ts";
import { buildEvent, buildPart } from "../event-builder.ts";
import { readAllEvents } from "../open-store.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

const folder = createTemporaryFolder();
let opened = 0;

/** A store whose threads can be killed, and what it told of them. It is closed when the test ends. */
async function open(threadLimits: ResourceLimits = {}) {
  const workers = collectWorkers();
  const told: string[] = [];
  const databasePath = join(folder, `deaths-${(opened += 1)}.db`);
  const store = await createSqliteStore({
    databasePath,
    durability: "normal",
    threadLimits,
    onThreadDied: (thread) => told.push(`${thread} died`),
    onThreadRestarted: (thread) => told.push(`${thread} runs`),
  });
  onTestFinished(() => store.close());
  /** The thread of this name that lives. */
  const thread = (name: ThreadName): Worker => {
    const found = workers.find((worker) => worker.threadName === name && !isGone(worker));
    if (found === undefined) throw new Error(`no ${name} lives`);
    return found;
  };
  return { store, databasePath, workers, told, thread };
}

const gone = (thread: ThreadName) => ({
  reason: "STORE_UNAVAILABLE",
  message: `the ${thread} thread of the database died`,
});

/** Calls until the call succeeds. Until then it may only reject with what a client is told of a death. */
async function untilAnswered<Result>(call: () => Promise<Result>, thread: ThreadName = "writer"): Promise<Result> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof TelemetryError) || error.message !== gone(thread).message) throw error;
    }
    await sleep(20);
  }
}

/** Three events of a session, of which two are one operation. */
function call(lane: number, number: number): readonly Event[] {
  const sessionId = `${lane} ${number}`;
  return [null, "ok" as const, null].map((outcome) =>
    buildEvent({ clientEventId: `${sessionId} ${outcome}`, sessionId, operation: buildPart({ outcome }) }),
  );
}

const idsOf = (events: readonly { readonly id: string }[]) => events.map(({ id }) => id).sort();

/** Appends one call after the other until told to stop, each again until it is acknowledged. Resolves to what was acknowledged. */
async function appendMuch(store: TelemetryStore, lane: number, { signal }: AbortController) {
  const acknowledged: Event[] = [];
  for (let number = 0; !signal.aborted; number += 1) {
    const events = call(lane, number);
    const outcomes = await untilAnswered(() => store.append(events));
    expect(outcomes.map(({ status }) => status)).not.toContain("conflict");
    acknowledged.push(...events);
  }
  return acknowledged;
}

describe("the death of the writer", () => {
  test("at any moment loses nothing that was acknowledged and stores nothing twice", async () => {
    const { store, databasePath, thread, told } = await open();
    const stop = new AbortController();
    const lanes = [1, 2, 3, 4].map((lane) => appendMuch(store, lane, stop));
    for (let round = 1; round <= 4; round += 1) {
      await sleep(20 + Math.random() * 60);
      if (round % 2 === 0) await thread("writer").terminate();
      // Not a call: an error in the thread that nobody catches.
      else thread("writer").postMessage(null);
      await vi.waitFor(() => expect(told).toHaveLength(2 * round), { timeout: 15_000 });
    }
    stop.abort();
    const acknowledged = (await Promise.all(lanes)).flat();

    expect(told).toEqual(Array.from({ length: 4 }, () => ["writer died", "writer runs"]).flat());
    const events = await readAllEvents(store);
    expect(idsOf(events)).toEqual(idsOf(acknowledged));
    expect(events.length).toBeGreaterThan(12);
    const agent = await store.findAgent("agent");
    expect(agent).toMatchObject({ eventCount: events.length, sessionCount: events.length / 3 });
    expect(events.filter(({ pairedDurationMs }) => pairedDurationMs !== null)).toHaveLength(events.length / 3);
    await store.close();
    const database = new Database(databasePath, { readonly: true });
    expect(database.pragma("integrity_check", { simple: true })).toBe("ok");
    database.close();
  }, 60_000);

  test("for want of memory fails the append that needed it, and the next one finds a new writer", async () => {
    const { store, told } = await open({ maxOldGenerationSizeMb: 40 });
    const first = call(1, 1);
    await store.append(first);
    const huge = Array.from({ length: 40 }, () =>
      buildEvent({ attributesJson: JSON.stringify("x".repeat(3_000_000)) }),
    );
    await expect(store.append(huge)).rejects.toMatchObject(gone("writer"));
    expect(await untilAnswered(() => store.append([...first, ...call(1, 2)]))).toMatchObject([
      { status: "duplicate" },
      { status: "duplicate" },
      { status: "duplicate" },
      { status: "stored" },
      { status: "stored" },
      { status: "stored" },
    ]);
    expect(await readAllEvents(store)).toHaveLength(6);
    expect(told).toEqual(["writer died", "writer runs"]);
  });

  test("is told to a probe until another writer runs, and reads go on meanwhile", async () => {
    const { store, thread } = await open();
    const events = call(1, 1);
    await store.append(events);
    await thread("writer").terminate();
    await expect(store.probe()).rejects.toMatchObject(gone("writer"));
    expect(await readAllEvents(store)).toHaveLength(3);
    await store.ping();
    await untilAnswered(() => store.probe());
    expect(await store.append(events)).toEqual(Array.from({ length: 3 }, () => ({ status: "duplicate" })));
  });

  test("does not give up the claim on the database", async () => {
    const { store, databasePath, thread } = await open();
    const openAgain = () => createSqliteStore({ databasePath, durability: "normal" });
    await thread("writer").terminate();
    await expect(openAgain()).rejects.toThrow(DatabaseInUseError);
    await untilAnswered(() => store.append(call(1, 1)));
    await expect(openAgain()).rejects.toThrow(DatabaseInUseError);
  });

  test("while the store is closed keeps it from nothing: it lets go of the database", async () => {
    const { store, databasePath, thread, workers } = await open();
    const events = call(1, 1);
    await store.append(events);
    const killed = thread("writer").terminate();
    await store.close();
    await killed;
    expect(workers.filter((worker) => !isGone(worker))).toEqual([]);
    await expect(store.append(events)).rejects.toMatchObject({ reason: "SHUTTING_DOWN" });
    const again = await createSqliteStore({ databasePath, durability: "normal" });
    onTestFinished(() => again.close());
    expect(idsOf(await readAllEvents(again))).toEqual(idsOf(events));
  });

  test("is no obstacle to closing while another one is started", async () => {
    for (const delayMs of [0, 50, 100, 150, 200]) {
      const { store, thread, workers } = await open();
      await thread("writer").terminate();
      await sleep(delayMs);
      await store.close();
      expect(workers.filter((worker) => !isGone(worker))).toEqual([]);
    }
  });
});

describe("the death of the reader", () => {
  test("is told to who reads until another one runs, and events are stored meanwhile", async () => {
    const { store, thread, told } = await open();
    const events = [...call(1, 1), ...call(1, 2)];
    await store.append(events.slice(0, 3));
    await thread("reader").terminate();
    await expect(store.ping()).rejects.toMatchObject(gone("reader"));
    await expect(store.findAgent("agent")).rejects.toMatchObject(gone("reader"));
    await store.append(events.slice(3));
    await store.probe();
    expect(idsOf(await untilAnswered(() => readAllEvents(store), "reader"))).toEqual(idsOf(events));
    expect(told).toEqual(["reader died", "reader runs"]);
  });
});
