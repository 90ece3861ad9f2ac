import { expect, test } from "vitest";
import type { TelemetryStore } from "../../../src/store/store.ts";
import { buildEvent } from "../event-builder.ts";
import { type CreateStore, everyEvent, openStore, readAllEvents } from "../open-store.ts";
import { buildPoint, buildSeries, everyPoint } from "../point-builder.ts";
import { everyText, searchFor } from "../search-builder.ts";

const allTime = { fromMicros: null, toMicros: null } as const;

/** One call of every method but `close`. */
const calls: Readonly<Record<string, (store: TelemetryStore) => Promise<unknown>>> = {
  append: (store) => store.append([buildEvent()]),
  "append of nothing": (store) => store.append([]),
  findAgent: (store) => store.findAgent("agent"),
  listAgents: (store) => store.listAgents({ after: null, offset: 0, limit: 1 }),
  findEvent: (store) => store.findEvent("0".repeat(32)),
  listEvents: (store) =>
    store.listEvents({
      filter: { ...everyEvent, agentId: "agent", level: "INFO" },
      ascending: true,
      after: null,
      offset: 0,
      limit: 1,
    }),
  listEventsAfter: (store) =>
    store.listEventsAfter({ filter: everyEvent, afterSequence: 0, limit: 1, bytesMax: 1, examinedRowsMax: 1 }),
  getLastSequence: (store) => store.getLastSequence(),
  countEvents: (store) => store.countEvents({ agentId: "agent", dimension: "name", ...allTime }),
  measureLatency: (store) => store.measureLatency({ agentId: "agent", ...allTime }),
  listSessions: (store) =>
    store.listSessions({ filter: { agentId: "agent", sessionId: null, ...allTime }, after: null, limit: 1 }),
  listOperations: (store) =>
    store.listOperations({
      filter: {
        kind: "llm",
        agentId: "agent",
        sessionId: null,
        status: "ok",
        toolName: null,
        vendor: null,
        model: null,
        ...allTime,
      },
      ascending: true,
      after: null,
      limit: 1,
    }),
  findOperation: (store) => store.findOperation(1),
  listTraces: (store) =>
    store.listTraces({ filter: { agentId: "agent", traceId: null, ...allTime }, after: null, limit: 1 }),
  findTraceOperations: (store) => store.findTraceOperations({ traceId: "t", agentId: null, limit: 1 }),
  listAlerts: (store) =>
    store.listAlerts({
      filter: { agentId: "agent", sessionId: null, severity: null, category: null, status: "open", ...allTime },
      after: null,
      limit: 1,
    }),
  findAlert: (store) => store.findAlert("0".repeat(32)),
  setAlertStatus: (store) => store.setAlertStatus({ eventId: "0".repeat(32), status: "resolved", atMicros: 1 }),
  indexTexts: (store) => store.indexTexts({ texts: [], throughSequence: 0 }),
  getIndexedSequence: (store) => store.getIndexedSequence(),
  searchTexts: (store) => store.searchTexts(searchFor("word", { filter: { ...everyText, agentId: "agent" } })),
  appendPoints: (store) => store.appendPoints([buildPoint(buildSeries(), 1)]),
  "appendPoints of nothing": (store) => store.appendPoints([]),
  listMetrics: (store) => store.listMetrics({ agentId: null, after: null, limit: 1 }),
  listPoints: (store) => store.listPoints({ filter: everyPoint, after: null, limit: 1 }),
  probe: (store) => store.probe(),
  ping: (store) => store.ping(),
};

/** How a store begins and ends. */
export function testLifetime(createStore: CreateStore): void {
  test("a store that is open answers a ping", async () => {
    const store = await openStore(createStore);
    await expect(store.ping()).resolves.toBeUndefined();
  });

  test("a store that can be written to says so to a probe, which stores nothing", async () => {
    const store = await openStore(createStore);
    await store.append([buildEvent()]);
    const before = await readAllEvents(store);
    await expect(store.probe()).resolves.toBeUndefined();
    expect(await readAllEvents(store)).toEqual(before);
  });

  test("a store may be closed again, also while it closes", async () => {
    const store = await openStore(createStore);
    await Promise.all([store.close(), store.close()]);
    await expect(store.close()).resolves.toBeUndefined();
  });

  test.for(Object.entries(calls))("after close, %s rejects with SHUTTING_DOWN", async ([, call]) => {
    const store = await openStore(createStore);
    const closing = store.close();
    await expect(call(store)).rejects.toMatchObject({ reason: "SHUTTING_DOWN" });
    await closing;
    await expect(call(store)).rejects.toMatchObject({ reason: "SHUTTING_DOWN" });
  });

  test("close lets calls that are under way finish", async () => {
    const place = { name: "under-way" };
    const store = await openStore(createStore, place);
    const events = Array.from({ length: 30 }, () => buildEvent());
    const writes = events.map((event) => store.append([event]));
    const reads = Object.values(calls).map((call) => call(store));
    await store.close();
    await Promise.all(reads);
    expect((await Promise.all(writes)).flat().every(({ status }) => status === "stored")).toBe(true);
    const reopened = await openStore(createStore, place);
    expect((await readAllEvents(reopened)).map(({ id }) => id)).toEqual(
      expect.arrayContaining(events.map(({ id }) => id)),
    );
  });

  test("everything is there again after a new start, and sequences go on from where they were", async () => {
    const place = { name: "restart" };
    const store = await openStore(createStore, place);
    await store.append([buildEvent(), buildEvent({ agentId: "other" })]);
    const before = await readAllEvents(store);
    const agents = await store.listAgents({ after: null, offset: 0, limit: 10 });
    await store.close();
    const reopened = await openStore(createStore, place);
    expect(await readAllEvents(reopened)).toEqual(before);
    expect(await reopened.listAgents({ after: null, offset: 0, limit: 10 })).toEqual(agents);
    const [outcome] = await reopened.append([buildEvent()]);
    const greatest = Math.max(...before.map(({ sequence }) => sequence));
    expect(outcome?.status === "stored" ? outcome.sequence : 0).toBeGreaterThan(greatest);
    expect(await reopened.findAgent("agent")).toMatchObject({ eventCount: 2, sessionCount: 1 });
  });
}
