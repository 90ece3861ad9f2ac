import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { openReaderConnection } from "../../../src/store/sqlite/database-file.ts";
import { createReaderOn, type Reader } from "../../../src/store/sqlite/reader.ts";
import { createSqliteStore } from "../../../src/store/sqlite/sqlite-store.ts";
import type { PageQuery } from "../../../src/store/store.ts";
import { anyValue } from "../any-value.ts";
import { buildAlert, buildLlm, buildOperation, eventAt } from "../call-builder.ts";
import { builtFromMicros } from "../event-builder.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

interface Statement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

const folder = createTemporaryFolder();
const filledSteps = 900;

/** One database with rows and one without. */
const filled = await openDatabase("filled.db", true);
const empty = await openDatabase("empty.db", false);

async function openDatabase(name: string, isFilled: boolean) {
  const databasePath = join(folder, name);
  const store = await createSqliteStore({ databasePath, durability: "normal" });
  if (isFilled) await store.append(Array.from({ length: filledSteps }, (_, step) => eventsOf(step)).flat());
  await store.close();
  const database = openReaderConnection(databasePath);
  afterAll(() => void database.close());
  return database;
}

/** Operations of several agents, sessions and traces, each with an alert. */
function eventsOf(step: number) {
  const place = {
    agentId: `agent ${step % 3}`,
    // Of one agent, and of several.
    sessionId: step % 3 === 0 ? `own ${step % 90}` : "shared",
    traceId: `trace ${step % 50}`,
  };
  const part = step % 2 === 0 ? { llm: buildLlm({ vendor: "v", requestedModel: "m" }) } : { kind: "tool" as const };
  const operation = buildOperation({ ...place, atMs: step, ms: 1 }, { ...part, family: part.kind ?? "llm.call" });
  return [...operation, eventAt(step, { ...place, alert: buildAlert() })];
}

/** Calls a reader on the database with rows, and gives the statements that it ran. */
async function statementsOf(call: (reader: Reader) => Promise<unknown>): Promise<readonly Statement[]> {
  const statements: Statement[] = [];
  const reader = createReaderOn(async <Row>(sql: string, parameters: readonly unknown[]) => {
    statements.push({ sql, parameters });
    return filled.prepare<unknown[], Row>(sql).all(...parameters);
  }, 100);
  await call(reader);
  return statements;
}

/** The steps that SQLite takes for statements, on the database with rows and on the one without. */
function planOf(statements: readonly Statement[]): readonly string[] {
  return statements.flatMap(({ sql, parameters }) =>
    [filled, empty].flatMap((database) => {
      const steps = database.prepare<unknown[], { readonly detail: string }>(`explain query plan ${sql}`);
      return steps.all(...parameters).map(({ detail }) => detail);
    }),
  );
}

/** Steps that walk a table from end to end, in whatever order; what a statement makes for itself is small. */
const tableScans = (plan: readonly string[]) =>
  plan.filter((step) =>
    /^SCAN (?:[oabcfestx]|found|events|agents|sessions|operations|traces|llm_calls|security_alerts)\b/.test(step),
  );

const sorts = (plan: readonly string[]) => plan.filter((step) => step.includes("TEMP B-TREE FOR ORDER BY"));

const allTime = { fromMicros: null, toMicros: null };
const someTime = { fromMicros: builtFromMicros, toMicros: builtFromMicros + 500_000 };
const after = { micros: builtFromMicros + 300_000, key: 200 };
const anyOperation = { agentId: null, sessionId: null, status: null, toolName: null, vendor: null, model: null };
const anyAlert = { agentId: null, sessionId: null, severity: null, category: null, status: null };

type Filter = Parameters<Reader["listSessions"]>[0]["filter"];

/** A page of any list. */
interface ListQuery extends PageQuery {
  readonly filter: Omit<Filter, "expression">;
}

interface ListCase {
  readonly what: string;
  readonly list: (reader: Reader, page: ListQuery) => Promise<unknown>;
  /** The index that leads to the items. */
  readonly index: string;
  /** Statements of a page. */
  readonly statements: number;
  readonly isSorted?: true;
}

const sessions =
  (filter: Partial<Filter>): ListCase["list"] =>
  (reader, page) =>
    reader.listSessions({ ...page, filter: { ...page.filter, ...filter } });
const traces =
  (filter: Partial<Parameters<Reader["listTraces"]>[0]["filter"]>): ListCase["list"] =>
  (reader, { filter: range, ...page }) =>
    reader.listTraces({ ...page, filter: { ...range, traceId: null, ...filter } });
