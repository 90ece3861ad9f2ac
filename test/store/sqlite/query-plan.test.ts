import { join } from "node:path";
import Database from "better-sqlite3";
import { afterAll, describe, expect, test } from "vitest";
import { createPriceBook } from "../../../src/pricing/price-table.ts";
import { configureConnection, openWriterConnection } from "../../../src/store/sqlite/database-file.ts";
import { createEventWriter } from "../../../src/store/sqlite/event-writer.ts";
import { createReaderOn, type Reader } from "../../../src/store/sqlite/reader.ts";
import { createSqliteStore } from "../../../src/store/sqlite/sqlite-store.ts";
import type { EventFilter, EventQuery } from "../../../src/store/store.ts";
import { anyValue } from "../any-value.ts";
import { buildEvent, buildPart, builtFromMicros } from "../event-builder.ts";
import { everyEvent } from "../open-store.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

interface Statement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

const folder = createTemporaryFolder();
const examinedRowsMax = 100;
const filledEvents = 4_000;

/** One database with rows and one without. */
const filled = await openDatabase("filled.db");
const empty = await openDatabase("empty.db");

createEventWriter(filled, createPriceBook([])).write(
  Array.from({ length: filledEvents }, (_, index) =>
    buildEvent({
      timeMicros: builtFromMicros + index,
      agentId: `agent ${index % 7}`,
      // Of one agent, and of several.
      sessionId: index % 7 === 0 ? "own" : "shared",
      name: `name ${index % 3}`,
      level: index % 1000 === 0 ? "ERROR" : "INFO",
      operation: index % 5 === 0 ? buildPart({ outcome: index % 2 === 0 ? null : "ok" }) : null,
    }),
  ),
);

async function openDatabase(name: string): Promise<Database.Database> {
  const databasePath = join(folder, name);
  await (await createSqliteStore({ databasePath, durability: "normal" })).close();
  const database = openWriterConnection(databasePath, "normal");
  afterAll(() => void database.close());
  return database;
}

/** Calls a reader on the database with rows, and gives the statements that it ran. */
async function statementsOf(call: (reader: Reader) => Promise<unknown>): Promise<readonly Statement[]> {
  const statements: Statement[] = [];
  const reader = createReaderOn(async <Row>(sql: string, parameters: readonly unknown[]) => {
    statements.push({ sql, parameters });
    return filled.prepare<unknown[], Row>(sql).all(...parameters);
  }, examinedRowsMax);
  await call(reader);
  return statements;
}

/** Plans by statement: they do not depend on the parameters. */
const plans = new Map<string, readonly string[]>();

/** The steps that SQLite takes for a statement, on the database with rows and on the one without. */
function planOf({ sql, parameters }: Statement): readonly string[] {
  const known = plans.get(sql);
  if (known !== undefined) return known;
  const plan = [filled, empty].flatMap((database) => {
    const steps = database.prepare<unknown[], { readonly detail: string }>(`explain query plan ${sql}`);
    return steps.all(...parameters).map(({ detail }) => detail);
  });
  plans.set(sql, plan);
  return plan;
}

/** Steps that walk a table from end to end, in whatever order. */
const tableScans = (plan: readonly string[]) =>
  plan.filter((step) => /^SCAN (?:e|a|s|f|o|events|agents|sessions|operations)\b/.test(step));

/** The indexes of the events that a plan uses. */
const indexesOf = (plan: readonly string[]) => [
  ...new Set(plan.flatMap((step) => /^(?:SEARCH|SCAN) e .*INDEX (\w+)/.exec(step)?.[1] ?? [])),
];

const sorts = (plan: readonly string[]) => plan.filter((step) => step.includes("TEMP B-TREE FOR ORDER BY"));

/** Every combination of a value and null for every part of the filter. */
function everyFilter(): readonly EventFilter[] {
  const choices = {
    agentId: [null, "agent 0"],
    sessionId: [null, "own", "shared"],
    name: [null, "name 1"],
    channel: [null, "SYSTEM"],
    level: [null, "ERROR"],
    expression: [null, anyValue("events")],
    fromMicros: [null, builtFromMicros],
    toMicros: [null, builtFromMicros + filledEvents],
  } as const;
  let filters: readonly Partial<EventFilter>[] = [{}];
  for (const [field, values] of Object.entries(choices)) {
    filters = filters.flatMap((filter) => values.map((value) => ({ ...filter, [field]: value })));
  }
  return filters.map((filter) => ({ ...everyEvent, ...filter }));
}

