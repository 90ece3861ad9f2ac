import { expect } from "vitest";
import { isErrorLevel } from "../../src/model/level.ts";
import type { MetricRequest } from "../../src/query/metric-request.ts";
import type { MetricAnswer } from "../../src/query/metric-series.ts";
import type { CostValues, OutcomeValues, SessionValues, TokenValues } from "../../src/query/metric-values.ts";
import type {
  AlertRecord,
  EventSums,
  LatencySums,
  OperationRecord,
  Page,
  PageQuery,
  SessionRecord,
  StoredEvent,
  TelemetryStore,
} from "../../src/store/store.ts";
import { readAllEvents } from "../store/open-store.ts";

/** Everything that agents sent, one by one. */
export interface Telemetry {
  readonly events: readonly StoredEvent[];
  /** Without wrappers that are covered. */
  readonly operations: readonly OperationRecord[];
  readonly alerts: readonly AlertRecord[];
  readonly sessions: readonly SessionRecord[];
}

/** Reads all that the store lists of these agents. */
export async function readTelemetry(store: TelemetryStore, agentIds: readonly string[]): Promise<Telemetry> {
  const all: {
    events: StoredEvent[];
    operations: OperationRecord[];
    alerts: AlertRecord[];
    sessions: SessionRecord[];
  } = { events: [], operations: [], alerts: [], sessions: [] };
  const allTime = { fromMicros: null, toMicros: null };
  for (const agentId of agentIds) {
    const some = { agentId, sessionId: null, ...allTime };
    all.events.push(...(await readAllEvents(store, agentId)));
    all.alerts.push(
      ...(await readList((page) =>
        store.listAlerts({ filter: { ...some, severity: null, category: null, status: null }, ...page }),
      )),
    );
    all.sessions.push(...(await readList((page) => store.listSessions({ filter: some, ...page }))));
    for (const kind of ["llm", "tool", "chain"] as const) {
      const filter = { ...some, kind, status: null, toolName: null, vendor: null, model: null };
      const operations = await readList((page) => store.listOperations({ filter, ascending: true, ...page }));
      all.operations.push(...operations.filter(({ llm }) => llm?.isCovered !== true));
    }
  }
  return all;
}

async function readList<Item>(list: (page: PageQuery) => Promise<Page<Item>>): Promise<readonly Item[]> {
  const items: Item[] = [];
  let after: PageQuery["after"] = null;
  do {
    const page: Page<Item> = await list({ after, limit: 1000 });
    items.push(...page.items);
    after = page.next;
  } while (after !== null);
  return items;
}

/** How a metric is reckoned from the things that it counts. */
export interface MetricModel<Item, Values> {
  readonly items: readonly Item[];
  readonly microsOf: (item: Item) => number;
  /** Empty and not known are one. */
  readonly labelsOf: (item: Item) => Readonly<Record<string, string | null>>;
  readonly valuesOf: (items: readonly Item[]) => Values;
}

const minuteMicros = 60_000_000;

/** Checks an answer to a request: every group has a series, and every bucket and total is what its items come to. */
export function expectAnswer<Item, Values>(
  answer: MetricAnswer<Values>,
  request: Pick<MetricRequest, "fromMicros" | "toMicros" | "interval">,
  groupBy: readonly string[],
  model: MetricModel<Item, Values>,
): void {
  const from =
    request.fromMicros === null
      ? Number.NEGATIVE_INFINITY
      : Math.floor(request.fromMicros / minuteMicros) * minuteMicros;
  const to =
    request.toMicros === null ? Number.POSITIVE_INFINITY : Math.ceil(request.toMicros / minuteMicros) * minuteMicros;
  const within = (item: Item, start: number, end: number) =>
    model.microsOf(item) >= start && model.microsOf(item) < end;
  const nameOf = (item: Item) => JSON.stringify(groupBy.map((label) => model.labelsOf(item)[label] || null));
  const groups = Map.groupBy(
    model.items.filter((item) => within(item, from, to)),
    nameOf,
  );
  if (groupBy.length === 0 && groups.size === 0) groups.set("[]", []);
  expect(answer.other).toBeNull();
  const told = answer.series.map(({ labels }) =>
    JSON.stringify(groupBy.map((label) => labels[label as keyof typeof labels])),
  );
  expect([...told].sort()).toEqual([...groups.keys()].sort());
  for (const [place, { total, buckets }] of answer.series.entries()) {
    const items = groups.get(told[place] ?? "") ?? [];
    expect(total).toEqual(roughly(model.valuesOf(items)));
    expect(buckets.length > 0).toBe(request.interval !== "");
    let end = buckets[0]?.startMicros ?? from;
    expect(end).toBeLessThanOrEqual(from);
    for (const bucket of buckets) {
      expect(bucket.startMicros).toBe(end);
      end = bucket.endMicros;
      const own = items.filter((item) => within(item, bucket.startMicros, bucket.endMicros));
      expect(bucket.values).toEqual(roughly(model.valuesOf(own)));
    }
    if (buckets.length > 0) expect(end).toBeGreaterThanOrEqual(to);
  }
}

