import { join } from "node:path";
import type { Database } from "better-sqlite3";
import { describe, expect, onTestFinished, test } from "vitest";
import type { DerivedFacts, Event, StoredEvent } from "../../../src/model/event.ts";
import { openWriterConnection } from "../../../src/store/sqlite/database-file.ts";
import { createEventWriter, type EventWriter } from "../../../src/store/sqlite/event-writer.ts";
import { rebuildDerived } from "../../../src/store/sqlite/rebuild.ts";
import { levelsMax } from "../../../src/store/sqlite/span-owners.ts";
import { anyTelemetryPrices } from "../any-telemetry.ts";
import { buildAlert, buildLlm } from "../call-builder.ts";
import { buildPart } from "../event-builder.ts";
import { buildLog, buildSpan } from "../span-builder.ts";
import { dumpDerived } from "./derived-dump.ts";
import { openMigrated } from "./migrated-database.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

const folder = createTemporaryFolder();
let opened = 0;

async function open(): Promise<{ readonly database: Database; readonly writer: EventWriter }> {
  opened += 1;
  const path = join(folder, `${opened}.db`);
  await openMigrated(path);
  const database = openWriterConnection(path, "normal");
  database.pragma("synchronous = off");
  onTestFinished(() => void database.close());
  return { database, writer: createEventWriter(database, anyTelemetryPrices) };
}

/** Whose the events are, as `agent/session`, in their order. */
function ownersOf(database: Database, events: readonly Event[]): readonly string[] {
  const read = database.prepare<[string], { readonly owner: string }>(
    `select a.agent_id || '/' || ifnull(s.session_id, '-') as owner from events e join agents a on a.id = e.agent_key
    left join sessions s on s.id = e.session_key where e.event_id = unhex(?)`,
  );
  return events.map(({ id }) => read.get(id)?.owner ?? "none");
}

describe("an event takes agent and session from the spans above it", () => {
  const root = buildSpan("root", null, { agentId: "planner", sessionId: "s1" });
  const child = buildSpan("child", "root");
  const grandchild = buildSpan("grandchild", "child");

  test("when all arrive together, in whatever order", async () => {
    for (const events of [
      [root, child, grandchild],
      [grandchild, child, root],
    ]) {
      const { database, writer } = await open();
      writer.write(events);
      expect(ownersOf(database, events)).toEqual(events.map(() => "planner/s1"));
    }
  });

  test("when these were stored before", async () => {
    const { database, writer } = await open();
    for (const event of [root, child, grandchild]) writer.write([event]);
    expect(ownersOf(database, [child, grandchild])).toEqual(["planner/s1", "planner/s1"]);
  });

  test("the agent from one and the session from another", async () => {
    const { database, writer } = await open();
    const agent = buildSpan("agent", "root", { agentId: "worker" });
    const tool = buildSpan("tool", "agent");
    writer.write([root, agent, tool]);
    expect(ownersOf(database, [agent, tool])).toEqual(["worker/s1", "worker/s1"]);
  });

  test("or has the service where no span tells an agent, and no session", async () => {
    const { database, writer } = await open();
    const orphan = buildSpan("orphan", "missing", { service: "shop" });
    const elsewhere = buildSpan("child", "root", { traceId: "other", service: "shop" });
    writer.write([root, orphan, elsewhere]);
    expect(ownersOf(database, [orphan, elsewhere])).toEqual(["shop/-", "shop/-"]);
  });

  test("as a log record does, first from the span that it lies in", async () => {
    const { database, writer } = await open();
    const log = buildLog("root");
    const deep = buildLog("child");
    const own = buildLog("child", { sessionId: "mine" });
    writer.write([log, deep, own, child, root]);
    expect(ownersOf(database, [log, deep, own])).toEqual(["planner/s1", "planner/s1", "planner/mine"]);
  });

  test("but what a span tells counts for no event of another dialect", async () => {
    const { database, writer } = await open();
    const other = { ...buildSpan("child", "root", { service: "shop" }), dialect: "cylestio", ownership: null } as const;
    writer.write([root, other]);
    expect(ownersOf(database, [other])).toEqual(["shop/-"]);
  });

  test("of which those with the least event id count where several have one id", async () => {
    for (const order of [(events: readonly Event[]) => events, (events: readonly Event[]) => events.toReversed()]) {
      const { database, writer } = await open();
      const first = buildSpan("twin", null, { agentId: "first" });
      const second = buildSpan("twin", null, { agentId: "second" });
      const under = buildSpan("under", "twin");
      for (const event of order([first, second])) writer.write([event]);
      writer.write([under]);
      expect(ownersOf(database, [first, second, under])).toEqual(["first/-", "second/-", "first/-"]);
    }
  });

  test("also where spans lie in each other in a circle", async () => {
    const { database, writer } = await open();
    const circle = [buildSpan("a", "c"), buildSpan("b", "a", { sessionId: "s2" }), buildSpan("c", "b")];
    const self = buildSpan("self", "self");
    writer.write([...circle, self]);
    expect(ownersOf(database, [...circle, self])).toEqual(["service/s2", "service/s2", "service/s2", "service/-"]);
  });

  test(`up to ${levelsMax} levels above it`, async () => {
    const { database, writer } = await open();
    const chain = Array.from({ length: 3 * levelsMax }, (_, level) =>
      buildSpan(`${level}`, level === 0 ? null : `${level - 1}`, level === 0 ? { agentId: "planner" } : {}),
    );
    writer.write(chain.toReversed());
    const planned = ownersOf(database, chain).filter((owner) => owner === "planner/-");
    expect(planned).toHaveLength(levelsMax + 1);
    expect(ownersOf(database, chain.slice(levelsMax, levelsMax + 2))).toEqual(["planner/-", "service/-"]);
  });
});

