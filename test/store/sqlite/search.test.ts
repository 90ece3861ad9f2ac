import { join } from "node:path";
import Database from "better-sqlite3";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { createPriceBook } from "../../../src/pricing/price-table.ts";
import { configureConnection, openWriterConnection } from "../../../src/store/sqlite/database-file.ts";
import { createEventWriter } from "../../../src/store/sqlite/event-writer.ts";
import { createReaderOn } from "../../../src/store/sqlite/reader.ts";
import { rebuildDerived } from "../../../src/store/sqlite/rebuild.ts";
import { createSearchWriter } from "../../../src/store/sqlite/search-writer.ts";
import { createSqliteStore } from "../../../src/store/sqlite/sqlite-store.ts";
import { buildEvent, builtFromMicros } from "../event-builder.ts";
import { buildText, everyText, searchFor } from "../search-builder.ts";
import { buildSpan } from "../span-builder.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

const folder = createTemporaryFolder();

/** A writer's connection to a new database with this many events. */
async function openWriter(name: string, eventCount: number): Promise<Database.Database> {
  const databasePath = join(folder, `${name}.db`);
  await (await createSqliteStore({ databasePath, durability: "normal" })).close();
  const database = openWriterConnection(databasePath, "full");
  afterAll(() => void database.close());
  createEventWriter(database, createPriceBook([])).write(
    Array.from({ length: eventCount }, (_, index) => buildEvent({ sessionId: `s${index % 2}` })),
  );
  return database;
}

function countsIn(database: Database.Database) {
  return database
    .prepare("select (select count(*) from search_texts) as texts, (select sequence from search_cursor) as cursor")
    .get();
}

const derive = () => ({ llmProvider: null, operation: null, alert: null, ownership: null });

describe("a batch of texts", () => {
  test("is one transaction with its place: a death between the two leaves neither", async () => {
    const database = await openWriter("atomic", 2);
    database.exec("create trigger dying before update on search_cursor begin select raise(rollback, 'dead'); end");
    const batch = { texts: [buildText(1, "word")], throughSequence: 1 };
    expect(() => createSearchWriter(database, "full")(batch)).toThrow("dead");
    expect(countsIn(database)).toEqual({ texts: 0, cursor: 0 });
    database.exec("drop trigger dying");
    createSearchWriter(database, "full")(batch);
    expect(countsIn(database)).toEqual({ texts: 1, cursor: 1 });
    // Throws where the index and the texts do not agree.
    database.exec("insert into search_index (search_index, rank) values ('integrity-check', 1)");
  });

  test("waits for no lock, and leaves appends as durable and as patient as they were", async () => {
    const statements: string[] = [];
    const database = new Database((await openWriter("locked", 1)).name, {
      verbose: (sql) => statements.push(String(sql)),
    });
    onTestFinished(() => void database.close());
    configureConnection(database, "full");
    const settings = () => ["synchronous", "busy_timeout"].map((name) => database.pragma(name, { simple: true }));
    const before = settings();
    const other = new Database(database.name);
    onTestFinished(() => void other.close());
    other.exec("begin immediate");
    const index = createSearchWriter(database, "full");
    statements.length = 0;
    expect(() => index({ texts: [], throughSequence: 1 })).toThrow(
      expect.objectContaining({ reason: "STORE_UNAVAILABLE" }),
    );
    expect(statements.slice(0, 3)).toEqual([
      "PRAGMA synchronous = normal",
      "PRAGMA busy_timeout = 0",
      "BEGIN IMMEDIATE",
    ]);
    expect(settings()).toEqual(before);
    other.exec("rollback");
    index({ texts: [], throughSequence: 1 });
    expect(settings()).toEqual(before);
  });

  test("is left alone where derived tables are made anew", async () => {
    const database = await openWriter("rebuilt", 3);
    createSearchWriter(database, "full")({ texts: [buildText(2, "word")], throughSequence: 2 });
    const texts = database.prepare("select * from search_texts").all();
    expect(rebuildDerived(database, { derive, prices: createPriceBook([]) })).toBe(3);
    expect(database.prepare("select * from search_texts").all()).toEqual(texts);
    expect(countsIn(database)).toEqual({ texts: 1, cursor: 2 });
  });
});

