import Database from "better-sqlite3";
import { TelemetryError } from "../../model/error.ts";

/** SQLite's result codes that can pass by themselves or when somebody mends their cause. */
const passingCodes = [
  "SQLITE_BUSY",
  "SQLITE_LOCKED",
  "SQLITE_FULL",
  "SQLITE_IOERR",
  "SQLITE_READONLY",
  "SQLITE_CANTOPEN",
  "SQLITE_NOMEM",
  "SQLITE_PROTOCOL",
  "SQLITE_CORRUPT",
  "SQLITE_NOTADB",
];

/** An error of SQLite that may pass becomes `STORE_UNAVAILABLE`; everything else is a fault and stays as it is. */
export function storeErrorFrom(error: unknown): unknown {
  if (error instanceof TelemetryError) return error;
  const cause = sqliteErrorIn(error);
  if (cause === undefined || !passingCodes.some((code) => cause.code.startsWith(code))) return error;
  return new TelemetryError("STORE_UNAVAILABLE", `the database cannot be used now (${cause.code})`, { cause: error });
}

/** MikroORM wraps the driver's errors; their `cause` leads to the original. */
function sqliteErrorIn(error: unknown): { readonly code: string } | undefined {
  if (error instanceof Database.SqliteError) return error;
  if (error instanceof Error && "code" in error && typeof error.code === "string" && error.code.startsWith("SQLITE_")) {
    return { code: error.code };
  }
  return error instanceof Error && error.cause !== undefined ? sqliteErrorIn(error.cause) : undefined;
}