const operations =
  (
    filter: Partial<Omit<Parameters<Reader["listOperations"]>[0]["filter"], "kind" | "sessionId">>,
    scope:
      | { readonly kind: "llm"; readonly sessionId: string | null }
      | { readonly kind: null; readonly sessionId: string } = { kind: "llm", sessionId: null },
  ): ListCase["list"] =>
  (reader, { filter: range, ...page }) =>
    reader.listOperations({
      ...page,
      ascending: scope.kind === null,
      filter: { ...range, ...anyOperation, ...filter, ...scope },
    });
const alerts =
  (filter: Partial<Parameters<Reader["listAlerts"]>[0]["filter"]>): ListCase["list"] =>
  (reader, { filter: range, ...page }) =>
    reader.listAlerts({ ...page, filter: { ...range, ...anyAlert, ...filter } });

const lists: readonly ListCase[] = [
  { what: "sessions", list: sessions({}), index: "sessions_by_start", statements: 2 },
  {
    what: "sessions by an expression",
    list: sessions({ expression: anyValue("sessions") }),
    index: "sessions_by_start",
    statements: 3,
  },
  {
    what: "an agent's sessions",
    list: sessions({ agentId: "agent 0" }),
    index: "sessions_by_agent_start",
    statements: 3,
  },
  {
    what: "sessions of one id",
    list: sessions({ sessionId: "shared" }),
    index: "sessions_by_session_id",
    statements: 2,
    isSorted: true,
  },
  { what: "traces", list: traces({}), index: "traces_by_start", statements: 1 },
  {
    what: "traces by an expression",
    list: traces({ expression: anyValue("traces") }),
    index: "traces_by_start",
    statements: 2,
  },
  { what: "an agent's traces", list: traces({ agentId: "agent 0" }), index: "traces_by_agent_start", statements: 2 },
  {
    what: "traces of one id",
    list: traces({ traceId: "trace 1" }),
    index: "traces_by_trace_id",
    statements: 1,
    isSorted: true,
  },
  { what: "operations of a kind", list: operations({}), index: "operations_by_kind", statements: 1 },
  {
    what: "calls of a model by an expression",
    list: operations({ expression: anyValue("llm_calls") }),
    index: "operations_by_kind",
    statements: 2,
  },
  {
    what: "an agent's calls of tools by an expression",
    list: operations({ agentId: "agent 0", expression: anyValue("tool_calls") }),
    index: "operations_by_agent",
    statements: 3,
  },
  { what: "operations of a vendor", list: operations({ vendor: "v" }), index: "operations_by_kind", statements: 2 },
  { what: "operations that run", list: operations({ status: "running" }), index: "operations_by_kind", statements: 2 },
  {
    what: "an agent's operations",
    list: operations({ agentId: "agent 0" }),
    index: "operations_by_agent",
    statements: 2,
  },
  {
    what: "an agent's operations with a model and a status",
    list: operations({ agentId: "agent 0", model: "m", status: "ok", toolName: "t" }),
    index: "operations_by_agent",
    statements: 3,
  },
  {
    what: "a session's operations",
    list: operations({}, { kind: null, sessionId: "own 0" }),
    index: "operations_by_session",
    statements: 2,
  },
  {
    what: "a session's operations of a kind",
    list: operations({}, { kind: "llm", sessionId: "own 0" }),
    index: "operations_by_session",
    statements: 3,
  },
  {
    what: "operations of several agents' sessions",
    list: operations({}, { kind: null, sessionId: "shared" }),
    index: "operations_by_session",
    statements: 2,
    isSorted: true,
  },
  { what: "alerts", list: alerts({}), index: "security_alerts_by_time", statements: 1 },
  {
    what: "alerts by an expression",
    list: alerts({ expression: anyValue("alerts") }),
    index: "security_alerts_by_time",
    statements: 2,
  },
  { what: "alerts with a status", list: alerts({ status: "open" }), index: "security_alerts_by_time", statements: 2 },
  { what: "an agent's alerts", list: alerts({ agentId: "agent 0" }), index: "security_alerts_by_agent", statements: 2 },
  {
    what: "a session's alerts",
    list: alerts({ sessionId: "own 0" }),
    index: "security_alerts_by_agent",
    statements: 4,
  },
  {
    what: "alerts of several agents' sessions",
    list: alerts({ sessionId: "shared" }),
    index: "security_alerts_by_time",
    statements: 4,
  },
];

