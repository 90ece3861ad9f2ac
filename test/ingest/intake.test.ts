import { describe, expect, test } from "vitest";
import { cylestioEvents } from "../../src/ingest/batch.ts";
import { eventFieldsFromJson } from "../../src/ingest/cylestio/json-event.ts";
import { createIntake, type IntakeCounters, type TakeOptions } from "../../src/ingest/intake.ts";
import { createStoreHealth } from "../../src/ingest/store-health.ts";
import { TelemetryError } from "../../src/model/error.ts";
import type { Event } from "../../src/model/event.ts";
import { limitsDefault } from "../../src/model/limits.ts";
import type { AppendOutcome } from "../../src/store/store.ts";

const good = { timestamp: "2025-03-18T09:15:00Z", agent_id: "a", name: "e", attributes: {} };
const bad = { ...good, timestamp: "soon" };
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
const unavailable = (message: string) => new TelemetryError("STORE_UNAVAILABLE", message);

/** A store that does what is in `next`, or else says that everything is stored. */
function createStandIn() {
  const store = {
    appended: 0,
    next: undefined as (() => Promise<readonly AppendOutcome["status"][]>) | undefined,
    async append(events: readonly Event[]): Promise<readonly AppendOutcome[]> {
      store.appended += 1;
      const statuses = store.next === undefined ? events.map(() => "stored" as const) : await store.next();
      return statuses.map((status, index) => (status === "stored" ? { status, sequence: index + 1 } : { status }));
    },
  };
  return store;
}

function open(limits: Partial<typeof limitsDefault> = {}) {
  const store = createStandIn();
  const problems: (string | null)[] = [];
  // It finds nothing out by itself before a test is over.
  const health = createStoreHealth({
    probe: async () => undefined,
    onProblem: (problem) => problems.push(problem),
    probePauseMs: 60_000,
  });
  const intake = createIntake({
    store,
    limits: { ...limitsDefault, ...limits },
    nowMicros: () => Date.UTC(2025, 5, 1) * 1000,
    health,
  });
  const take = (raws: readonly unknown[], options?: TakeOptions) =>
    intake.take(raws, cylestioEvents(eventFieldsFromJson), options);
  return { store, intake, take, health, problems };
}

function expectBalanced({ received, stored, duplicate, rejected, refused }: IntakeCounters): void {
  expect(received).toBe(stored + duplicate + rejected + refused);
}

describe("the counters", () => {
  test("begin with nothing", () => {
    expect(open().intake.counters()).toEqual({ received: 0, stored: 0, duplicate: 0, rejected: 0, refused: 0 });
  });

  test("count every event of a request by what became of it", async () => {
    const { store, intake, take } = open();
    store.next = async () => ["stored", "duplicate", "conflict", "stored"];
    const outcomes = await take([good, bad, good, good, null, good]);
    expect(outcomes.map(({ status }) => status)).toEqual([
      "accepted",
      "rejected",
      "duplicate",
      "rejected",
      "rejected",
      "accepted",
    ]);
    expect(intake.counters()).toEqual({ received: 6, stored: 2, duplicate: 1, rejected: 3, refused: 0 });
  });

  test("do not ask the store where nothing is acceptable, nor count an empty batch", async () => {
    const { store, intake, take } = open();
    await take([bad, null]);
    await take([]);
    expect(store.appended).toBe(0);
    expect(intake.counters()).toEqual({ received: 2, stored: 0, duplicate: 0, rejected: 2, refused: 0 });
  });

  test.for([
    ["a database that cannot be used", unavailable("disk full")],
    ["a server that is shutting down", new TelemetryError("SHUTTING_DOWN", "bye")],
    ["a fault", new Error("a fault")],
  ] as const)("count every event of a request as refused that met %s", async ([, error]) => {
    const { store, intake, take } = open();
    store.next = () => Promise.reject(error);
    await expect(take([good, bad, good])).rejects.toBe(error);
    expect(intake.counters()).toEqual({ received: 3, stored: 0, duplicate: 0, rejected: 0, refused: 3 });
  });

  test("count a batch that is too large as refused, by one event at least", async () => {
    const { intake, take } = open({ batchMaxEvents: 2 });
    await take([good, good]);
    await expect(take([good, good, bad])).rejects.toMatchObject({ reason: "BATCH_TOO_LARGE" });
    expect(intake.counters()).toEqual({ received: 5, stored: 2, duplicate: 0, rejected: 0, refused: 3 });
  });

  test("are a copy, and balance once nothing is under way", async () => {
    const { store, intake, take } = open();
    const before = intake.counters();
    const disk = Promise.withResolvers<readonly AppendOutcome["status"][]>();
    store.next = () => disk.promise;
    const taken = take([good]);
    expect(intake.counters()).toMatchObject({ received: 1, stored: 0 });
    disk.resolve(["stored"]);
    await taken;
    expect(before.received).toBe(0);
    expectBalanced(intake.counters());
  });
});

