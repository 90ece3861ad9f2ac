import { closeSync, openSync, statfsSync } from "node:fs";
import type { Database } from "better-sqlite3";
import { waitForLocks } from "./database-file.ts";
import { sqliteCodeOf, storeErrorFrom, unavailable } from "./store-error.ts";

/** What became of an event or a data point. */
interface WrittenOutcome {
  readonly status: string;
}

/** Watches writes fail, and finds out whether they would again. */
export interface WriteWatch {
  /** Appends, and remembers how it went. Where the operating system refuses to write, the error is made to say why. */
  watch<Outcome extends WrittenOutcome>(append: () => readonly Outcome[]): readonly Outcome[];
  /** Returns once a write was committed that changes nothing; throws as `TelemetryStore.probe` rejects. */
  probe(): void;
}

/** Bytes that must be free after the disk was full. With less, the next write of some size would meet the end of it again. */
const roomMinBytes = 1024 * 1024;

/** Codes of which only the operating system knows the reason. */
const refusedCodes = /^SQLITE_(IOERR|READONLY|CANTOPEN)/;

/** The errors of an operating system that does not let a file be written to. */
const refusals: Readonly<Record<string, string>> = {
  EROFS: "its file system is read-only",
  EPERM: "its file may not be written to",
  EACCES: "its file may not be written to",
};

/** On the writer's connection to the database at this path. */
export function createWriteWatch(database: Database, databasePath: string): WriteWatch {
  /** Why the last append failed, unless something was stored since. */
  let failure: unknown;

  const watch: WriteWatch["watch"] = (append) => {
    try {
      const outcomes = append();
      // With nothing but duplicates, nothing was written.
      if (outcomes.some(({ status }) => status === "stored")) failure = undefined;
      return outcomes;
    } catch (error) {
      failure = explained(error, databasePath);
      throw failure;
    }
  };
  const rewriteVersion = database.transaction(() => {
    // SQLite writes the page with the number even where it stays the same.
    database.pragma(`user_version = ${database.pragma("user_version", { simple: true })}`);
  });

  return {
    watch,
    probe() {
      if (isLasting(failure, databasePath)) throw failure;
      try {
        waitForLocks(database, 0);
        rewriteVersion.immediate();
      } catch (error) {
        throw explained(storeErrorFrom(error), databasePath);
      } finally {
        waitForLocks(database);
      }
    },
  };
}

/**
 * Whether a failure can be there still although a small write succeeds. It may find room in the log, which keeps the length that a
 * failed commit gave it, and it need not touch the pages that are damaged.
 */
function isLasting(failure: unknown, databasePath: string): boolean {
  const code = sqliteCodeOf(failure) ?? "";
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(code)) return true;
  if (!code.startsWith("SQLITE_FULL")) return false;
  const { bavail, bsize } = statfsSync(databasePath);
  return bavail * bsize < roomMinBytes;
}

function explained(error: unknown, databasePath: string): unknown {
  const code = sqliteCodeOf(error);
  if (code === undefined || !refusedCodes.test(code)) return error;
  const refusal = refusalOf(databasePath);
  return refusal === undefined ? error : unavailable(refusal, code, error);
}

/** Why the operating system does not let the database be written to; undefined if it does, or says something else. */
function refusalOf(databasePath: string): string | undefined {
  try {
    // The log, because SQLite holds no locks on it: closing a file drops those that the process has on it.
    closeSync(openSync(`${databasePath}-wal`, "r+"));
    return undefined;
  } catch (error) {
    return error instanceof Error && "code" in error ? refusals[String(error.code)] : undefined;
  }
}
