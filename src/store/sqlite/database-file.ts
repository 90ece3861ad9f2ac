import { chmodSync, closeSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import Database from "better-sqlite3";

/** `PRAGMA application_id` of our files: "CyTS". */
export const applicationId = 0x43795453;

/** How long a statement waits for another connection's lock, in milliseconds. */
const busyTimeoutMs = 5_000;

/**
 * Pages (of 4 KiB) that the log may hold before the writer moves them into the database. Eight times SQLite's own: pages that
 * change in every commit, as the ends of indexes do, are then moved eight times less often.
 */
const checkpointPages = 8_000;

/** How many KiB of pages a connection may keep in memory. */
const cacheKib = 64 * 1024;

/** How much a commit costs and survives: `full` also a power cut, `normal` only the death of the process. */
export type Durability = "full" | "normal";

/** What stands at a database path. */
export type DatabaseFile = "none" | "ours" | "python" | "foreign";

/** What SQLite says of a file that is no database, or that another program's death left to be rolled back: ours have no journal. */
const foreignCodes = new Set(["SQLITE_NOTADB", "SQLITE_READONLY_ROLLBACK"]);

/** The database file holds something that this server did not write; it is left alone. */
export class ForeignDatabaseError extends Error {
  override readonly name = "ForeignDatabaseError";
}

/** Looks at what stands at `path`, without changing it. */
export function inspectDatabaseFile(path: string): DatabaseFile {
  const file = statSync(path, { throwIfNoEntry: false });
  if (file === undefined) return "none";
  if (!file.isFile()) return "foreign";
  if (file.size === 0) return "none";
  let database: Database.Database | undefined;
  try {
    database = new Database(path, { readonly: true });
    if (database.pragma("application_id", { simple: true }) === applicationId) return "ours";
    const indexes = database
      .prepare("select count(*) from sqlite_schema where name in ('ix_agents_agent_id', 'ix_events_event_type')")
      .pluck()
      .get();
    return indexes === 2 ? "python" : "foreign";
  } catch (error) {
    // Anything else, as a missing permission, is for the caller.
    if (error instanceof Database.SqliteError && foreignCodes.has(error.code)) return "foreign";
    throw error;
  } finally {
    database?.close();
  }
}

/**
 * Makes the folder (for the owner only) and an empty file (likewise) if they are missing, and marks the file as ours.
 * Throws `ForeignDatabaseError` if something else stands there.
 */
export function prepareDatabaseFile(path: string): void {
  const kind = inspectDatabaseFile(path);
  if (kind === "foreign" || kind === "python") {
    throw new ForeignDatabaseError(
      `${path} was not written by this server. Move it away or name another file with CYLESTIO_DB_PATH.`,
    );
  }
  if (kind === "ours") return;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  closeSync(openSync(path, "a", 0o600));
  chmodSync(path, 0o600);
  const database = new Database(path);
  try {
    // In one write and without a journal, so that a death at any moment leaves a file that is empty or ours.
    database.pragma("journal_mode = off");
    database.pragma(`application_id = ${applicationId}`);
  } finally {
    database.close();
  }
}

/** Opens the writer's connection. */
export function openWriterConnection(path: string, durability: Durability): Database.Database {
  const database = new Database(path, { fileMustExist: true });
  configureConnection(database, durability);
  database.pragma(`wal_autocheckpoint = ${checkpointPages}`);
  return database;
}

/** Sets what SQLite keeps per connection, and WAL mode, which it keeps in the file: reading and writing do not wait for each other. */
export function configureConnection(database: Database.Database, durability: Durability): void {
  waitForLocks(database);
  database.pragma("journal_mode = wal");
  database.pragma("foreign_keys = on");
  database.pragma(`synchronous = ${durability}`);
  database.pragma(`cache_size = -${cacheKib}`);
  database.pragma("temp_store = memory");
}

/** Sets how long a statement waits for another connection's lock. */
export function waitForLocks(database: Database.Database, timeoutMs: number = busyTimeoutMs): void {
  database.pragma(`busy_timeout = ${timeoutMs}`);
}

/** Opens a connection that reads. It may not be `readonly`: a reader of a WAL file may be the one that has to repair its index. */
export function openReaderConnection(path: string): Database.Database {
  const database = new Database(path, { fileMustExist: true });
  configureConnection(database, "normal");
  database.pragma("query_only = on");
  return database;
}