/** The same with numbers that need not be exact: percentiles within 1 %, means within a microsecond. */
function roughly<Values>(values: Values): unknown {
  if (typeof values !== "object" || values === null) return values;
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      if (typeof value !== "number") return [name, roughly(value)];
      if (/^p\d\dMs$/.test(name)) return [name, near(value, value * 0.01)];
      return [name, name === "meanMs" ? near(value, 0.001 + value * 1e-9) : value];
    }),
  );
}

function near(value: number, tolerance: number): unknown {
  return {
    asymmetricMatch: (told: unknown) => typeof told === "number" && Math.abs(told - value) <= tolerance,
    toString: () => `within ${tolerance} of ${value}`,
  };
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
const sumOrNull = (numbers: readonly (number | null)[]) => {
  const known = numbers.filter((number) => number !== null);
  return known.length === 0 ? null : sum(known);
};
const meanOrNull = (numbers: readonly (number | null)[]) => {
  const known = numbers.filter((number) => number !== null);
  return known.length === 0 ? null : sum(known) / known.length;
};

/** By nearest rank. */
export function latencyOf(operations: readonly OperationRecord[]): LatencySums | null {
  const sorted = operations.flatMap(({ durationMs }) => durationMs ?? []).sort((a, b) => a - b);
  const rank = (percent: number) => sorted[Math.ceil((sorted.length * percent) / 100) - 1] ?? Number.NaN;
  if (sorted.length === 0) return null;
  return {
    count: sorted.length,
    meanMs: sum(sorted) / sorted.length,
    minMs: sorted[0] ?? Number.NaN,
    maxMs: sorted.at(-1) ?? Number.NaN,
    p50Ms: rank(50),
    p90Ms: rank(90),
    p95Ms: rank(95),
    p99Ms: rank(99),
  };
}

export function outcomesOf(operations: readonly OperationRecord[]): OutcomeValues {
  const finished = operations.filter(({ outcome }) => outcome !== null);
  const failedCount = finished.filter(({ outcome }) => outcome !== "ok").length;
  return {
    callCount: operations.length,
    runningCount: operations.length - finished.length,
    failedCount,
    blockedCount: finished.filter(({ outcome }) => outcome === "blocked").length,
    errorRate: finished.length === 0 ? null : failedCount / finished.length,
  };
}

const tokensOfCall = ({ llm }: OperationRecord) =>
  llm?.tokens ?? { input: null, output: null, cacheRead: null, cacheWrite: null, reasoning: null };

const tellsTokens = (operation: OperationRecord) =>
  Object.values(tokensOfCall(operation)).some((count) => count !== null);

export function tokensOf(operations: readonly OperationRecord[]): TokenValues {
  const tier = (name: "input" | "output" | "cacheRead" | "cacheWrite" | "reasoning") =>
    operations.map((operation) => tokensOfCall(operation)[name]);
  return {
    callCount: operations.length,
    toldCount: operations.filter(tellsTokens).length,
    tokens: {
      input: sumOrNull(tier("input")),
      output: sumOrNull(tier("output")),
      cacheRead: sumOrNull(tier("cacheRead")),
      cacheWrite: sumOrNull(tier("cacheWrite")),
      reasoning: sumOrNull(tier("reasoning")),
    },
    meanInput: meanOrNull(tier("input")),
    meanOutput: meanOrNull(tier("output")),
  };
}

export function costsOf(operations: readonly OperationRecord[]): CostValues {
  const costs = operations.map(({ llm }) => llm?.costPicoUsd ?? null);
  const pricedCount = costs.filter((cost) => cost !== null).length;
  return {
    callCount: operations.length,
    costPicoUsd: sumOrNull(costs),
    pricedCount,
    unpricedCount: operations.filter((operation) => tellsTokens(operation) && operation.llm?.costPicoUsd === null)
      .length,
    meanCostPicoUsd: meanOrNull(costs),
  };
}

export function eventsOf(events: readonly StoredEvent[]): EventSums {
  const times = events.map(({ timeMicros }) => timeMicros);
  return {
    count: events.length,
    errorCount: events.filter(({ level }) => isErrorLevel(level)).length,
    firstMicros: events.length === 0 ? null : Math.min(...times),
    latestMicros: events.length === 0 ? null : Math.max(...times),
  };
}

export function sessionsOf(sessions: readonly SessionRecord[]): SessionValues {
  return {
    sessionCount: sessions.length,
    errorSessionCount: sessions.filter(({ errorCount }) => errorCount > 0).length,
    eventCount: sum(sessions.map(({ eventCount }) => eventCount)),
    meanDurationMs: meanOrNull(
      [sumOrNull(sessions.map(({ startMicros, endMicros }) => endMicros - startMicros))].map((micros) =>
        micros === null ? null : micros / 1000 / sessions.length,
      ),
    ),
    meanEventCount: meanOrNull(sessions.map(({ eventCount }) => eventCount)),
  };
}
