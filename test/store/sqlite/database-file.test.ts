import { randomBytes } from "node:crypto";
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  applicationId,
  ForeignDatabaseError,
  inspectDatabaseFile,
  openWriterConnection,
  prepareDatabaseFile,
} from "../../../src/store/sqlite/database-file.ts";
import { createSqliteStore } from "../../../src/store/sqlite/sqlite-store.ts";
import { createPythonDatabase, type PythonEventRow } from "../../python-server-database.ts";
import { buildEvent } from "../event-builder.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

const root = createTemporaryFolder();
let folders = 0;

/** A path in a folder of its own. */
function newPath(): string {
  folders += 1;
  const folder = join(root, String(folders));
  mkdirSync(folder);
  return join(folder, "cylestio.db");
}

/** Writes a database that is not ours. */
function createDatabase(sql: string): string {
  const path = newPath();
  const database = new Database(path);
  database.exec(sql);
  database.close();
  return path;
}

function createFile(bytes: Uint8Array): string {
  const path = newPath();
  writeFileSync(path, bytes);
  return path;
}

const modeOf = (path: string) => statSync(path).mode & 0o777;

const foreignFiles: Readonly<Record<string, () => string>> = {
  "one byte": () => createFile(Buffer.from("x")),
  "100 random bytes": () => createFile(randomBytes(100)),
  "10,000 random bytes": () => createFile(randomBytes(10_000)),
  "a text": () => createFile(Buffer.from("SQLite format 4, said nobody\n".repeat(200))),
  "another database": () => createDatabase("create table notes (id integer primary key); insert into notes values (1)"),
  "another database in WAL mode": () => createDatabase("pragma journal_mode = wal; create table notes (id integer)"),
  "another database without tables": () => createDatabase("vacuum"),
  "another database, left in the middle of a write": createInterruptedDatabase,
  "a database of another application": () =>
    createDatabase("pragma application_id = 7; create table agents (id integer)"),
  "a database with one of the Python server's indexes": () =>
    createDatabase(
      "create table agents (agent_id varchar); create unique index ix_agents_agent_id on agents (agent_id)",
    ),
};

/** Another program's database as its death in the middle of a write leaves it: with a journal that has to be rolled back. */
function createInterruptedDatabase(): string {
  const path = newPath();
  const database = new Database(`${path}.source`);
  database.exec("create table notes (text); pragma cache_size = 1; pragma cache_spill = 1; begin");
  const insert = database.prepare("insert into notes values (?)");
  for (let index = 0; index < 2_000; index += 1) insert.run("x".repeat(100));
  for (const suffix of ["", "-journal"]) copyFileSync(`${path}.source${suffix}`, path + suffix);
  database.close();
  return path;
}

function createPythonFile(rows: readonly PythonEventRow[]): string {
  const path = newPath();
  createPythonDatabase(path, rows);
  return path;
}

const pythonFiles: Readonly<Record<string, () => string>> = {
  "that has events": () => createPythonFile([{ event_type: "LLM_call_start" }]),
  "that is empty": () => createPythonFile([]),
};

/** Asserts that the store does not open what stands at `path`, and leaves it, and what is beside it, as it was. */
async function expectRefused(path: string): Promise<void> {
  const bytes = readFileSync(path);
  const beside = readdirSync(dirname(path));
  const mode = modeOf(path);
  const opening = createSqliteStore({ databasePath: path, durability: "normal" });
  await expect(opening).rejects.toThrow(ForeignDatabaseError);
  await expect(opening).rejects.toThrow(path);
  expect(readFileSync(path)).toEqual(bytes);
  expect(readdirSync(dirname(path))).toEqual(beside);
  expect(modeOf(path)).toBe(mode);
}