/** Makes the store take its time until `disk` is resolved. */
const hold = (store: ReturnType<typeof createStandIn>) => {
  const disk = Promise.withResolvers<void>();
  const calls: number[] = [];
  store.next = async () => {
    calls.push(calls.length);
    await disk.promise;
    return ["stored"];
  };
  return { disk, calls };
};

describe("the load", () => {
  test("beyond the bounds is refused at once to a caller without patience, and another try succeeds", async () => {
    const { store, intake, take, health } = open({ inFlightMaxEvents: 1 });
    const { disk } = hold(store);
    const first = take([good]);
    await expect(take([good])).rejects.toMatchObject({ reason: "OVERLOADED" });
    disk.resolve();
    await first;
    expect(await take([good])).toMatchObject([{ status: "accepted" }]);
    expect(intake.counters()).toEqual({ received: 3, stored: 2, duplicate: 0, rejected: 0, refused: 1 });
    expect(health.problem()).toBe(null);
  });

  test("counts the bytes of attributes and extensions", async () => {
    const { store, take } = open({ inFlightMaxBytes: 1024 });
    const { disk } = hold(store);
    const first = take([{ ...good, attributes: { text: "x".repeat(500) }, more: "y".repeat(500) }]);
    await expect(take([{ ...good, attributes: { text: "x".repeat(100) } }])).rejects.toMatchObject({
      reason: "OVERLOADED",
    });
    const small = take([good]);
    disk.resolve();
    expect(await first).toMatchObject([{ status: "accepted" }]);
    expect(await small).toMatchObject([{ status: "accepted" }]);
  });

  test("beyond the bounds keeps a patient caller waiting, in turn", async () => {
    const { store, intake, take } = open({ inFlightMaxEvents: 1 });
    const { disk, calls } = hold(store);
    const underWay: number[] = [];
    const taken = [0, 1, 2].map((caller) => take([good], { onUnderWay: () => underWay.push(caller) }));
    await settle();
    expect([calls, underWay]).toEqual([[0], [0]]);
    disk.resolve();
    for (const outcomes of await Promise.all(taken)) expect(outcomes).toMatchObject([{ status: "accepted" }]);
    expect([calls, underWay]).toEqual([
      [0, 1, 2],
      [0, 1, 2],
    ]);
    expect(intake.counters()).toEqual({ received: 3, stored: 3, duplicate: 0, rejected: 0, refused: 0 });
  });

  test("is given back when the store fails", async () => {
    const { store, intake, take } = open({ inFlightMaxEvents: 1 });
    store.next = () => Promise.reject(unavailable("disk full"));
    for (const options of [{}, { onUnderWay: () => undefined }]) {
      await expect(take([good], options)).rejects.toMatchObject({ reason: "STORE_UNAVAILABLE" });
    }
    store.next = undefined;
    await take([good]);
    expectBalanced(intake.counters());
  });
});

