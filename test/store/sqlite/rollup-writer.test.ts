import { join } from "node:path";
import type { Database } from "better-sqlite3";
import * as fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { openWriterConnection } from "../../../src/store/sqlite/database-file.ts";
import { createEventWriter } from "../../../src/store/sqlite/event-writer.ts";
import { addSketchBytes, type SketchBuckets, sketchBucketOf } from "../../../src/store/sqlite/quantile-sketch.ts";
import { createRollupWriter, rebuildRollups } from "../../../src/store/sqlite/rollup-writer.ts";
import { anyTelemetry, anyTelemetryPrices } from "../any-telemetry.ts";
import { anyArrival, buildArrival } from "../arrival.ts";
import { buildEvent, buildPart, builtFromMicros } from "../event-builder.ts";
import { openMigrated } from "./migrated-database.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

const folder = createTemporaryFolder();
const tables = ["event_rollups", "call_rollups", "alert_rollups", "session_rollups"] as const;

/** What is counted: by agent, and all agents, whose key is 0, together. */
const levels = [1, 15, 60, 360, 1440, 10_080].flatMap((step) => [
  { step, isOfAgent: true },
  { step, isOfAgent: false },
]);

type Row = Readonly<Record<string, unknown>>;

async function open(name: string): Promise<Database> {
  const path = join(folder, name);
  await openMigrated(path);
  const database = openWriterConnection(path, "normal");
  database.pragma("synchronous = off");
  onTestFinished(() => void database.close());
  return database;
}

/** Every row of the roll-ups, by table, in the order of the keys. */
function readRollups(database: Database): Readonly<Record<string, readonly Row[]>> {
  return Object.fromEntries(tables.map((table) => [table, database.prepare<[], Row>(`select * from ${table}`).all()]));
}

function clear(database: Database): void {
  const others = [
    "security_alerts",
    "llm_calls",
    "call_ancestors",
    "operations",
    "traces",
    "events",
    "sessions",
    "agents",
  ];
  for (const table of [...tables, ...others]) database.exec(`delete from ${table}`);
}

interface Operation {
  readonly agent_key: number;
  readonly at_micros: number;
  readonly kind: string;
  readonly name: string;
  readonly tool: string | null;
  readonly outcome: string | null;
  readonly duration_ms: number | null;
  readonly is_covered: number | null;
  readonly vendor: string | null;
  readonly requested_model: string | null;
  readonly used_model: string | null;
  readonly input_tokens: number | null;
  readonly output_tokens: number | null;
  readonly cache_read_tokens: number | null;
  readonly cache_write_tokens: number | null;
  readonly reasoning_tokens: number | null;
  readonly cost_pico_usd: number | null;
}

interface Stored {
  readonly agent_key: number;
  readonly time_micros: number;
  readonly [column: string]: string | number | null;
}

interface Session {
  readonly agent_key: number;
  readonly start_micros: number;
  readonly end_micros: number;
  readonly event_count: number;
  readonly error_count: number;
}

const tiers = ["input", "output", "cache_read", "cache_write", "reasoning"] as const;

/** What the tables of roll-ups hold by definition: everything grouped by its key, at every step. */
function expectedRollups(database: Database): Readonly<Record<string, readonly Row[]>> {
  const events = database.prepare<[], Stored>("select * from events").all();
  const alerts = database.prepare<[], Stored>("select * from security_alerts").all();
  const sessions = database.prepare<[], Session>("select * from sessions").all();
  const operations = database
    .prepare<[], Operation>(
      `select o.agent_key, o.at_micros, o.kind, o.name, ifnull(o.start_tool_name, o.finish_tool_name) as tool, o.outcome,
        o.duration_ms, c.* from operations o left join llm_calls c on c.operation_id = o.id`,
    )
    .all()
    .filter(({ is_covered }) => is_covered !== 1);
  return {
    event_rollups: grouped(events, ({ time_micros, agent_key, name, level, channel }, stepOf) => ({
      ...stepOf(time_micros, agent_key),
      name,
      event_level: level,
      channel: channel ?? "",
    })).map(([key, group]) => ({
      ...key,
      count: group.length,
      first_micros: Math.min(...group.map(({ time_micros }) => time_micros)),
      latest_micros: Math.max(...group.map(({ time_micros }) => time_micros)),
    })),
    session_rollups: grouped(sessions, ({ start_micros, agent_key }, stepOf) => stepOf(start_micros, agent_key)).map(
      ([key, group]) => ({
        ...key,
        session_count: group.length,
        error_session_count: group.filter(({ error_count }) => error_count > 0).length,
        event_count: group.reduce((sum, { event_count }) => sum + event_count, 0),
        duration_micros: group.reduce((sum, { start_micros, end_micros }) => sum + end_micros - start_micros, 0),
      }),
    ),
    alert_rollups: grouped(alerts, ({ time_micros, agent_key, severity, category }, stepOf) => ({
      ...stepOf(time_micros, agent_key),
      severity,
      category: category ?? "",
    })).map(([key, group]) => ({ ...key, count: group.length })),
    call_rollups: grouped(operations, (operation, stepOf) => ({
      ...stepOf(operation.at_micros, operation.agent_key),
      kind: operation.kind,
      vendor: operation.vendor ?? "",
      model: operation.used_model ?? operation.requested_model ?? "",
      name: (operation.kind === "tool" ? operation.tool : operation.name) ?? "",
    })).map(([key, group]) => ({ ...key, ...sumsOf(group) })),
  };
}

