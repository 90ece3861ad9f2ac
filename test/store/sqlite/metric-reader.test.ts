import { join } from "node:path";
import type { Database } from "better-sqlite3";
import { describe, expect, onTestFinished, test } from "vitest";
import { openWriterConnection } from "../../../src/store/sqlite/database-file.ts";
import { createEventWriter } from "../../../src/store/sqlite/event-writer.ts";
import { createMetricReader } from "../../../src/store/sqlite/metric-reader.ts";
import type { MetricStore } from "../../../src/store/store.ts";
import { anyTelemetryPrices } from "../any-telemetry.ts";
import { buildEvent, buildPart, builtFromMicros } from "../event-builder.ts";
import { openMigrated } from "./migrated-database.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

const folder = createTemporaryFolder();
const minuteMicros = 60_000_000;

/** A database with so many calls of tools in two hours. */
async function openFilled(name: string, callCount: number): Promise<Database> {
  const path = join(folder, name);
  await openMigrated(path);
  const database = openWriterConnection(path, "normal");
  onTestFinished(() => void database.close());
  createEventWriter(database, anyTelemetryPrices).write(
    Array.from({ length: callCount }, (_, index) =>
      buildEvent({
        timeMicros: builtFromMicros + Math.floor((index * 120 * minuteMicros) / callCount),
        agentId: `agent ${index % 2}`,
        durationMs: index,
        operation: buildPart({ kind: "tool", family: "tool", toolName: "search", outcome: "ok" }),
        alert: { severity: "low", category: null, keywords: [], sample: null, description: null },
      }),
    ),
  );
  return database;
}

interface Ran {
  readonly sql: string;
  readonly parameters: readonly unknown[];
  readonly rowCount: number;
}

async function statementsOf(
  database: Database,
  call: (reader: MetricStore) => Promise<unknown>,
): Promise<readonly Ran[]> {
  const statements: Ran[] = [];
  const reader = createMetricReader(async <Row>(sql: string, parameters: readonly unknown[]) => {
    const rows = database.prepare<unknown[], Row>(sql).all(...parameters);
    statements.push({ sql, parameters, rowCount: rows.length });
    return rows;
  });
  await call(reader);
  return statements;
}

const hours = [0, 1, 2].map((hour) => ({
  startMicros: builtFromMicros + hour * 60 * minuteMicros,
  endMicros: builtFromMicros + (hour + 1) * 60 * minuteMicros,
}));
const always = [{ startMicros: null, endMicros: null }];

const questions = [always, hours].flatMap((buckets) =>
  [[], ["agent 0"]].flatMap((agentIds) => {
    const scope = { buckets, agentIds, groupsMax: 10 };
    const filter = { kinds: ["tool"], sessionId: null, vendor: null, model: null, name: "search" } as const;
    const anyEvent = { name: null, level: null, channel: null, sessionId: null, onlyErrors: false };
    const anyAlert = { severity: null, category: null };
    const title = `${agentIds.length === 0 ? "all agents" : "one agent"} in ${buckets.length} buckets`;
    const calls = { ...scope, filter, size: "count" } as const;
    const all: readonly (readonly [string, (reader: MetricStore) => Promise<unknown>])[] = [
      ["calls", (reader) => reader.queryCalls({ ...calls, groupBy: ["tool"], facts: ["cost"] })],
      ["latency", (reader) => reader.queryCalls({ ...calls, groupBy: ["agent", "tool"], facts: ["latency"] })],
      ["events", (reader) => reader.queryEvents({ ...scope, groupBy: ["name"], filter: anyEvent })],
      ["alerts", (reader) => reader.queryAlerts({ ...scope, groupBy: ["severity"], filter: anyAlert })],
      ["sessions", (reader) => reader.querySessions({ ...scope, groupBy: ["agent"] })],
      ["the number of agents", (reader) => reader.countAgents(scope)],
    ];
    return all.map(([metric, call]) => ({ title: `${metric} of ${title}`, call }));
  }),
);

describe("a question about metrics", () => {
  test("walks no table, whatever it is about", async () => {
    const database = await openFilled("plan.db", 1_000);
    for (const { title, call } of questions) {
      const statements = await statementsOf(database, call);
      for (const { sql, parameters } of statements) {
        const plan = database.prepare<unknown[], { readonly detail: string }>(`explain query plan ${sql}`);
        const steps = plan.all(...parameters).map(({ detail }) => detail);
        const scans = steps.filter((step) => step.startsWith("SCAN") && !step.includes("VIRTUAL TABLE"));
        expect([title, scans]).toEqual([title, []]);
        const counters = steps.filter((step) => step.startsWith("SEARCH r "));
        for (const step of counters) {
          expect(step).toContain("PRIMARY KEY (step_minutes=? AND agent_key=? AND start_minute>? AND start_minute<?");
        }
      }
    }
  });

  test("takes as many statements and rows for ten times the events", async () => {
    const few = await openFilled("few.db", 1_000);
    const many = await openFilled("many.db", 10_000);
    for (const { title, call } of questions) {
      const costs: number[][] = [];
      for (const database of [few, many]) {
        const statements = await statementsOf(database, call);
        costs.push([statements.length, statements.reduce((sum, { rowCount }) => sum + rowCount, 0)]);
      }
      expect([title, costs[1]]).toEqual([title, costs[0]]);
    }
  });

  test("reads whole days by their counters of a day", async () => {
    const database = await openFilled("days.db", 1_000);
    const day = { startMicros: builtFromMicros, endMicros: builtFromMicros + 1440 * minuteMicros };
    const statements = await statementsOf(database, (reader) =>
      reader.queryEvents({
        buckets: [day],
        agentIds: [],
        groupBy: [],
        groupsMax: 1,
        filter: { name: null, level: null, channel: null, sessionId: null, onlyErrors: false },
      }),
    );
    expect(statements.at(-1)?.rowCount).toBe(1);
  });
});
