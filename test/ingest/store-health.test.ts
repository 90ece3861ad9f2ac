import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createStoreHealth } from "../../src/ingest/store-health.ts";
import { TelemetryError } from "../../src/model/error.ts";

const unavailable = (message: string) => new TelemetryError("STORE_UNAVAILABLE", message);

/** Health over a probe that ends as `next` says, once it is called: at once, or later. */
function open() {
  const problems: (string | null)[] = [];
  const state = { probes: 0, next: async (): Promise<void> => undefined, problems };
  const health = createStoreHealth({
    probe: () => {
      state.probes += 1;
      return state.next();
    },
    onProblem: (problem) => problems.push(problem),
  });
  return { state, health };
}

const seconds = (count: number) => vi.advanceTimersByTimeAsync(count * 1000);

describe("the health of the store", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("is good to begin with, and nothing is probed while it is", async () => {
    const { state, health } = open();
    health.stored();
    await seconds(100);
    expect([health.problem(), state.probes, state.problems]).toEqual([null, 0, []]);
  });

  test("gets well by itself when a probe succeeds, and then no more is probed", async () => {
    const { state, health } = open();
    health.failed(unavailable("disk full"));
    await seconds(0.999);
    expect([health.problem(), state.probes]).toEqual(["disk full", 0]);
    await seconds(0.001);
    expect([health.problem(), state.probes]).toEqual([null, 1]);
    await seconds(100);
    expect([state.probes, state.problems]).toEqual([1, ["disk full", null]]);
  });

  test("stays bad while probes fail, one a second whatever else fails, and tells why at last", async () => {
    const { state, health } = open();
    state.next = () => Promise.reject(unavailable("locked"));
    health.failed(unavailable("disk full"));
    for (let call = 0; call < 50; call += 1) {
      health.failed(unavailable("locked"));
      await seconds(0.1);
    }
    expect([health.problem(), state.probes]).toEqual(["locked", 5]);
    state.next = async () => undefined;
    await seconds(1);
    expect(state.problems).toEqual(["disk full", "locked", null]);
  });

  test("does not have a second probe made before the first is answered", async () => {
    const { state, health } = open();
    const answer = Promise.withResolvers<void>();
    state.next = () => answer.promise;
    health.failed(unavailable("locked"));
    await seconds(60);
    health.stored();
    health.failed(unavailable("disk full"));
    await seconds(60);
    expect(state.probes).toBe(1);
    answer.resolve();
    await seconds(0);
    expect(health.problem()).toBe(null);
  });

  test("is good when something was stored, whatever a probe says that did not wait for it", async () => {
    const { state, health } = open();
    const answer = Promise.withResolvers<void>();
    state.next = () => answer.promise;
    health.failed(unavailable("locked"));
    await seconds(1);
    health.stored();
    answer.reject(unavailable("locked"));
    await seconds(100);
    expect([health.problem(), state.probes]).toEqual([null, 1]);
    // And the next problem is probed for as the first one was.
    state.next = async () => undefined;
    health.failed(unavailable("disk full"));
    await seconds(1);
    expect([health.problem(), state.probes]).toEqual([null, 2]);
  });

  test("is not touched by what is no fault of the database", async () => {
    const { state, health } = open();
    health.failed(new Error("a fault"));
    health.failed(new TelemetryError("SHUTTING_DOWN", "bye"));
    await seconds(10);
    expect([health.problem(), state.probes]).toEqual([null, 0]);
  });

  test("stays bad where the probe itself has a fault, and goes on asking", async () => {
    const { state, health } = open();
    state.next = () => Promise.reject(new Error("a fault"));
    health.failed(unavailable("disk full"));
    await seconds(3);
    expect([health.problem(), state.probes]).toEqual(["disk full", 3]);
  });

  test("is asked for no more once the store is closed", async () => {
    const { state, health } = open();
    state.next = () => Promise.reject(new TelemetryError("SHUTTING_DOWN", "bye"));
    health.failed(unavailable("disk full"));
    await seconds(10);
    expect([health.problem(), state.probes]).toEqual(["disk full", 1]);
  });
});