describe("what stands at a path", () => {
  test("is nothing where there is no file, or an empty one", () => {
    expect(inspectDatabaseFile(newPath())).toBe("none");
    expect(inspectDatabaseFile(join(root, "no folder", "cylestio.db"))).toBe("none");
    expect(inspectDatabaseFile(createFile(Buffer.of()))).toBe("none");
  });

  test("is ours as soon as there is a byte in it", () => {
    const path = newPath();
    prepareDatabaseFile(path);
    expect(statSync(path).size).toBeGreaterThan(0);
    expect(inspectDatabaseFile(path)).toBe("ours");
  });

  test("is ours while a store has it open, and afterwards", async () => {
    const path = newPath();
    const store = await createSqliteStore({ databasePath: path, durability: "normal" });
    await store.append([buildEvent()]);
    expect(inspectDatabaseFile(path)).toBe("ours");
    await store.close();
    expect(inspectDatabaseFile(path)).toBe("ours");
  });

  test.for(Object.entries(foreignFiles))(
    "is foreign if it is %s, which is refused and left as it is",
    async ([, create]) => {
      const path = create();
      expect(inspectDatabaseFile(path)).toBe("foreign");
      await expectRefused(path);
    },
  );

  test.for(Object.entries(pythonFiles))(
    "is a database of the Python server %s, which is refused and left as it is",
    async ([, create]) => {
      const path = create();
      expect(inspectDatabaseFile(path)).toBe("python");
      await expectRefused(path);
    },
  );

  test("is foreign if it is a folder", async () => {
    const path = newPath();
    mkdirSync(path);
    expect(inspectDatabaseFile(path)).toBe("foreign");
    await expect(createSqliteStore({ databasePath: path, durability: "normal" })).rejects.toThrow(ForeignDatabaseError);
  });
});

describe("a new database", () => {
  test("is for its owner only: the folders that are made, the file, and what SQLite keeps beside it", async () => {
    const path = join(root, "deep", "below", "cylestio.db");
    const store = await createSqliteStore({ databasePath: path, durability: "normal" });
    onTestFinished(() => store.close());
    await store.append([buildEvent()]);
    for (const folder of [dirname(path), dirname(dirname(path))]) expect(modeOf(folder)).toBe(0o700);
    for (const suffix of ["", "-wal", "-shm"]) expect(modeOf(path + suffix)).toBe(0o600);
  });

  test("closes an empty file that stands there already to others, and leaves its folder as it is", () => {
    const path = createFile(Buffer.of());
    chmodSync(path, 0o644);
    chmodSync(dirname(path), 0o755);
    prepareDatabaseFile(path);
    expect(modeOf(path)).toBe(0o600);
    expect(modeOf(dirname(path))).toBe(0o755);
  });

  test("carries our application id and is in WAL mode", async () => {
    const path = newPath();
    prepareDatabaseFile(path);
    // Also in the file itself, not in a log beside it.
    expect(readFileSync(path).readInt32BE(68)).toBe(applicationId);
    const store = await createSqliteStore({ databasePath: path, durability: "full" });
    await store.close();
    const database = new Database(path, { readonly: true });
    onTestFinished(() => void database.close());
    expect(database.pragma("application_id", { simple: true })).toBe(applicationId);
    expect(database.pragma("journal_mode", { simple: true })).toBe("wal");
  });

  test("that was marked as ours but got no tables, because the process died, is completed", async () => {
    const path = newPath();
    prepareDatabaseFile(path);
    const store = await createSqliteStore({ databasePath: path, durability: "normal" });
    onTestFinished(() => store.close());
    expect(await store.append([buildEvent()])).toMatchObject([{ status: "stored" }]);
  });

  test("can have any name that a file can have", async () => {
    const path = join(root, "name with ? # % ' \" and é.db");
    const store = await createSqliteStore({ databasePath: path, durability: "normal" });
    await store.append([buildEvent()]);
    await store.close();
    expect(readdirSync(root)).toContain("name with ? # % ' \" and é.db");
  });
});

describe("a writing connection", () => {
  test.for([
    ["full", 2],
    ["normal", 1],
  ] as const)(
    "of durability %s syncs as it should, checks foreign keys and waits for locks",
    ([durability, synchronous]) => {
      const path = newPath();
      prepareDatabaseFile(path);
      const database = openWriterConnection(path, durability);
      onTestFinished(() => void database.close());
      expect(database.pragma("synchronous", { simple: true })).toBe(synchronous);
      expect(database.pragma("foreign_keys", { simple: true })).toBe(1);
      expect(database.pragma("busy_timeout", { simple: true })).toBe(5_000);
      expect(database.pragma("journal_mode", { simple: true })).toBe("wal");
    },
  );
});