/** The start of a call of a model, as a framework or a vendor's client tells it. */
const partOf = (isWrapper: boolean) =>
  buildPart({ isAlone: true, family: `${isWrapper}`, llm: buildLlm({ isWrapper }) });

/** Every derived row as it is, and as it would be had all events come at once. */
async function dumpsOf(database: Database, events: readonly Event[]) {
  const { database: fresh, writer } = await open();
  writer.write(events);
  return { is: dumpDerived(database), wanted: dumpDerived(fresh) };
}

describe("an event that is stored goes to another agent and session", () => {
  const root = buildSpan("root", null, { agentId: "planner", sessionId: "s1" });
  const child = buildSpan("child", "root");
  const grandchild = buildSpan("grandchild", "child", { level: "ERROR" });
  const log = buildLog("child");
  const events = [root, child, grandchild, log];

  test.for([
    ["its parent comes after it", [child, log, root]],
    ["what lies between comes last", [grandchild, root, child]],
    ["the root comes last", [grandchild, log, child, root]],
  ] as const)("when %s", async ([_name, order]) => {
    const { database, writer } = await open();
    for (const event of order) writer.write([event]);
    expect(ownersOf(database, order)).toEqual(order.map(() => "planner/s1"));
    const { is, wanted } = await dumpsOf(database, order);
    expect(is).toEqual(wanted);
  });

  test("and leaves no agent, session or trace behind that has no events", async () => {
    const { database, writer } = await open();
    const told = buildSpan("told", "root", { sessionId: "s2" });
    for (const event of [child, told, root]) writer.write([event]);
    const read = (sql: string) => database.prepare(sql).pluck().all();
    expect(read("select agent_id from agents")).toEqual(["planner"]);
    expect(read("select session_id from sessions order by 1")).toEqual(["s1", "s2"]);
    expect(read("select event_count from traces")).toEqual([3]);
    // The agent that is gone can come back.
    const other = buildSpan("other", null);
    writer.write([other]);
    expect(ownersOf(database, [other])).toEqual(["service/-"]);
  });

  test("when an agent comes between it and the one that it had", async () => {
    const { database, writer } = await open();
    const worker = buildSpan("worker", "root", { agentId: "worker", sessionId: "s2" });
    const task = buildSpan("task", "worker");
    writer.write([root, task]);
    expect(ownersOf(database, [task])).toEqual(["service/-"]);
    writer.write([worker]);
    expect(ownersOf(database, [root, task])).toEqual(["planner/s1", "worker/s2"]);
    const { is, wanted } = await dumpsOf(database, [root, worker, task]);
    expect(is).toEqual(wanted);
  });

  test("when a twin with a lesser event id takes the place of the span above it", async () => {
    const { database, writer } = await open();
    const first = buildSpan("twin", null);
    const second = buildSpan("twin", null, { agentId: "second", sessionId: "s2" });
    const under = buildSpan("under", "twin");
    writer.write([second, under]);
    expect(ownersOf(database, [under])).toEqual(["second/s2"]);
    writer.write([first]);
    expect(ownersOf(database, [under])).toEqual(["service/-"]);
  });

  test("through a chain of any length, as far as it inherits, and in circles", async () => {
    const { database, writer } = await open();
    const chain = Array.from({ length: 3000 }, (_, level) => buildSpan(`${level + 1}`, `${level}`));
    const circle = [buildSpan("a", "b"), buildSpan("b", "a")];
    writer.write([...chain, ...circle]);
    const top = buildSpan("0", null, { agentId: "planner" });
    writer.write([top, buildSpan("b", "a", { agentId: "second", timeMicros: 0 })]);
    const planned = ownersOf(database, chain).filter((owner) => owner === "planner/-");
    expect(planned).toHaveLength(levelsMax);
    expect(ownersOf(database, circle)).toEqual(["second/-", "second/-"]);
  });

  test("and is the same event when it is sent again, also together with what moves it", async () => {
    const { database, writer } = await open();
    writer.write([child]);
    expect(writer.write([child, root]).map(({ status }) => status)).toEqual(["duplicate", "stored"]);
    expect(writer.write([child]).map(({ status }) => status)).toEqual(["duplicate"]);
    expect(ownersOf(database, [child])).toEqual(["planner/s1"]);
    const { is, wanted } = await dumpsOf(database, [child, root]);
    expect(is).toEqual(wanted);
  });

  test("with its operation, whose price and status of alert stay", async () => {
    const { database, writer } = await open();
    const operation = buildPart({ isAlone: true, outcome: "ok", endMicros: root.timeMicros, llm: buildLlm() });
    const call = buildSpan("call", "root", { operation, alert: buildAlert() });
    writer.write([call]);
    database.exec("update llm_calls set cost_pico_usd = 5; update security_alerts set status = 'resolved'");
    writer.write([root]);
    const read = (sql: string) => database.prepare(sql).all();
    const agents = "join agents a on a.id = agent_key";
    expect(read("select cost_pico_usd as cost from llm_calls")).toEqual([{ cost: 5 }]);
    expect(read(`select status, agent_id from security_alerts ${agents}`)).toEqual([
      { status: "resolved", agent_id: "planner" },
    ]);
    expect(read(`select agent_id, name from operations o ${agents} where o.kind = 'llm'`)).toEqual([
      { agent_id: "planner", name: "llm.call" },
    ]);
  });

  test("and no longer ties a wrapper to the calls below it", async () => {
    const { database, writer } = await open();
    const at = { timeMicros: root.timeMicros };
    const twin = buildSpan("w", null, { ...at, agentId: "other" });
    const wrapper = buildSpan("w", null, { ...at, agentId: "planner", operation: partOf(true) });
    const between = buildSpan("between", "w", at);
    const call = buildSpan("call", "between", { ...at, agentId: "planner", operation: partOf(false) });
    const covered = database.prepare("select is_covered from llm_calls where is_wrapper = 1").pluck();
    writer.write([wrapper, between, call]);
    expect([ownersOf(database, [between]), covered.get()]).toEqual([["planner/-"], 1]);
    writer.write([twin]);
    expect([ownersOf(database, [between]), covered.get()]).toEqual([["other/-"], 0]);
    const { is, wanted } = await dumpsOf(database, [wrapper, between, call, twin]);
    expect(is).toEqual(wanted);
  });

  test("or stays where it is if the transaction that would move it fails", async () => {
    const { database, writer } = await open();
    writer.write([child, grandchild, log]);
    const before = dumpDerived(database);
    database.exec("create trigger refuse before update on operations begin select raise(abort, 'no'); end");
    expect(() => writer.write([root])).toThrow("no");
    database.exec("drop trigger refuse");
    expect(dumpDerived(database)).toEqual(before);
    writer.write([root]);
    const { is, wanted } = await dumpsOf(database, events);
    expect(is).toEqual(wanted);
  });
});

