import { describe, expect, test } from "vitest";
import { buildAlert, eventAt } from "../store/call-builder.ts";
import { createTemporaryFolder } from "../store/sqlite/temporary-folder.ts";
import { openQueries, page } from "./open-queries.ts";

const folder = createTemporaryFolder();
const anything = {
  agentId: null,
  sessionId: null,
  category: null,
  severity: "",
  status: "",
  fromMicros: null,
  toMicros: null,
};
const nobody = "0".repeat(32);

describe("alerts", () => {
  test("are listed the newest first, page by page, by severity and status", async () => {
    const severities = ["low", "high", "low"] as const;
    const { alerts } = await openQueries(folder, {
      events: severities.map((severity, step) => eventAt(step, { alert: buildAlert({ severity }) })),
    });
    const first = await alerts.listAlerts(anything, page(2));
    const second = await alerts.listAlerts(anything, page(2, first.nextPageToken));
    expect([first, second].map(({ items }) => items.map(({ severity }) => severity))).toEqual([
      ["low", "high"],
      ["low"],
    ]);
    expect((await alerts.listAlerts({ ...anything, severity: "low", status: "open" }, page(9))).items).toHaveLength(2);
    expect((await alerts.listAlerts({ ...anything, status: "resolved" }, page(9))).items).toEqual([]);
  });

  test.for([
    ["severity", "bad", "must be one of low, medium, high, critical"],
    ["status", "OPEN", "must be one of open, resolved, false_positive"],
  ] as const)("have no %s %s", async ([field, text, message]) => {
    const { alerts } = await openQueries(folder, { events: [] });
    const violation = { violations: [{ field, reason: "FIELD_INVALID", message }] };
    await expect(alerts.listAlerts({ ...anything, [field]: text }, page(9))).rejects.toMatchObject(violation);
  });

  test("change their status, and tell when", async () => {
    const event = eventAt(0, { alert: buildAlert() });
    const { alerts } = await openQueries(folder, { events: [event], nowMicros: () => 77 });
    const changed = await alerts.setStatus(event.id.toUpperCase(), "resolved");
    expect(changed).toMatchObject({ eventId: event.id, status: "resolved", statusMicros: 77 });
    expect(await alerts.getAlert(event.id)).toEqual(changed);
    expect((await alerts.listAlerts({ ...anything, status: "resolved" }, page(9))).items).toEqual([changed]);
  });

  test("are refused where there is none, and where the id or the status can be none", async () => {
    const event = eventAt(0);
    const { alerts } = await openQueries(folder, { events: [event] });
    for (const eventId of [event.id, nobody]) {
      const notFound = { reason: "ALERT_NOT_FOUND", metadata: { event_id: eventId } };
      await expect(alerts.getAlert(eventId)).rejects.toMatchObject(notFound);
      await expect(alerts.setStatus(eventId, "resolved")).rejects.toMatchObject(notFound);
    }
    await expect(alerts.getAlert("x")).rejects.toMatchObject({ violations: [{ field: "event_id" }] });
    await expect(alerts.setStatus("x", "open")).rejects.toMatchObject({ violations: [{ field: "event_id" }] });
    await expect(alerts.setStatus(nobody, "gone")).rejects.toMatchObject({ violations: [{ field: "status" }] });
    await expect(alerts.setStatus(nobody, "")).rejects.toMatchObject({ reason: "FIELD_REQUIRED" });
  });
});
