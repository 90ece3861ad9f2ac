import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { TelemetryError } from "../../../src/model/error.ts";
import {
  type Death,
  type RestartPauses,
  type SupervisedThread,
  superviseThread,
} from "../../../src/store/sqlite/supervised-thread.ts";
import { startThread } from "../../../src/store/sqlite/thread.ts";
import { collectWorkers, isGone } from "../../worker-threads.ts";
import type { MortalData, MortalMethods } from "./mortal-thread.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

const folder = createTemporaryFolder();
const died = { reason: "STORE_UNAVAILABLE", message: "the mortal thread of the database died" };
const pauses: RestartPauses = { minMs: 20, maxMs: 80, settledMs: 60_000 };
let opened = 0;

/** A supervised thread on a database of its own, which is closed when the test ends, and what was told of it. */
async function open(
  options: Partial<RestartPauses> = {},
  beforeRestarted: () => Promise<void> = async () => undefined,
) {
  const workers = collectWorkers();
  const path = join(folder, `mortal-${(opened += 1)}`);
  const data: MortalData = {
    databasePath: `${path}.db`,
    obstaclePath: `${path}.obstacle`,
    hangPath: `${path}.hang`,
  };
  writeFileSync(data.databasePath, "");
  const deaths: Death[] = [];
  let restarts = 0;
  const supervised = await superviseThread<MortalMethods>({
    async start(signal) {
      const thread = await startThread<MortalMethods>(new URL("./mortal-thread.ts", import.meta.url), {
        name: "mortal",
        data,
        signal,
        resourceLimits: { maxOldGenerationSizeMb: 32 },
      });
      if (deaths.length > 0) await beforeRestarted();
      return thread;
    },
    onDied: (death) => deaths.push(death),
    onRestarted: () => (restarts += 1),
    pauses: { ...pauses, ...options },
  });
  onTestFinished(() => supervised.close());
  return { ...supervised, data, workers, deaths, restarts: () => restarts };
}

/** Resolves when the thread answers again. Calls until then have to say that it died. */
async function whenItAnswers({ methods }: Pick<SupervisedThread<MortalMethods>, "methods">): Promise<void> {
  for (;;) {
    try {
      await methods.numbers();
      return;
    } catch (error) {
      if (!(error instanceof TelemetryError) || error.message !== died.message) throw error;
    }
    await sleep(10);
  }
}

describe("a thread that dies", () => {
  test.for(["throw", "exit", "memory"] as const)(
    "by %s rejects what is under way, and is started again without a trace of its transaction",
    async (how) => {
      const thread = await open();
      const { methods, deaths, restarts, workers } = thread;
      await methods.insert(1);
      const underWay = methods.never().catch((error: unknown) => error);

      await expect(methods.insertAndDie(2, how)).rejects.toMatchObject(died);
      expect(await underWay).toMatchObject(died);
      await expect(methods.insert(3)).rejects.toMatchObject(died);

      await whenItAnswers(thread);
      await methods.insert(4);
      expect(await methods.numbers()).toEqual([1, 4]);
      expect(deaths).toMatchObject([{ error: died, retryDelayMs: 20 }]);
      expect([restarts(), workers.map(isGone)]).toEqual([1, [true, false]]);
    },
  );

  test("is started again after each of several deaths", async () => {
    const thread = await open();
    for (let number = 1; number <= 5; number += 1) {
      await thread.methods.insert(number);
      await expect(thread.methods.insertAndDie(-number, "exit")).rejects.toMatchObject(died);
      await whenItAnswers(thread);
    }
    expect(await thread.methods.numbers()).toEqual([1, 2, 3, 4, 5]);
    expect(thread.restarts()).toBe(5);
    // The more often, the later, up to the bound.
    expect(thread.deaths.map(({ retryDelayMs }) => retryDelayMs)).toEqual([20, 40, 80, 80, 80]);
  });

  test("and cannot be started is tried again and again, later and later, until it can", async () => {
    const thread = await open();
    writeFileSync(thread.data.obstaclePath, "");
    await expect(thread.methods.insertAndDie(1, "exit")).rejects.toMatchObject(died);
    await vi.waitFor(() => expect(thread.deaths.length).toBeGreaterThan(4), { timeout: 10_000 });
    await expect(thread.methods.insert(1)).rejects.toMatchObject(died);
    expect(thread.restarts()).toBe(0);
    rmSync(thread.data.obstaclePath);
    await whenItAnswers(thread);
    await thread.methods.insert(2);
    expect(await thread.methods.numbers()).toEqual([2]);
    const obstacle = { message: "there is an obstacle" };
    expect(thread.deaths.slice(0, 5)).toMatchObject([
      { error: died, retryDelayMs: 20 },
      { error: obstacle, retryDelayMs: 40 },
      { error: obstacle, retryDelayMs: 80 },
      { error: obstacle, retryDelayMs: 80 },
      { error: obstacle, retryDelayMs: 80 },
    ]);
    expect(thread.restarts()).toBe(1);
    // Nothing is left of the attempts that failed.
    expect(thread.workers.filter((worker) => !isGone(worker))).toHaveLength(1);
  });

  test("after a long life is started again as soon as after its first death", async () => {
    const thread = await open({ settledMs: 1 });
    for (let number = 1; number <= 3; number += 1) {
      await expect(thread.methods.insertAndDie(number, "exit")).rejects.toMatchObject(died);
      await whenItAnswers(thread);
      await sleep(20);
    }
    expect(thread.deaths.map(({ retryDelayMs }) => retryDelayMs)).toEqual([20, 20, 20]);
  });
});

