import { join } from "node:path";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import type { Event } from "../../src/model/event.ts";
import { createAgentQueries } from "../../src/query/agent-queries.ts";
import { createMetricQueries, type EventMetricRequest, type MetricQueries } from "../../src/query/metric-queries.ts";
import { createSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import type { TelemetryStore } from "../../src/store/store.ts";
import { buildEvent, buildPart } from "../store/event-builder.ts";
import { createTemporaryFolder } from "../store/sqlite/temporary-folder.ts";

const folder = createTemporaryFolder();
const at = (text: string) => Date.parse(text) * 1000;
const now = at("2026-07-15T10:20:30.5Z");
let opened = 0;

async function openStore(): Promise<TelemetryStore> {
  opened += 1;
  return createSqliteStore({ databasePath: join(folder, `${opened}.db`), durability: "normal" });
}

function queriesOn(store: TelemetryStore): MetricQueries {
  const { getAgent } = createAgentQueries(store);
  return createMetricQueries({ store, getAgent, nowMs: () => now / 1000 });
}

async function open(events: readonly Event[]): Promise<MetricQueries> {
  const store = await openStore();
  onTestFinished(() => store.close());
  await store.append(events);
  return queriesOn(store);
}

/** For tests that need no events. */
const emptyStore = await openStore();
afterAll(() => emptyStore.close());
const empty = queriesOn(emptyStore);

/** A question about events; everything that is not given is open. */
const ask = (request: Partial<EventMetricRequest> = {}): EventMetricRequest => ({
  agentIds: [],
  fromMicros: null,
  toMicros: null,
  interval: "",
  timeZone: "",
  groupBy: [],
  sessionId: "",
  name: "",
  level: "",
  channel: "",
  ...request,
});

const askCalls = (request: Partial<EventMetricRequest> = {}) => ({
  ...ask(request),
  kind: "",
  vendor: "",
  model: "",
  tool: "",
});

const eventAt = (text: string, fields: Partial<Event> = {}) => buildEvent({ timeMicros: at(text), ...fields });
const textOf = (micros: number) => new Date(micros / 1000).toISOString();

describe("the range of a metric", () => {
  test("is all of time where none is given", async () => {
    const metrics = await open([eventAt("2001-01-01T00:00:00Z"), eventAt("2026-07-16T00:00:00Z")]);
    const { series, range } = await metrics.queryEvents(ask());
    expect(series.map(({ total, buckets }) => [total.count, buckets])).toEqual([[2, []]]);
    expect(range).toEqual({ startMicros: null, endMicros: null });
  });

  test("is moved outwards to full minutes, and does not include its end", async () => {
    const times = ["09:58:59.999", "09:59:00", "10:00:59.999", "10:01:00"];
    const metrics = await open(times.map((time) => eventAt(`2026-07-15T${time}Z`)));
    const range = { fromMicros: at("2026-07-15T09:59:30Z"), toMicros: at("2026-07-15T10:00:01Z") };
    const inside = await metrics.queryEvents(ask(range));
    expect(inside.series[0]?.total).toMatchObject({ count: 2, firstMicros: at("2026-07-15T09:59:00Z") });
    expect(inside.range).toEqual({ startMicros: at("2026-07-15T09:59:00Z"), endMicros: at("2026-07-15T10:01:00Z") });
  });

  test.for([
    ["minute", "2026-07-14T10:20:00.000Z", 24 * 60 + 1],
    ["hour", "2026-07-14T10:00:00.000Z", 25],
    ["day", "2026-06-15T00:00:00.000Z", 31],
    ["week", "2026-06-15T00:00:00.000Z", 5],
  ] as const)(
    "ends now and has a usual length where only an interval of one %s is given",
    async ([interval, first, count]) => {
      const { series } = await empty.queryEvents(ask({ interval }));
      const buckets = series[0]?.buckets ?? [];
      expect([textOf(buckets[0]?.startMicros ?? 0), buckets.length]).toEqual([first, count]);
      expect(buckets.at(-1)?.endMicros).toBeGreaterThanOrEqual(now);
      expect(buckets.every(({ values }) => values.count === 0 && values.firstMicros === null)).toBe(true);
    },
  );

  test("counts of its first and last bucket only what lies in it", async () => {
    const metrics = await open(["10:05", "10:45", "11:05", "11:45"].map((time) => eventAt(`2026-07-15T${time}:00Z`)));
    const range = { fromMicros: at("2026-07-15T10:30:00Z"), toMicros: at("2026-07-15T11:30:00Z") };
    const { series } = await metrics.queryEvents(ask({ ...range, interval: "hour" }));
    expect(series[0]?.buckets.map(({ startMicros, values }) => [textOf(startMicros), values.count])).toEqual([
      ["2026-07-15T10:00:00.000Z", 1],
      ["2026-07-15T11:00:00.000Z", 1],
    ]);
    expect(series[0]?.total.count).toBe(2);
  });

  test.for([
    ["2026-03-29", 23, "2026-03-28T23:00:00.000Z", "2026-03-29T22:00:00.000Z"],
    ["2026-10-25", 25, "2026-10-24T22:00:00.000Z", "2026-10-25T23:00:00.000Z"],
  ] as const)("has a day of %s in Berlin that is %i hours long", async ([day, hours, start, end]) => {
    const from = Date.parse(start) * 1000;
    const to = Date.parse(end) * 1000;
    const metrics = await open(
      Array.from({ length: (to - from) / 3_600_000_000 + 2 }, (_, hour) =>
        buildEvent({ timeMicros: from + (hour - 1) * 3_600_000_000, name: day }),
      ),
    );
    const range = { fromMicros: from, toMicros: to, timeZone: "Europe/Berlin" };
    const byDay = await metrics.queryEvents(ask({ ...range, interval: "day" }));
    expect(byDay.series[0]?.buckets).toMatchObject([{ startMicros: from, endMicros: to, values: { count: hours } }]);
    const byHour = await metrics.queryEvents(ask({ ...range, interval: "hour" }));
    expect(byHour.series[0]?.buckets.map(({ values }) => values.count)).toEqual(Array(hours).fill(1));
  });

  test("reaches beyond what has exact microseconds", async () => {
    const metrics = await open([eventAt("2026-01-01T00:00:00Z")]);
    const range = { fromMicros: -6e16, toMicros: 2.5e17 };
    expect((await metrics.queryEvents(ask(range))).series[0]?.total.count).toBe(1);
  });
});

describe("a question that cannot be answered", () => {
  const range = { fromMicros: at("2026-01-01T00:00:00Z"), toMicros: at("2026-02-01T00:00:00Z") };
  test.for<readonly [string, string, (metrics: MetricQueries) => Promise<unknown>]>([
    ["an interval that is none", "interval", (metrics) => metrics.queryEvents(ask({ interval: "month" }))],
    ["a zone that is none", "time_zone", (metrics) => metrics.queryTokens(askCalls({ timeZone: "Mars/Base" }))],
    [
      "a range that ends before it begins",
      "to_time",
      (metrics) => metrics.queryEvents(ask({ fromMicros: range.toMicros, toMicros: range.fromMicros })),
    ],
    [
      "an empty range",
      "to_time",
      (metrics) =>
        metrics.queryAlerts({ ...ask({ ...range, toMicros: range.fromMicros }), severity: "", category: "" }),
    ],
    [
      "a range that begins in the future",
      "from_time",
      (metrics) => metrics.queryEvents(ask({ fromMicros: now + 1, interval: "hour" })),
    ],
    ["more than 10,000 buckets", "interval", (metrics) => metrics.querySessions(ask({ ...range, interval: "minute" }))],
    ["a group of another metric", "group_by", (metrics) => metrics.queryTokens(askCalls({ groupBy: ["tool"] }))],
    ["a group that is none", "group_by", (metrics) => metrics.queryErrors(askCalls({ groupBy: ["level", "x"] }))],
    [
      "a session with another group",
      "group_by",
      (metrics) => metrics.queryCost(askCalls({ groupBy: ["session", "model"] })),
    ],
    [
      "a session with another group of events",
      "group_by",
      (metrics) => metrics.queryErrors(askCalls({ groupBy: ["level", "session"] })),
    ],
    [
      "a group that alerts lack",
      "group_by",
      (metrics) => metrics.queryAlerts({ ...ask({ groupBy: ["session"] }), severity: "", category: "" }),
    ],
    ["a group that sessions lack", "group_by", (metrics) => metrics.querySessions(ask({ groupBy: ["model"] }))],
    ["a kind that is none", "kind", (metrics) => metrics.queryLatency({ ...askCalls(), kind: "x" })],
    [
      "a severity that is none",
      "severity",
      (metrics) => metrics.queryAlerts({ ...ask(), severity: "x", category: "" }),
    ],
    [
      "more than 100 agents",
      "agent_id",
      (metrics) => metrics.getOverview(ask({ agentIds: Array.from({ length: 101 }, (_, index) => `${index}`) })),
    ],
  ])("because of %s names its field", async ([, field, question]) => {
    await expect(question(empty)).rejects.toMatchObject({
      reason: "FIELD_INVALID",
      violations: [expect.objectContaining({ field })],
    });
  });

  test("is one about an agent that never reported", async () => {
    const metrics = await open([buildEvent()]);
    const request = ask({ agentIds: ["agent", "nobody"] });
    await expect(metrics.queryEvents(request)).rejects.toMatchObject({
      reason: "AGENT_NOT_FOUND",
      metadata: { agent_id: "nobody" },
    });
  });

  test("is not one with exactly 10,000 buckets", async () => {
    const metrics = empty;
    const minutes = { fromMicros: 0, toMicros: 10_000 * 60_000_000, interval: "minute" };
    const { series } = await metrics.queryEvents(ask(minutes));
    expect(series[0]?.buckets).toHaveLength(10_000);
    await expect(metrics.queryEvents(ask({ ...minutes, toMicros: 10_001 * 60_000_000 }))).rejects.toThrow("10000");
  });
});

/** The start of this minute of a month. */
const start = (index: number) => at("2026-07-01T00:00:00Z") + index * 60_000_000;

const sessionsFrom = (from: number, to: number, count: number) =>
  Array.from({ length: to - from }, (_, index) => `agent session ${from + index} ${count}`).sort();

describe("the series of a metric", () => {
  const names = Array.from({ length: 1_003 }, (_, index) => `name ${String(index).padStart(4, "0")}`);
  const events = [...names, ...names.slice(0, 2)].map((name, index) =>
    eventAt("2026-07-01T00:00:00Z", {
      name,
      level: name === names.at(-1) ? "ERROR" : "INFO",
      clientEventId: `${index}`,
    }),
  );

  test("are 1,000 at most, the largest ones, and the rest is added up", async () => {
    const metrics = await open(events);
    const { series, other } = await metrics.queryEvents(ask({ groupBy: ["name"] }));
    expect(series).toHaveLength(1_000);
    expect(series.slice(0, 3).map(({ labels, total }) => [labels.name, total.count])).toEqual([
      ["name 0000", 2],
      ["name 0001", 2],
      ["name 0002", 1],
    ]);
    expect(other).toMatchObject({ groupCount: 3, total: { count: 3, errorCount: 1 }, buckets: [] });
  });

  test("have 100,000 buckets in all at most", async () => {
    const metrics = await open(events);
    const range = {
      fromMicros: at("2026-06-30T00:00:00Z"),
      toMicros: at("2026-06-30T00:00:00Z") + 1000 * 3_600_000_000,
    };
    const { series, other } = await metrics.queryEvents(ask({ ...range, groupBy: ["name"], interval: "hour" }));
    expect(series).toHaveLength(100);
    expect(other?.groupCount).toBe(903);
    const sums = [other?.total, other?.buckets[24]?.values].map((values) => [values?.count, values?.errorCount]);
    expect(sums).toEqual([
      [903, 1],
      [903, 1],
    ]);
    expect(series[0]?.buckets[24]?.values.count).toBe(2);
  });

  test("are the 100 latest sessions of the range, without the rest", async () => {
    const metrics = await open(
      Array.from({ length: 103 }, (_, index) => [
        buildEvent({ timeMicros: start(index), sessionId: `session ${index}` }),
        buildEvent({ timeMicros: start(200), sessionId: `session ${index}`, clientEventId: `${index}` }),
      ]).flat(),
    );
    const idsOf = async (request: Partial<EventMetricRequest>) => {
      const { series, other } = await metrics.queryEvents(ask({ groupBy: ["session"], ...request }));
      expect(other).toBeNull();
      return series.map(({ labels, total }) => `${labels.agent} ${labels.session} ${total.count}`).sort();
    };
    expect(await idsOf({})).toEqual(sessionsFrom(3, 103, 2));
    expect(await idsOf({ fromMicros: start(1), toMicros: start(101) })).toEqual(sessionsFrom(1, 101, 1));
    expect(await idsOf({ fromMicros: start(1), toMicros: start(5001), interval: "minute" })).toEqual(
      sessionsFrom(83, 103, 2),
    );
  });

  test("are none for groups of nothing, and one with nothing known without groups", async () => {
    const metrics = empty;
    expect((await metrics.queryTokens(askCalls({ groupBy: ["model"] }))).series).toEqual([]);
    const { series } = await metrics.queryTokens(askCalls());
    const tokens = { input: null, output: null, cacheRead: null, cacheWrite: null, reasoning: null };
    expect(series.map(({ total }) => total)).toEqual([
      { callCount: 0, toldCount: 0, tokens, meanInput: null, meanOutput: null },
    ]);
    expect((await metrics.queryLatency(askCalls())).series[0]?.total).toBeNull();
    expect((await metrics.queryErrors(askCalls())).calls.series[0]?.total.errorRate).toBeNull();
    expect((await metrics.queryCost(askCalls())).series[0]?.total.costPicoUsd).toBeNull();
  });
});

const call = (kind: "llm" | "tool" | "chain", toolName: string | null = null) =>
  eventAt("2026-07-01T00:00:00Z", {
    durationMs: 5,
    operation: buildPart({ kind, family: kind, toolName, outcome: "error" }),
  });

describe("the calls of a metric", () => {
  test("are of the kind that the question implies", async () => {
    const metrics = await open([call("llm"), call("tool", "search"), call("tool", "fetch"), call("chain")]);
    const latency = async (request: object) => {
      const { series } = await metrics.queryLatency({ ...askCalls(), ...request });
      return series.map(({ labels, total }) => [labels.kind ?? labels.tool, total?.count ?? 0]);
    };
    expect(await latency({})).toEqual([[null, 1]]);
    expect(await latency({ kind: "tool" })).toEqual([[null, 2]]);
    expect(await latency({ tool: "search" })).toEqual([[null, 1]]);
    expect(await latency({ groupBy: ["tool"] })).toEqual([
      ["fetch", 1],
      ["search", 1],
    ]);
    expect(await latency({ groupBy: ["kind"] })).toEqual([
      ["tool", 2],
      ["chain", 1],
      ["llm", 1],
    ]);
    expect(await latency({ vendor: "openai" })).toEqual([[null, 0]]);
    expect((await metrics.queryErrors(askCalls())).calls.series[0]?.total.failedCount).toBe(3);
  });
});