function sumsOf(group: readonly Operation[]): Row {
  const sum = (valueOf: (operation: Operation) => number | boolean | null) =>
    group.reduce((total, operation) => total + Number(valueOf(operation) ?? 0), 0);
  const durations = group.flatMap(({ duration_ms }) => duration_ms ?? []);
  const isTold = (operation: Operation) => tiers.some((tier) => operation[`${tier}_tokens`] !== null);
  const buckets: SketchBuckets = new Map();
  for (const [bucket, same] of Map.groupBy(durations, sketchBucketOf)) buckets.set(bucket, same.length);
  return {
    count: group.length,
    running_count: sum(({ outcome }) => outcome === null),
    error_count: sum(({ outcome }) => outcome === "error"),
    blocked_count: sum(({ outcome }) => outcome === "blocked"),
    told_count: sum(isTold),
    ...Object.fromEntries(
      tiers.flatMap((tier) => [
        [`${tier}_tokens`, sum((operation) => operation[`${tier}_tokens`])],
        [`${tier}_count`, sum((operation) => operation[`${tier}_tokens`] !== null)],
      ]),
    ),
    cost_pico_usd: sum(({ cost_pico_usd }) => cost_pico_usd),
    priced_count: sum(({ cost_pico_usd }) => cost_pico_usd !== null),
    unpriced_count: sum((operation) => operation.cost_pico_usd === null && isTold(operation)),
    duration_count: durations.length,
    failure_duration_count: sum(({ duration_ms, outcome }) =>
      Number(duration_ms !== null && outcome !== null && outcome !== "ok"),
    ),
    duration_sum_micros: sum(({ duration_ms }) => (duration_ms === null ? 0 : Math.round(duration_ms * 1000))),
    duration_min_ms: durations.length === 0 ? null : Math.min(...durations),
    duration_max_ms: durations.length === 0 ? null : Math.max(...durations),
    sketch: buckets,
  };
}

function grouped<Item>(
  items: readonly Item[],
  keyOf: (item: Item, stepOf: (micros: number, agentKey: number) => Row) => Row,
): readonly (readonly [Row, readonly Item[]])[] {
  return levels.flatMap(({ step, isOfAgent }) => {
    const groups = Map.groupBy(items, (item) =>
      JSON.stringify(
        keyOf(item, (micros, agentKey) => ({
          step_minutes: step,
          agent_key: isOfAgent ? agentKey : 0,
          start_minute: Math.floor(micros / (step * 60_000_000)) * step,
        })),
      ),
    );
    return [...groups].map(([key, group]): readonly [Row, readonly Item[]] => [JSON.parse(key) as Row, group]);
  });
}

const keyColumns = [
  "step_minutes",
  "agent_key",
  "start_minute",
  "name",
  "event_level",
  "channel",
  "kind",
  "vendor",
  "model",
  "severity",
  "category",
];

/** In the order of the keys, whatever that is. */
function sorted(rows: readonly Row[]): readonly Row[] {
  const byKey = new Map(rows.map((row) => [JSON.stringify(keyColumns.map((column) => row[column])), row]));
  expect(byKey.size).toBe(rows.length);
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
}

/** Sketches as buckets. */
function withBuckets(rows: readonly Row[]): readonly Row[] {
  return rows.map((row) => {
    if (!("sketch" in row)) return row;
    const buckets: SketchBuckets = new Map();
    addSketchBytes(buckets, row["sketch"] as Buffer | null);
    return { ...row, sketch: buckets };
  });
}

/** Adds what was counted lately to the steps. */
function spread(database: Database): void {
  database.transaction(() => createRollupWriter(database).spread())();
}

