import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, onTestFinished, test } from "vitest";
import { createPriceBook } from "../../../src/pricing/price-table.ts";
import { openWriterConnection } from "../../../src/store/sqlite/database-file.ts";
import { createEventWriter, type EventWriter } from "../../../src/store/sqlite/event-writer.ts";
import { buildEvent, buildPart } from "../event-builder.ts";
import { openMigrated } from "./migrated-database.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

const folder = createTemporaryFolder();

async function openWriter(name: string): Promise<{ writer: EventWriter; database: Database.Database; path: string }> {
  const path = join(folder, name);
  await openMigrated(path);
  const database = openWriterConnection(path, "normal");
  onTestFinished(() => void database.close());
  return { writer: createEventWriter(database, createPriceBook([])), database, path };
}

const countOf = (database: Database.Database, table: string) =>
  database.prepare(`select count(*) from ${table}`).pluck().get();

describe("the event writer", () => {
  test("throws STORE_UNAVAILABLE while another connection writes, and goes on afterwards", async () => {
    const { writer, database, path } = await openWriter("busy.db");
    database.pragma("busy_timeout = 1");
    const other = new Database(path);
    onTestFinished(() => void other.close());
    other.exec("begin immediate");
    const event = buildEvent();
    expect(() => writer.write([event])).toThrow(expect.objectContaining({ reason: "STORE_UNAVAILABLE" }));
    other.exec("rollback");
    expect(writer.write([event])).toEqual([{ status: "stored", sequence: 1 }]);
  });

  test("throws STORE_UNAVAILABLE when the disk is full, has stored nothing, and goes on when there is room", async () => {
    const { writer, database } = await openWriter("full.db");
    writer.write([buildEvent({ agentId: "old" })]);
    const pages = Number(database.pragma("page_count", { simple: true }));
    database.pragma(`max_page_count = ${pages + 20}`);
    const large = Array.from({ length: 100 }, (_, index) =>
      buildEvent({ agentId: `new ${index % 3}`, sessionId: "new", attributesJson: JSON.stringify("x".repeat(10_000)) }),
    );
    expect(() => writer.write(large)).toThrow(expect.objectContaining({ reason: "STORE_UNAVAILABLE" }));
    expect(database.inTransaction).toBe(false);
    expect([countOf(database, "events"), countOf(database, "agents"), countOf(database, "sessions")]).toEqual([
      1, 1, 1,
    ]);
    database.pragma("max_page_count = 100000");
    expect(writer.write(large).every(({ status }) => status === "stored")).toBe(true);
    expect([countOf(database, "events"), countOf(database, "agents"), countOf(database, "sessions")]).toEqual([
      101, 4, 4,
    ]);
    expect(database.prepare("select sum(event_count), sum(session_count) from agents").raw().get()).toEqual([101, 4]);
  });

  test("asks for the right to write before it reads, so that no other connection can write in between", async () => {
    const { path } = await openWriter("immediate.db");
    const statements: unknown[] = [];
    const database = new Database(path, { verbose: (sql) => statements.push(sql) });
    onTestFinished(() => void database.close());
    const { write } = createEventWriter(database, createPriceBook([]));
    statements.length = 0;
    write([buildEvent()]);
    expect([statements[0], statements.at(-1)]).toEqual(["BEGIN IMMEDIATE", "COMMIT"]);
  });

  test("reads no open starts for one more of them, so that a session in which nothing finishes costs no more with time", async () => {
    const { path } = await openWriter("open.db");
    const statements: unknown[] = [];
    const database = new Database(path, { verbose: (sql) => statements.push(sql) });
    onTestFinished(() => void database.close());
    const { write } = createEventWriter(database, createPriceBook([]));
    const readsOpenStarts = () => statements.some((sql) => String(sql).includes("o.finish_micros is null"));
    write([buildEvent({ operation: buildPart() })]);
    write([buildEvent({ operation: buildPart() })]);
    expect(readsOpenStarts()).toBe(false);
    write([buildEvent({ operation: buildPart({ outcome: "ok" }) })]);
    expect(readsOpenStarts()).toBe(true);
  });

  test("throws a fault as it is", async () => {
    const { writer, database } = await openWriter("fault.db");
    database.exec("create trigger refuse before insert on events begin select raise(abort, 'refused'); end");
    const fault = expect.objectContaining({ code: "SQLITE_CONSTRAINT_TRIGGER", message: "refused" });
    expect(() => writer.write([buildEvent()])).toThrow(fault);
  });
});
