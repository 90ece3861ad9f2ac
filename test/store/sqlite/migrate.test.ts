import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Migration } from "@mikro-orm/migrations";
import type { MigrationObject } from "@mikro-orm/sqlite";
import Database from "better-sqlite3";
import { describe, expect, onTestFinished, test } from "vitest";
import { migrations } from "../../../migrations/index.ts";
import { NewerSchemaError } from "../../../src/store/sqlite/migrate.ts";
import { createSqliteStore } from "../../../src/store/sqlite/sqlite-store.ts";
import { buildEvent, buildPart } from "../event-builder.ts";
import { readAllEvents } from "../open-store.ts";
import { openMigrated } from "./migrated-database.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

const folder = createTemporaryFolder();
const names = migrations.map(({ name }) => name);
let files = 0;

/** A path that no other test uses. */
function newPath(): string {
  files += 1;
  return join(folder, `${files}.db`);
}

/** All migrations and one more, which runs these statements. */
function withMigration(name: string, ...statements: readonly string[]): readonly MigrationObject[] {
  return [
    ...migrations,
    {
      name,
      class: class extends Migration {
        override up(): void {
          for (const sql of statements) this.addSql(sql);
        }
      },
    },
  ];
}

const addNote = withMigration("20990101000000_add_note", "alter table agents add column note text null");

/** A database of the present schema with some of everything, closed. */
async function createFilledDatabase(): Promise<string> {
  const databasePath = newPath();
  const store = await createSqliteStore({ databasePath, durability: "normal" });
  await store.append([
    buildEvent({ sessionId: "s1", operation: buildPart() }),
    buildEvent({ sessionId: "s2", operation: buildPart({ outcome: "ok" }) }),
    buildEvent({ agentId: "other", sessionId: null }),
  ]);
  await store.close();
  return databasePath;
}

/** Everything that a database holds, as values. */
function readTables(path: string): Readonly<Record<string, readonly unknown[]>> {
  const database = new Database(path, { readonly: true });
  try {
    const tables = database.prepare<[], string>("select name from sqlite_schema where type = 'table'").pluck().all();
    return Object.fromEntries(
      ["sqlite_schema", ...tables].map((table) => [table, database.prepare(`select * from ${table}`).all()]),
    );
  } finally {
    database.close();
  }
}

/** Statements that put a copy in the place of a table, as a migration does where SQLite cannot alter it. */
function rebuildSql(table: string): readonly string[] {
  return [
    `create table ${table}_copy as select * from ${table}`,
    // Not a faithful copy, but with the key that other rows refer to.
    `create unique index ${table}_copy_id on ${table}_copy (id)`,
    `drop table ${table}`,
    `alter table ${table}_copy rename to ${table}`,
  ];
}

describe("a fresh database", () => {
  test("gets every migration and no backup, and nothing the next time", async () => {
    const path = newPath();
    const first = await openMigrated(path);
    expect(first.result).toEqual({ applied: names, backupPath: null });
    await first.orm.close();
    const second = await openMigrated(path);
    expect(second.result).toEqual({ applied: [], backupPath: null });
  });

  test("tells whoever opens the store what was applied, if they want to know", async () => {
    const results: unknown[] = [];
    const options = { databasePath: newPath(), durability: "normal" } as const;
    for (const onMigrated of [(result: unknown) => results.push(result), undefined]) {
      const store = await createSqliteStore(onMigrated === undefined ? options : { ...options, onMigrated });
      await expect(store.ping()).resolves.toBeUndefined();
      await store.close();
    }
    expect(results).toEqual([{ applied: names, backupPath: null }]);
  });
});

describe("an older database", () => {
  test("is backed up before it is upgraded, into a database for its owner only", async () => {
    const path = await createFilledDatabase();
    const before = readTables(path);
    const { orm, result } = await openMigrated(path, addNote);
    await orm.close();
    expect(result).toEqual({
      applied: ["20990101000000_add_note"],
      backupPath: `${path}.before-20990101000000_add_note`,
    });
    const backupPath = result.backupPath ?? "";
    expect(statSync(backupPath).mode & 0o777).toBe(0o600);
    expect(readTables(backupPath)).toEqual(before);
    const backup = new Database(backupPath);
    expect(backup.pragma("integrity_check", { simple: true })).toBe("ok");
    backup.close();
    expect(readTables(path)["agents"]).toEqual(before["agents"]?.map((row) => ({ ...Object(row), note: null })));
  });

  test("can be used again from its backup", async () => {
    const path = await createFilledDatabase();
    const { orm, result } = await openMigrated(path, addNote);
    await orm.close();
    const store = await createSqliteStore({ databasePath: result.backupPath ?? "", durability: "normal" });
    onTestFinished(() => store.close());
    expect(await readAllEvents(store)).toHaveLength(3);
  });

  test("stays as it was if a migration fails, with those before it", async () => {
    const path = await createFilledDatabase();
    const bytes = readFileSync(path);
    const failing = [
      ...addNote,
      ...withMigration("20990101000001_fail", "delete from events", "insert into nowhere values (1)").slice(-1),
    ];
    await expect(openMigrated(path, failing)).rejects.toThrow(/nowhere/);
    expect(readFileSync(path)).toEqual(bytes);
    expect(existsSync(`${path}-wal`)).toBe(false);
    const { result } = await openMigrated(path, addNote);
    expect(result.applied).toEqual(["20990101000000_add_note"]);
  });

  test("keeps the rows that refer to a table that is rebuilt", async () => {
    const path = await createFilledDatabase();
    const before = readTables(path);
    const { database, orm } = await openMigrated(
      path,
      withMigration("20990101000000_rebuild", ...rebuildSql("agents"), ...rebuildSql("sessions")),
    );
    expect(database.pragma("foreign_keys", { simple: true })).toBe(1);
    await orm.close();
    const after = readTables(path);
    for (const table of ["agents", "sessions", "events", "operations"]) expect(after[table]).toEqual(before[table]);
  });

  test("stays as it was if a migration leaves rows that refer to nothing", async () => {
    const path = await createFilledDatabase();
    const bytes = readFileSync(path);
    const deleting = withMigration("20990101000000_delete", "delete from agents where agent_id = 'other'");
    await expect(openMigrated(path, deleting)).rejects.toThrow("1 rows that refer to nothing");
    expect(readFileSync(path)).toEqual(bytes);
  });
});

describe("a newer database", () => {
  test("is refused, naming what is newer and what to do, and left as it was", async () => {
    const path = await createFilledDatabase();
    const { orm } = await openMigrated(path, addNote);
    await orm.close();
    const bytes = readFileSync(path);
    const opening = createSqliteStore({ databasePath: path, durability: "normal" });
    await expect(opening).rejects.toThrow(NewerSchemaError);
    await expect(opening).rejects.toThrow(path);
    await expect(opening).rejects.toThrow("20990101000000_add_note");
    await expect(opening).rejects.toThrow("CYLESTIO_DB_PATH");
    expect(readFileSync(path)).toEqual(bytes);
    expect(existsSync(`${path}-wal`)).toBe(false);
  });
});
