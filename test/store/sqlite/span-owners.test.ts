import { join } from "node:path";
import type { Database } from "better-sqlite3";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Event } from "../../../src/model/event.ts";
import { openWriterConnection } from "../../../src/store/sqlite/database-file.ts";
import { createEventWriter, type EventWriter } from "../../../src/store/sqlite/event-writer.ts";
import { levelsMax } from "../../../src/store/sqlite/span-owners.ts";
import { anyTelemetryPrices } from "../any-telemetry.ts";
import { buildLog, buildSpan } from "../span-builder.ts";
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
