import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { TelemetryError } from "../../../src/model/error.ts";
import { storeErrorFrom } from "../../../src/store/sqlite/store-error.ts";

describe("an error of the database", () => {
  test.for([
    "SQLITE_BUSY",
    "SQLITE_BUSY_SNAPSHOT",
    "SQLITE_LOCKED",
    "SQLITE_FULL",
    "SQLITE_IOERR_WRITE",
    "SQLITE_READONLY",
    "SQLITE_CANTOPEN",
    "SQLITE_NOMEM",
    "SQLITE_CORRUPT",
    "SQLITE_NOTADB",
  ])("%s may pass: it becomes STORE_UNAVAILABLE, which says the code and no more", (code) => {
    const cause = new Database.SqliteError("near 'secret': it went wrong", code);
    const error = storeErrorFrom(cause);
    expect(error).toBeInstanceOf(TelemetryError);
    expect(error).toMatchObject({ reason: "STORE_UNAVAILABLE", cause, retryDelayMs: 1_000 });
    expect(String(error)).toContain(code);
    expect(String(error)).not.toContain("secret");
  });

  test.for(["SQLITE_ERROR", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_MISUSE"])(
    "%s is a fault and stays as it is",
    (code) => {
      const error = new Database.SqliteError("it went wrong", code);
      expect(storeErrorFrom(error)).toBe(error);
    },
  );

  test("is found where another error wraps it", () => {
    const cause = new Error("wrapped", { cause: new Database.SqliteError("busy", "SQLITE_BUSY") });
    expect(storeErrorFrom(cause)).toMatchObject({ reason: "STORE_UNAVAILABLE", cause });
    const driverError = Object.assign(new Error("busy"), { code: "SQLITE_BUSY" });
    expect(storeErrorFrom(driverError)).toMatchObject({ reason: "STORE_UNAVAILABLE" });
  });

  test("that was told apart already stays as it is, and so does everything else", () => {
    const known = new TelemetryError("STORE_UNAVAILABLE", "busy", {
      cause: new Database.SqliteError("busy", "SQLITE_BUSY"),
    });
    for (const error of [known, new Error("no database in sight"), "a text", undefined]) {
      expect(storeErrorFrom(error)).toBe(error);
    }
  });
});