test.for([
  ["everything", everyText, 2],
  ["an agent", { ...everyText, agentId: "agent" }, 4],
  ["a session", { ...everyText, sessionId: "s1" }, 4],
  ["a kind and a time", { ...everyText, kind: "tool", fromMicros: builtFromMicros }, 3],
] as const)("a search of %s walks the index of words, and looks up all else by keys", async ([what, filter, count]) => {
  const database = await openWriter(`plan of ${what}`, 500);
  const texts = Array.from({ length: 500 }, (_, index) => buildText(index + 1, `word ${index}`));
  createSearchWriter(database, "full")({ texts, throughSequence: 400 });
  const statements: { readonly sql: string; readonly parameters: readonly unknown[] }[] = [];
  const reader = createReaderOn(async <Row>(sql: string, parameters: readonly unknown[]) => {
    statements.push({ sql, parameters });
    return database.prepare<unknown[], Row>(sql).all(...parameters);
  }, 100);
  for (const after of [null, 300]) {
    for (const limit of [1, 50]) {
      statements.length = 0;
      expect((await reader.searchTexts(searchFor("word", { filter, after, limit }))).pendingEventCount).toBe(100);
      expect(statements).toHaveLength(count);
      const plan = statements.flatMap(({ sql, parameters }) =>
        database
          .prepare<unknown[], { readonly detail: string }>(`explain query plan ${sql}`)
          .all(...parameters)
          .map(({ detail }) => detail),
      );
      // The subquery is the list of at most so many events that are counted.
      const scans = plan.filter((step) => /^SCAN (?!f VIRTUAL TABLE|\(subquery)/.test(step));
      expect(scans).toEqual([]);
      expect(plan).toContainEqual("SEARCH t USING INTEGER PRIMARY KEY (rowid=?)");
      expect(plan.filter((step) => step.includes("TEMP B-TREE"))).toEqual([]);
    }
  }
});

test("a text is found under the agent and session that its event went to", async () => {
  const database = await openWriter("moved", 0);
  const { write } = createEventWriter(database, createPriceBook([]));
  write([buildSpan("child", "root", { service: "gone" })]);
  createSearchWriter(database, "full")({ texts: [buildText(1, "word")], throughSequence: 1 });
  write([buildSpan("root", null, { agentId: "planner", sessionId: "s1" })]);
  const reader = createReaderOn(
    async <Row>(sql: string, parameters: readonly unknown[]) =>
      database.prepare<unknown[], Row>(sql).all(...parameters),
    100,
  );
  const found = async (filter: Partial<typeof everyText>) =>
    (await reader.searchTexts(searchFor("word", { filter: { ...everyText, ...filter } }))).hits.map(
      ({ agentId, sessionId }) => [agentId, sessionId],
    );
  expect(await found({})).toEqual([["planner", "s1"]]);
  expect(await found({ agentId: "planner", sessionId: "s1" })).toEqual([["planner", "s1"]]);
  expect(await found({ agentId: "gone" })).toEqual([]);
});

test("texts are added by keys", async () => {
  const database = await openWriter("plan of writing", 5);
  const statements = new Set<string>();
  const watched = new Database(database.name, { verbose: (sql) => statements.add(String(sql)) });
  onTestFinished(() => void watched.close());
  createSearchWriter(watched, "full")({ texts: [buildText(1, "word")], throughSequence: 1 });
  const queries = [...statements].filter((sql) => /^\s*(?:insert into search|update)/.test(sql));
  expect(queries.length).toBeGreaterThanOrEqual(3);
  const plan = queries.flatMap((sql) =>
    database.prepare<unknown[], { readonly detail: string }>(`explain query plan ${sql}`).all(),
  );
  expect(plan.map(({ detail }) => detail)).toEqual([
    "SEARCH e USING INTEGER PRIMARY KEY (rowid=?)",
    "SEARCH search_cursor USING INTEGER PRIMARY KEY (rowid=?)",
  ]);
});