describe("a page takes as many statements for 1 item as for 500, along an index, of", () => {
  test.for(lists)("$what", async ({ list, index, statements: expected, isSorted }) => {
    for (const range of [allTime, someTime]) {
      for (const place of [null, after]) {
        for (const limit of [1, 500]) {
          const page = { filter: { agentId: null, sessionId: null, ...range }, after: place, limit };
          const statements = await statementsOf((reader) => list(reader, page));
          // Without sessions there is nothing to count in them.
          expect([expected, expected - 1]).toContain(statements.length);
          const plan = planOf(statements);
          expect(plan).toContainEqual(
            expect.stringMatching(new RegExp(`^(?:SEARCH|SCAN) \\w+ USING (?:COVERING )?INDEX ${index}\\b`)),
          );
          // The whole list, from its newest item on, as far as the page needs it.
          expect(tableScans(plan).filter((step) => !step.endsWith(`INDEX ${index}`))).toEqual([]);
          // The slowest tool of each session is found by sorting its calls.
          const pagePlan = planOf(statements.filter(({ sql }) => !sql.includes("row_number()")));
          expect(isSorted === true ? [] : sorts(pagePlan)).toEqual([]);
        }
      }
    }
  });
});

const someBuckets = [{ startMicros: builtFromMicros - 60_000_000, endMicros: builtFromMicros + 60_000_000 }];

describe("a read finds every row that it looks at by an index:", () => {
  test.for<readonly [string, (reader: Reader) => Promise<unknown>, number, readonly string[]]>([
    ["an operation with its events", (reader) => reader.findOperation(1), 2, ["SEARCH o USING INTEGER PRIMARY KEY"]],
    [
      "an alert",
      (reader) => reader.findAlert("0".repeat(32)),
      1,
      ["INDEX events_event_id", "SEARCH x USING INTEGER PRIMARY KEY"],
    ],
    [
      "the counters of sessions",
      (reader) =>
        reader.listSessions({ filter: { agentId: null, sessionId: "own 0", ...allTime }, after: null, limit: 9 }),
      2,
      [
        "SEARCH o USING INDEX operations_by_session (session_key=?)",
        "SEARCH c USING INTEGER PRIMARY KEY",
        "SEARCH x USING INDEX security_alerts_by_agent (agent_key=? AND time_micros>? AND time_micros<?)",
      ],
    ],
    ...[null, "own 0", "shared"].map(
      (sessionId) =>
        [
          `the tokens of ${sessionId ?? "the latest sessions"}`,
          (reader: Reader) =>
            reader.queryCalls({
              agentIds: ["agent 0", "agent 1"],
              buckets: someBuckets,
              groupsMax: 100,
              groupBy: sessionId === null ? ["agent", "session"] : [],
              filter: { kinds: ["llm", "tool"], sessionId, vendor: null, model: null, name: null },
              size: "tokens",
              facts: ["tokens"],
            }),
          2,
          [
            `SEARCH s USING INDEX ${sessionId === null ? "sessions_by_start (start_micros>?" : "sessions_by_session_id (session_id=?"}`,
            "SEARCH o USING INDEX operations_by_session (session_key=? AND at_micros>? AND at_micros<?)",
            "SEARCH c USING INTEGER PRIMARY KEY",
          ],
        ] as const,
    ),
    [
      "the events of the latest sessions",
      (reader) =>
        reader.queryEvents({
          agentIds: [],
          buckets: someBuckets,
          groupsMax: 100,
          groupBy: ["agent", "session"],
          filter: { name: null, level: null, channel: null, sessionId: null, onlyErrors: true },
        }),
      2,
      ["SEARCH e USING INDEX events_by_session (session_key=? AND time_micros>? AND time_micros<?)"],
    ],
    [
      "a trace with its operations",
      (reader) => reader.findTraceOperations({ traceId: "trace 1", agentId: null, limit: 10 }),
      4,
      [
        "SEARCH t USING INDEX traces_by_trace_id (trace_id=?)",
        "SEARCH o USING INDEX operations_by_partition (partition_key>? AND partition_key<?)",
        "SEARCH o USING COVERING INDEX operations_by_agent (agent_key=? AND kind=? AND at_micros>? AND at_micros<?)",
      ],
    ],
  ])("%s", async ([, call, expected, steps]) => {
    const statements = await statementsOf(call);
    expect(statements).toHaveLength(expected);
    const plan = planOf(statements);
    for (const step of steps) expect(plan).toContainEqual(expect.stringContaining(step));
    expect(tableScans(plan)).toEqual([]);
  });
});