/** The index that leads to a filter's events in order. */
function indexOf({ agentId, sessionId, name }: EventFilter): string {
  if (sessionId !== null) return "events_by_session";
  if (agentId !== null) return name === null ? "events_by_agent" : "events_by_agent_name";
  return "events_by_time";
}

const isOfSeveralSessions = ({ agentId, sessionId }: EventFilter) => sessionId === "shared" && agentId === null;

describe("a list of events", () => {
  const after = { timeMicros: builtFromMicros + filledEvents / 2, sequence: filledEvents / 2 };
  const queries = everyFilter().flatMap((filter): readonly EventQuery[] =>
    [true, false].flatMap((ascending) =>
      [null, after].flatMap((after) => [0, 1_500].map((offset) => ({ filter, ascending, after, offset, limit: 10 }))),
    ),
  );

  test("walks the index of its filter, and sorts only events of several sessions, for every combination of filters", async () => {
    const seen = new Set<string>();
    let statementsMax = 0;
    for (const query of queries) {
      const statements = await statementsOf((reader) => reader.listEvents(query));
      statementsMax = Math.max(statementsMax, statements.length);
      for (const statement of statements.filter(({ sql }) => !seen.has(sql) && seen.add(sql))) {
        const plan = planOf(statement);
        const isOfEvents = statement.sql.includes("from events e");
        expect([statement.sql, indexesOf(plan)]).toEqual([statement.sql, isOfEvents ? [indexOf(query.filter)] : []]);
        // The whole list, from its newest or oldest event on, as far as the page needs it.
        const isWhole = indexOf(query.filter) === "events_by_time";
        expect(tableScans(plan).filter((step) => !(isWhole && step.startsWith("SCAN e USING ")))).toEqual([]);
        const isSorted = isOfEvents && isOfSeveralSessions(query.filter) && statement.sql.includes("order by");
        expect(sorts(plan).length > 0).toBe(isSorted);
      }
    }
    // Each part of the filter changes the text, so this says that the combinations were there.
    expect(seen.size).toBeGreaterThan(500);
    // One more than ever before only where a page could not pass over its offset.
    expect(statementsMax).toBe(4);
  });

  test.for([
    ["everything", everyEvent, 1],
    ["one agent", { ...everyEvent, agentId: "agent 0" }, 2],
    ["one agent and name", { ...everyEvent, agentId: "agent 0", name: "name 1" }, 2],
    ["several sessions", { ...everyEvent, sessionId: "shared" }, 2],
    ["a channel", { ...everyEvent, channel: "SYSTEM" }, 2],
    ["one agent and channel", { ...everyEvent, agentId: "agent 0", channel: "SYSTEM" }, 3],
    ["an agent that is not there", { ...everyEvent, agentId: "nobody", channel: "SYSTEM" }, 1],
  ] as const)("of %s takes as many statements for 1 event as for 500", async ([, filter, expected]) => {
    for (const limit of [1, 500]) {
      const query = { filter, ascending: false, after: null, offset: 0, limit };
      expect(await statementsOf((reader) => reader.listEvents(query))).toHaveLength(expected);
    }
  });
});

describe("the events after a place", () => {
  const byKey = /^SEARCH e USING INTEGER PRIMARY KEY \(rowid>\?( AND rowid<\?)?\)$/;

  test("are found along the primary key, in its order, by three statements, for every combination of filters", async () => {
    const seen = new Set<string>();
    for (const filter of everyFilter()) {
      for (const limit of [1, 500]) {
        const query = { filter, afterSequence: filledEvents / 2, limit, bytesMax: 1_000_000, examinedRowsMax };
        const statements = await statementsOf((reader) => reader.listEventsAfter(query));
        expect(statements.length).toBeLessThanOrEqual(3);
        for (const statement of statements.filter(({ sql }) => !seen.has(sql) && seen.add(sql))) {
          const plan = planOf(statement);
          const ofEvents = plan.filter((step) => / e\b/.test(step));
          expect(ofEvents.length).toBeGreaterThan(0);
          expect(ofEvents.filter((step) => !byKey.test(step))).toEqual([]);
          expect([tableScans(plan), sorts(plan)]).toEqual([[], []]);
        }
      }
    }
    expect(seen.size).toBeGreaterThan(100);
  });

  test("end at the last sequence, which is one look away", async () => {
    const statements = await statementsOf((reader) => reader.getLastSequence());
    expect(statements.flatMap(planOf)).toEqual(Array(2).fill("SCAN sqlite_sequence"));
  });
});

