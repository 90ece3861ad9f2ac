import Database from "better-sqlite3";
import { TelemetryError } from "../../model/error.ts";

/** SQLite's result codes that can pass by themselves or when somebody mends their cause, and what they mean. */
const passingCodes: Readonly<Record<string, string>> = {
  SQLITE_BUSY: "another program has locked it",
  SQLITE_LOCKED: "it is locked",
  SQLITE_FULL: "the disk is full",
  SQLITE_IOERR: "the disk or its file system fails",
  SQLITE_READONLY: "it may not be written to",
  SQLITE_CANTOPEN: "its file cannot be opened",
  SQLITE_NOMEM: "there is no memory for it",
  SQLITE_PROTOCOL: "other programs use it too much",
  SQLITE_CORRUPT: "it is damaged",
  SQLITE_NOTADB: "it is damaged",
};

/** An error of SQLite that may pass becomes `STORE_UNAVAILABLE`; everything else is a fault and stays as it is. */
export function storeErrorFrom(error: unknown): unknown {
  if (error instanceof TelemetryError) return error;
  const cause = sqliteErrorIn(error);
  const family = Object.keys(passingCodes).find((code) => cause?.code.startsWith(code));
  if (cause === undefined || family === undefined) return error;
  return unavailable(passingCodes[family] ?? "", cause.code, error);
}

/** SQLite's result code behind an error; undefined if it has none. */
export function sqliteCodeOf(error: unknown): string | undefined {
  return sqliteErrorIn(error)?.code;
}

/** The error for a database that cannot be used. `why` is for people, `code` SQLite's. */
export function unavailable(why: string, code: string, cause: unknown): TelemetryError {
  return new TelemetryError("STORE_UNAVAILABLE", `the database cannot be used now: ${why} (${code})`, { cause });
}

/** MikroORM wraps the driver's errors; their `cause` leads to the original. */
function sqliteErrorIn(error: unknown): { readonly code: string } | undefined {
  if (error instanceof Database.SqliteError) return error;
  if (error instanceof Error && "code" in error && typeof error.code === "string" && error.code.startsWith("SQLITE_")) {
    return { code: error.code };
  }
  return error instanceof Error && error.cause !== undefined ? sqliteErrorIn(error.cause) : undefined;
}