test("events are attributed again when what they tell is read by other rules", async () => {
  const { database, writer } = await open();
  const child = buildSpan("child", "root", { llmProvider: "openai" });
  const root = buildSpan("root", null);
  const plain = {
    ...buildSpan("child", "root", { service: "planner" }),
    dialect: "cylestio",
    ownership: null,
  } as const;
  for (const event of [child, root, plain]) writer.write([event]);
  expect(ownersOf(database, [root, child])).toEqual(["service/-", "service/-"]);
  const told = { ...root, agentId: "planner", sessionId: "s1", ownership: { agentId: "planner", sessionId: "s1" } };
  const events = [child, told, plain];
  const derive = ({ id }: StoredEvent): DerivedFacts => {
    const event = events.find((known) => known.id === id);
    if (event === undefined) throw new Error(`no event ${id}`);
    const { llmProvider, operation, alert, ownership } = event;
    return { llmProvider, operation, alert, ownership };
  };
  rebuildDerived(database, { derive, prices: anyTelemetryPrices });
  expect(ownersOf(database, events)).toEqual(["planner/s1", "planner/s1", "planner/-"]);
  const { is, wanted } = await dumpsOf(database, events);
  expect(is).toEqual(wanted);
});

test("what lies above and below an event is found along indexes", async () => {
  const { database } = await open();
  const statements: string[] = [];
  const prepare = database.prepare.bind(database);
  const watched = new Proxy(database, {
    get: (target, name) => {
      if (name !== "prepare") return Reflect.get(target, name, target);
      return (sql: string) => {
        statements.push(sql);
        return prepare(sql);
      };
    },
  });
  createEventWriter(watched, anyTelemetryPrices);
  const reads = statements.filter(
    (sql) => /span_owners|provider_reports|indexed by events/.test(sql) && !sql.startsWith("insert"),
  );
  expect(reads.length).toBeGreaterThan(10);
  for (const sql of reads) {
    const parameters = Array.from({ length: sql.split("?").length - 1 }, () => 1);
    const plan = prepare<unknown[], { readonly detail: string }>(`explain query plan ${sql}`).all(...parameters);
    expect([sql, plan.filter(({ detail }) => detail.startsWith("SCAN") && !detail.includes("CONSTANT"))]).toEqual([
      sql,
      [],
    ]);
  }
});
