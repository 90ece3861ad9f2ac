import { join } from "node:path";
import type { Database } from "better-sqlite3";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Event } from "../../../src/model/event.ts";
import { openWriterConnection } from "../../../src/store/sqlite/database-file.ts";
import { createEventWriter } from "../../../src/store/sqlite/event-writer.ts";
import { createMetricReader } from "../../../src/store/sqlite/metric-reader.ts";
import type { CallMetricQuery, EventMetricQuery, MetricGroups, MetricStore } from "../../../src/store/store.ts";
import { anyTelemetryPrices } from "../any-telemetry.ts";
import { buildEvent, buildPart, builtFromMicros } from "../event-builder.ts";
import { openMigrated } from "./migrated-database.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

const folder = createTemporaryFolder();
const minuteMicros = 60_000_000;

async function openWith(name: string, events: readonly Event[]): Promise<Database> {
  const path = join(folder, name);
  await openMigrated(path);
  const database = openWriterConnection(path, "normal");
  onTestFinished(() => void database.close());
  createEventWriter(database, anyTelemetryPrices).write(events);
  return database;
}

const callAt = (minute: number, sessionId: string | null, fields: Partial<Event> = {}) =>
  buildEvent({
    timeMicros: builtFromMicros + minute * minuteMicros,
    sessionId,
    durationMs: 1,
    operation: buildPart({ kind: "tool", family: "tool", toolName: "search", outcome: "ok" }),
    ...fields,
  });

