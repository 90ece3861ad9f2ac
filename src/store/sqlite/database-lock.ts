import { chmodSync, existsSync, realpathSync } from "node:fs";
import Database from "better-sqlite3";

/** Another process serves this database. */
export class DatabaseInUseError extends Error {
  override readonly name = "DatabaseInUseError";
}

/** A claim on a database, which ends with the process at the latest. */
export interface DatabaseLock {
  release(): void;
}

/** The claims of this process. Without a reference from somewhere, a claim would end with the next garbage collection. */
const held = new Set<Database.Database>();

/**
 * Claims a database for this process. Node has no file locks, but SQLite does: an exclusive transaction, never committed, on a file of
 * its own beside the database. The operating system drops it when the process dies, however it dies.
 *
 * The claim is on the file itself: another path that leads to it, over a link, is refused too.
 */
export function lockDatabase(databasePath: string): DatabaseLock {
  const path = `${existsSync(databasePath) ? realpathSync(databasePath) : databasePath}.lock`;
  const database = new Database(path, { timeout: 0 });
  try {
    // Like the database, for its owner only; and without a second file beside it.
    chmodSync(path, 0o600);
    database.pragma("journal_mode = memory");
    database.exec("begin exclusive");
  } catch (error) {
    database.close();
    if (!(error instanceof Database.SqliteError && error.code.startsWith("SQLITE_BUSY"))) throw error;
    throw new DatabaseInUseError(
      `Another server is running on ${databasePath}. Stop it, or name another file with CYLESTIO_DB_PATH.`,
    );
  }
  held.add(database);
  return {
    // The file stays: removing it could take the lock from a process that has just opened it.
    release() {
      database.close();
      held.delete(database);
    },
  };
}