const allTime = { fromMicros: null, toMicros: null } as const;
const someTime = { fromMicros: builtFromMicros, toMicros: builtFromMicros + 100 } as const;
const cursor = { agentId: "agent 3", lastSeenMicros: builtFromMicros + filledEvents } as const;

describe("a read takes one statement that", () => {
  test.for<readonly [string, (reader: Reader) => Promise<unknown>, string, number?]>([
    [
      "finds an agent by its id",
      (reader) => reader.findAgent("agent 0"),
      "SEARCH agents USING INDEX agents_agent_id (agent_id=?)",
    ],
    [
      "finds an event by its id",
      (reader) => reader.findEvent("0".repeat(32)),
      "SEARCH e USING INDEX events_event_id (event_id=?)",
    ],
    [
      "lists agents in the order of an index",
      (reader) => reader.listAgents({ after: null, offset: 0, limit: 500 }),
      "SCAN agents USING INDEX agents_by_last_seen",
    ],
    [
      "goes on with agents at the place in the index",
      (reader) => reader.listAgents({ after: cursor, offset: 0, limit: 500 }),
      "SEARCH agents USING INDEX agents_by_last_seen ((last_seen_micros,agent_id)<(?,?))",
    ],
    ...(["name", "level", "channel"] as const).flatMap((dimension) =>
      [allTime, someTime].map(
        (range) =>
          [
            `counts an agent's events by ${dimension} ${range === allTime ? "of all time" : "within a range"}`,
            (reader: Reader) => reader.countEvents({ agentId: "agent 0", dimension, ...range }),
            "SEARCH e USING INDEX events_by_agent (agent_key=? AND time_micros>? AND time_micros<?)",
            2,
          ] as const,
      ),
    ),
    [
      "measures an agent's operations of all time",
      (reader: Reader) => reader.measureLatency({ agentId: "agent 0", ...allTime }),
      "SEARCH r USING PRIMARY KEY (step_minutes=? AND agent_key=? AND start_minute>? AND start_minute<?)",
      2,
    ],
    [
      "measures an agent's operations at the edges of a range",
      (reader: Reader) => reader.measureLatency({ agentId: "agent 0", ...someTime }),
      "SEARCH o USING INDEX operations_by_agent (agent_key=? AND kind=? AND at_micros>? AND at_micros<?)",
      3,
    ],
  ])("%s", async ([, call, step, count = 1]) => {
    const statements = await statementsOf(call);
    expect(statements).toHaveLength(count);
    const plan = statements.flatMap(planOf);
    expect(plan).toContainEqual(expect.stringContaining(step));
    expect(tableScans(plan).filter((scan) => scan !== step)).toEqual([]);
  });

  test("answers a ping", async () => {
    expect(await statementsOf((reader) => reader.ping())).toHaveLength(1);
  });
});

test("a write finds every row that it looks at by an index", () => {
  const statements = new Set<string>();
  const database = new Database(join(folder, "filled.db"), { verbose: (sql) => statements.add(String(sql)) });
  try {
    configureConnection(database, "normal");
    const { write } = createEventWriter(database, createPriceBook([]));
    const ofAgent = { agentId: "agent 0", sessionId: "own", timeMicros: builtFromMicros + filledEvents / 2 };
    const start = buildEvent({ ...ofAgent, llmProvider: "anthropic", operation: buildPart() });
    const finish = buildEvent({ ...ofAgent, operation: buildPart({ outcome: "ok" }) });
    const newcomer = buildEvent({ agentId: "new", sessionId: "new" });
    statements.clear();
    write([start, finish, newcomer, newcomer]);
    const queries = [...statements].filter((sql) => /^\s*(?:select|insert|update|delete)\b/.test(sql));
    expect(queries.length).toBeGreaterThan(12);
    for (const sql of queries) expect([sql, tableScans(planOf({ sql, parameters: [] }))]).toEqual([sql, []]);
    const plan = queries.flatMap((sql) => planOf({ sql, parameters: [] }));
    for (const step of ["(partition_key=? AND finish_micros=?)", "(partition_key=? AND finish_micros>?)"]) {
      expect(plan).toContainEqual(expect.stringContaining(`USING INDEX operations_by_partition ${step}`));
    }
  } finally {
    database.close();
  }
});
