import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type AlertStatus, alertSeverities, alertStatuses } from "../../../src/model/security-alert.ts";
import type { AlertFilter, TelemetryStore } from "../../../src/store/store.ts";
import { buildAlert, eventAt, readListPages } from "../call-builder.ts";
import { builtFromMicros } from "../event-builder.ts";
import { type CreateStore, openStore } from "../open-store.ts";

const everyAlert: AlertFilter = {
  agentId: null,
  sessionId: null,
  severity: null,
  category: null,
  status: null,
  fromMicros: null,
  toMicros: null,
};

async function listAll(store: TelemetryStore, filter: Partial<AlertFilter> = {}, limit = 1000) {
  const query = { ...everyAlert, ...filter };
  return (await readListPages(limit, (page) => store.listAlerts({ filter: query, ...page }))).flat();
}

/** 120 alerts with few times, owners and facts, among events that are none. */
const events = fc
  .sample(
    fc.record({
      agentId: fc.constantFrom("one", "one", "two"),
      sessionId: fc.constantFrom(null, "s1", "s2", "own"),
      ms: fc.integer({ min: 0, max: 15 }),
      severity: fc.constantFrom(...alertSeverities),
      category: fc.constantFrom(null, "c1", "c2"),
    }),
    { numRuns: 120, seed: 11 },
  )
  .map(({ agentId, sessionId, ms, severity, category }) => {
    const owner = { agentId, sessionId: sessionId === "own" ? `own ${agentId}` : sessionId };
    return eventAt(ms, { ...owner, alert: buildAlert({ severity, category }) });
  });

const anyFilter: fc.Arbitrary<AlertFilter> = fc.record({
  agentId: fc.constantFrom(null, "one", "two", "nobody"),
  sessionId: fc.constantFrom(null, "s1", "own one", "none"),
  severity: fc.constantFrom(null, null, ...alertSeverities),
  category: fc.constantFrom(null, null, "c1"),
  status: fc.constantFrom(null, null, ...alertStatuses),
  fromMicros: fc.constantFrom(null, builtFromMicros + 4_000),
  toMicros: fc.constantFrom(null, builtFromMicros + 11_000),
});

/** What the store says of security alerts, and keeps of them. */
export function testAlerts(createStore: CreateStore): void {
  test("an alert is told with its event", async () => {
    const store = await openStore(createStore);
    const alert = buildAlert({ severity: "high", keywords: ["a", "b"], sample: "s", description: "d" });
    const event = eventAt(0, { traceId: "t", spanId: "x", alert });
    await store.append([eventAt(1), event, eventAt(2)]);
    const expected = {
      ...alert,
      sequence: 2,
      eventId: event.id,
      eventName: event.name,
      agentId: "agent",
      sessionId: "session",
      traceId: "t",
      spanId: "x",
      timeMicros: event.timeMicros,
      status: "open",
      statusMicros: null,
    };
    expect(await listAll(store)).toEqual([expected]);
    expect(await store.findAlert(event.id)).toEqual(expected);
  });

  test("an event without a finding, and one that is not there, report no alert", async () => {
    const store = await openStore(createStore);
    const event = eventAt(0);
    await store.append([event]);
    for (const eventId of [event.id, "0".repeat(32)]) {
      expect(await store.findAlert(eventId)).toBeNull();
      expect(await store.setAlertStatus({ eventId, status: "resolved", atMicros: 1 })).toBe(false);
    }
  });

  test("the status is kept with the time of its last change, and survives a new start", async () => {
    const place = { name: "alert-status" };
    const store = await openStore(createStore, place);
    const event = eventAt(0, { alert: buildAlert() });
    await store.append([event]);
    const set = async (status: AlertStatus, atMicros: number) => {
      expect(await store.setAlertStatus({ eventId: event.id, status, atMicros })).toBe(true);
      const alert = await store.findAlert(event.id);
      return [alert?.status, alert?.statusMicros];
    };
    expect(await set("open", 5)).toEqual(["open", null]);
    expect(await set("resolved", 6)).toEqual(["resolved", 6]);
    expect(await set("resolved", 7)).toEqual(["resolved", 6]);
    expect(await set("false_positive", 8)).toEqual(["false_positive", 8]);
    expect(await set("open", 9)).toEqual(["open", 9]);
    // The same event again is a duplicate, and changes nothing.
    await store.append([event]);
    await store.close();
    const reopened = await openStore(createStore, place);
    expect(await reopened.findAlert(event.id)).toMatchObject({ status: "open", statusMicros: 9 });
  });

  test("the pages of any list, with any filter, are the whole list once", async () => {
    const store = await openStore(createStore, { examinedRowsMax: 20 });
    await store.append(events);
    for (const [index, { id }] of events.entries()) {
      const status = alertStatuses[index % 5];
      if (status !== undefined) await store.setAlertStatus({ eventId: id, status, atMicros: index });
    }
    const all = await listAll(store);
    expect(all).toHaveLength(120);
    const places = all.map(({ timeMicros, sequence }) => [timeMicros, sequence] as const);
    expect(places).toEqual([...places].sort((a, b) => b[0] - a[0] || b[1] - a[1]));
    await fc.assert(
      fc.asyncProperty(anyFilter, fc.integer({ min: 1, max: 30 }), async (filter, limit) => {
        const expected = all.filter(
          (alert) =>
            (["agentId", "sessionId", "severity", "category", "status"] as const).every(
              (field) => filter[field] === null || filter[field] === alert[field],
            ) &&
            alert.timeMicros >= (filter.fromMicros ?? 0) &&
            alert.timeMicros <= (filter.toMicros ?? Number.POSITIVE_INFINITY),
        );
        expect(await listAll(store, filter, limit)).toEqual(expected);
      }),
      { numRuns: 150 },
    );
  });
}