interface Ran {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

function readerOn(database: Database): { readonly reader: MetricStore; readonly ran: Ran[] } {
  const ran: Ran[] = [];
  const reader = createMetricReader(async <Row>(sql: string, parameters: readonly unknown[]) => {
    ran.push({ sql, parameters });
    return database.prepare<unknown[], Row>(sql).all(...parameters);
  });
  return { reader, ran };
}

const scope = { agentIds: [], buckets: [{ startMicros: null, endMicros: null }], groupsMax: 100 } as const;
const bySession = ["agent", "session"] as const;
const calls = (groupBy: CallMetricQuery["groupBy"], sessionId: string | null = null): CallMetricQuery => ({
  ...scope,
  groupBy,
  filter: { kinds: ["tool", "llm"], sessionId, vendor: null, model: null, name: null },
  size: "count",
  facts: ["outcomes", "tokens", "cost", "latency"],
});
const events = (groupBy: EventMetricQuery["groupBy"], sessionId: string | null = null): EventMetricQuery => ({
  ...scope,
  groupBy,
  filter: { name: null, level: null, channel: null, sessionId, onlyErrors: false },
});
const countsOf = ({ groups }: MetricGroups<{ readonly count: number }>) =>
  Object.fromEntries(groups.map(({ values, total }) => [values.at(-1) ?? "", total.count]));

describe("groups of sessions", () => {
  test("are as many of the latest as have 100,000 events together, and always one", async () => {
    const database = await openWith("bound.db", [callAt(0, "a"), callAt(1, "b"), callAt(2, "c")]);
    const setCount = database.prepare("update sessions set event_count = ? where session_id = ?");
    const told = async (counts: Readonly<Record<string, number>>) => {
      for (const [id, count] of Object.entries(counts)) setCount.run(count, id);
      const { reader } = readerOn(database);
      const found = countsOf(await reader.queryCalls(calls(bySession)));
      expect(countsOf(await reader.queryEvents(events(bySession)))).toEqual(found);
      return Object.keys(found).sort();
    };
    expect(await told({ a: 1, b: 49_999, c: 50_000 })).toEqual(["a", "b", "c"]);
    expect(await told({ a: 2 })).toEqual(["b", "c"]);
    // The first that is too much ends the list, though an earlier session would fit.
    expect(await told({ a: 1, b: 50_001 })).toEqual(["c"]);
    expect(await told({ c: 1_000_000 })).toEqual(["c"]);
    const { reader } = readerOn(database);
    expect(countsOf(await reader.queryCalls(calls(["session"], "c")))).toEqual({ c: 1 });
    expect(countsOf(await reader.queryCalls(calls([], "c")))).toEqual({ "": 1 });
  });

  test("leave out what is in no session, and tell sessions of one id by agent", async () => {
    const database = await openWith("shared.db", [
      callAt(0, "shared", { agentId: "one" }),
      callAt(0, "shared", { agentId: "two" }),
      callAt(1, "shared", { agentId: "two" }),
      callAt(0, null, { agentId: "one" }),
    ]);
    const { reader } = readerOn(database);
    const { groups, other } = await reader.queryCalls(calls(bySession));
    expect(groups.map(({ values, total }) => [...values, total.count])).toEqual([
      ["two", "shared", 2],
      ["one", "shared", 1],
    ]);
    expect(other).toBeNull();
    expect(countsOf(await reader.queryCalls(calls([], "shared")))).toEqual({ "": 3 });
    expect(countsOf(await reader.queryCalls({ ...calls([], "shared"), agentIds: ["one"] }))).toEqual({ "": 1 });
    expect(countsOf(await reader.queryEvents(events([], "unheard-of")))).toEqual({ "": 0 });
  });
});

/** Two sessions, each with more operations than one statement reads, many of them at one time, and many small ones. */
const largeEvents = Array.from({ length: 25_000 }, (_, index) =>
  callAt(Math.floor(index / 7_000), index < 24_000 ? `large ${index % 2}` : `small ${index % 90}`, {
    clientEventId: `${index}`,
    level: index % 5 === 0 ? "ERROR" : "INFO",
  }),
);

test("large sessions are read whole in portions, and small ones together, by the index of the session", async () => {
  const database = await openWith("large.db", largeEvents);
  for (const [query, statementCount] of [
    [calls(bySession), 1 + 2 + 2 + 1],
    [calls(["tool"], "large 1"), 1 + 2],
  ] as const) {
    const { reader, ran } = readerOn(database);
    const found = await reader.queryCalls(query);
    expect(found.groups.slice(0, 2).map(({ total }) => total.count)).toEqual(
      query.filter.sessionId === null ? [12_000, 12_000] : [12_000],
    );
    expect(ran).toHaveLength(statementCount);
    expect(plansOf(database, ran)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^SEARCH o USING INDEX operations_by_session \(session_key=\?/)]),
    );
  }
  for (const query of [events(bySession), events(["level"], "large 1")]) {
    const { reader, ran } = readerOn(database);
    const { groups } = await reader.queryEvents(query);
    expect(groups.reduce((sum, { total }) => sum + total.count, 0)).toBe(
      query.filter.sessionId === null ? 25_000 : 12_000,
    );
    expect(ran).toHaveLength(2);
    expect(plansOf(database, ran)).toContainEqual(
      expect.stringMatching(
        /^SEARCH e USING INDEX events_by_session \(session_key=\? AND time_micros>\? AND time_micros<\?\)/,
      ),
    );
  }
});

/** The steps of the statements, of which none walks a table. */
function plansOf(database: Database, ran: readonly Ran[]): readonly string[] {
  const steps = ran.flatMap(({ sql, parameters }) =>
    database
      .prepare<unknown[], { readonly detail: string }>(`explain query plan ${sql}`)
      .all(...parameters)
      .map(({ detail }) => detail),
  );
  expect(steps.filter((step) => step.startsWith("SCAN") && !step.includes("VIRTUAL TABLE"))).toEqual([]);
  // What is alone comes in order.
  const alone = ran.filter(({ sql }) => sql.includes("o.session_key = ?"));
  for (const { sql, parameters } of alone) {
    const plan = database
      .prepare<unknown[], { readonly detail: string }>(`explain query plan ${sql}`)
      .all(...parameters);
    expect(plan.filter(({ detail }) => detail.includes("TEMP B-TREE"))).toEqual([]);
  }
  return steps;
}