describe("closing a supervised thread", () => {
  test("while it waits to be started again ends the wait", async () => {
    const { methods, close, workers, restarts } = await open({ minMs: 3_600_000, maxMs: 3_600_000 });
    await expect(methods.insertAndDie(1, "exit")).rejects.toMatchObject(died);
    await close();
    await close();
    expect([restarts(), workers.map(isGone)]).toEqual([0, [true]]);
    await expect(methods.insert(1)).rejects.toMatchObject(died);
  });

  test("while it starts again ends the start, be it as slow as it likes", async () => {
    const { methods, close, data, workers, deaths, restarts } = await open();
    writeFileSync(data.hangPath, "");
    await expect(methods.insertAndDie(1, "exit")).rejects.toMatchObject(died);
    await vi.waitFor(() => expect(workers).toHaveLength(2), { timeout: 10_000 });
    await close();
    expect([restarts(), deaths.length, workers.map(isGone)]).toEqual([0, 1, [true, true]]);
  });

  test("at the very moment at which it is ready again ends it", async () => {
    const ready = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    const { methods, close, workers, restarts } = await open({}, () => {
      reached.resolve();
      return ready.promise;
    });
    await expect(methods.insertAndDie(1, "exit")).rejects.toMatchObject(died);
    await reached.promise;
    const closed = close();
    ready.resolve();
    await closed;
    expect([restarts(), workers.map(isGone)]).toEqual([0, [true, true]]);
  });

  test("at any moment of a restart leaves no thread behind", async () => {
    for (let delayMs = 0; delayMs < 120; delayMs += 15) {
      const { methods, close, workers } = await open();
      const death = methods.insertAndDie(1, "exit").catch((error: unknown) => error);
      await sleep(delayMs);
      await close();
      expect(await death).toMatchObject(died);
      expect(workers.filter((worker) => !isGone(worker))).toEqual([]);
    }
  });

  test("waits for the calls under way, and tells of no death", async () => {
    const { methods, close, data, deaths, workers } = await open();
    const inserts = [1, 2, 3].map((number) => methods.insert(number));
    await close();
    await Promise.all(inserts);
    expect([deaths, workers.map(isGone)]).toEqual([[], [true]]);
    const again = await startThread<MortalMethods>(new URL("./mortal-thread.ts", import.meta.url), {
      name: "mortal",
      data,
    });
    expect(await again.methods.numbers()).toEqual([1, 2, 3]);
    await again.close();
  });
});