/** Checks that every row is there and says what it has to, once what was counted lately is added to the steps. */
function expectRollups(database: Database): void {
  spread(database);
  const rollups = readRollups(database);
  const expected = expectedRollups(database);
  for (const table of tables) {
    expect(sorted(withBuckets(rollups[table] ?? []))).toEqual(sorted(expected[table] ?? []));
  }
}

describe("roll-ups", () => {
  test("hold what is stored, in whatever order and batches it came, and are what a rebuild makes of it", async () => {
    const database = await open("any.db");
    let covered = 0;
    fc.assert(
      fc.property(anyArrival(anyTelemetry), fc.nat(3), (arrival, spreadAfter) => {
        clear(database);
        const rollups = createRollupWriter(database);
        const { write } = createEventWriter(database, anyTelemetryPrices, rollups);
        const { calls } = buildArrival(arrival);
        for (const [index, call] of calls.entries()) {
          write(call);
          if (index === spreadAfter) database.transaction(() => rollups.spread())();
        }
        // Again, as a client does that got no answer.
        write(calls[0] ?? []);
        expectRollups(database);
        const before = readRollups(database);
        rebuildRollups(database);
        expect(readRollups(database)).toEqual(before);
        covered += Number(database.prepare("select count(*) from llm_calls where is_covered = 1").pluck().get());
      }),
      { numRuns: 100 },
    );
    // The streams have what is hard: calls that are reported twice.
    expect(covered).toBeGreaterThan(5);
  });

  test("are not changed by a transaction that fails", async () => {
    const database = await open("rollback.db");
    const { write } = createEventWriter(database, anyTelemetryPrices);
    write([buildEvent({ name: "kept", operation: buildPart() })]);
    const before = readRollups(database);
    database.exec(
      "create trigger refuse before insert on events when new.name = 'refused' begin select raise(abort, 'no'); end",
    );
    expect(() =>
      write([buildEvent({ operation: buildPart({ outcome: "ok" }) }), buildEvent({ name: "refused" })]),
    ).toThrow("no");
    expect(readRollups(database)).toEqual(before);
    write([buildEvent({ name: "kept" })]);
    expectRollups(database);
  });

  test("are added to the steps when there are many", async () => {
    const database = await open("many.db");
    const { write } = createEventWriter(database, anyTelemetryPrices);
    const recent = database.prepare<[], number>("select count(*) from event_rollups where step_minutes = 0").pluck();
    const recentRows: number[] = [];
    for (let commit = 0; commit < 10; commit += 1) {
      const minuteMicros = 60_000_000;
      const at = (index: number) => builtFromMicros + (commit * 300 + index) * minuteMicros;
      write(Array.from({ length: 300 }, (_, index) => buildEvent({ timeMicros: at(index) })));
      recentRows.push(recent.get() ?? 0);
    }
    // Of each minute a row of the agent and one of all.
    expect(recentRows).toEqual([0, 600, 1200, 1800, 2400, 3000, 3600, 0, 600, 1200]);
    expectRollups(database);
  });

  test("keep sums exact that no floating-point number holds", async () => {
    const database = await open("sums.db");
    const price = { version: "", find: () => null };
    const { write } = createEventWriter(database, price);
    for (let index = 0; index < 3; index += 1) {
      write([buildEvent({ timeMicros: builtFromMicros + index, operation: buildPart({ outcome: "ok" }) })]);
    }
    spread(database);
    database.exec("update call_rollups set cost_pico_usd = 9007199254740993");
    write([buildEvent({ timeMicros: builtFromMicros + 3, operation: buildPart({ outcome: "ok" }) })]);
    spread(database);
    const sum = database.prepare("select cost_pico_usd from call_rollups").pluck().safeIntegers();
    expect(sum.all()).toEqual(levels.map(() => 9007199254740993n));
  });

  test("have one row for each step of an agent and of all together, however many events there are", async () => {
    const database = await open("rows.db");
    const { write } = createEventWriter(database, anyTelemetryPrices);
    const sizes = [10, 1000].map((size) => {
      write(
        Array.from({ length: size }, (_, index) =>
          buildEvent({
            timeMicros: builtFromMicros + size * 1000 + index,
            operation: buildPart({ outcome: "ok" }),
            durationMs: index,
          }),
        ),
      );
      spread(database);
      return tables.map((table) => database.prepare(`select count(*) from ${table}`).pluck().get());
    });
    expect(sizes).toEqual([
      [12, 12, 0, 12],
      [12, 12, 0, 12],
    ]);
  });
});