describe("the problem", () => {
  test("is set when the database cannot be used, told once per change, and gone when something is stored", async () => {
    const { store, take, health, problems } = open();
    expect(health.problem()).toBe(null);
    for (const message of ["disk full", "disk full", "locked"]) {
      store.next = () => Promise.reject(unavailable(message));
      await expect(take([good])).rejects.toThrow(message);
      expect(health.problem()).toBe(message);
    }
    store.next = undefined;
    await take([good]);
    await take([good]);
    expect(health.problem()).toBe(null);
    expect(problems).toEqual(["disk full", "locked", null]);
  });

  test.for([
    ["a fault", new Error("a fault")],
    ["a shutdown", new TelemetryError("SHUTTING_DOWN", "bye")],
  ] as const)("is not %s", async ([, error]) => {
    const { store, take, health, problems } = open();
    store.next = () => Promise.reject(error);
    await expect(take([good])).rejects.toBe(error);
    expect([health.problem(), problems]).toEqual([null, []]);
  });

  test("stays where events come that are not acceptable: the database was not asked", async () => {
    const { store, take, health } = open();
    store.next = () => Promise.reject(unavailable("disk full"));
    await expect(take([good])).rejects.toThrow("disk full");
    await take([bad]);
    expect(health.problem()).toBe("disk full");
  });

  test("stays where nothing comes but duplicates and conflicts: nothing was written", async () => {
    const { store, take, health, problems } = open();
    store.next = () => Promise.reject(unavailable("disk full"));
    await expect(take([good])).rejects.toThrow("disk full");
    store.next = async () => ["duplicate", "conflict"];
    await take([good, good]);
    expect(health.problem()).toBe("disk full");
    store.next = async () => ["duplicate", "stored"];
    await take([good, good]);
    expect(problems).toEqual(["disk full", null]);
  });
});

describe("a request in parts", () => {
  const [one, two, three, four] = [1, 2, 3, 4].map((number) => ({
    ...good,
    attributes: { number, text: "x".repeat(1_000) },
  }));
  const raws = [one, bad, two, bad, three, four, bad];

  test("is stored in as many commits as what the server may hold makes necessary, and answered in its order", async () => {
    const { store, intake, take } = open({ inFlightMaxBytes: 1_500 });
    const statuses = (await take(raws, { inParts: true })).map(({ status }) => status);
    expect(statuses).toEqual(["accepted", "rejected", "accepted", "rejected", "accepted", "accepted", "rejected"]);
    expect(store.appended).toBe(2);
    await take(raws);
    expect(store.appended).toBe(3);
    expect(intake.counters()).toEqual({ received: 14, stored: 8, duplicate: 0, rejected: 6, refused: 0 });
  });

  test("tells identical events apart across its parts", async () => {
    const { take } = open({ inFlightMaxBytes: 1 });
    const outcomes = await take([good, good, good], { inParts: true });
    const ids = outcomes.map((outcome) => (outcome.status === "rejected" ? "" : outcome.eventId));
    expect(new Set(ids).size).toBe(3);
  });

  test("is refused before its first part alone, and keeps its parts where a later one fails", async () => {
    const { store, intake, take } = open({ inFlightMaxBytes: 1_500 });
    const written = Promise.withResolvers<readonly AppendOutcome["status"][]>();
    store.next = () => written.promise;
    const first = take(raws, { inParts: true });
    await expect(take(raws, { inParts: true })).rejects.toMatchObject({ reason: "OVERLOADED" });
    store.next = undefined;
    written.resolve(["stored", "stored"]);
    await expect(first).resolves.toHaveLength(7);
    store.next = async () => {
      if (store.appended === 3) return ["duplicate", "duplicate"];
      throw unavailable("full");
    };
    await expect(take(raws, { inParts: true })).rejects.toMatchObject({ reason: "STORE_UNAVAILABLE" });
    expect(intake.counters()).toEqual({ received: 21, stored: 4, duplicate: 2, rejected: 4, refused: 11 });
    expectBalanced(intake.counters());
  });
});
