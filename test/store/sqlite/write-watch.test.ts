import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, onTestFinished, test } from "vitest";
import { openWriterConnection } from "../../../src/store/sqlite/database-file.ts";
import { storeErrorFrom } from "../../../src/store/sqlite/store-error.ts";
import { createWriteWatch } from "../../../src/store/sqlite/write-watch.ts";
import type { AppendOutcome } from "../../../src/store/store.ts";
import { canForbidWrites, forbidWrites, mountSmall } from "../../file-systems.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

const folder = createTemporaryFolder();
let opened = 0;

/** A watch on a database of its own, where an append stores a row of so many bytes. */
function open(inFolder = folder) {
  const path = join(inFolder, `watch-${(opened += 1)}.db`);
  writeFileSync(path, "");
  const connection = openWriterConnection(path, "normal");
  onTestFinished(() => void connection.close());
  connection.exec("create table rows (bytes blob)");
  const insert = connection.prepare("insert into rows values (zeroblob(?))");
  const { watch, probe } = createWriteWatch(connection, path);
  const append = (bytes = 10) =>
    watch((): AppendOutcome[] => {
      try {
        return [{ status: "stored", sequence: Number(insert.run(bytes).lastInsertRowid) }];
      } catch (error) {
        throw storeErrorFrom(error);
      }
    });
  const fail = (code: string) =>
    watch(() => {
      throw storeErrorFrom(new Database.SqliteError("as a test wants it", code));
    });
  const other = new Database(path);
  onTestFinished(() => void other.close());
  return { path, connection, watch, append, fail, probe, other };
}

const unavailable = (text: string) => ({ reason: "STORE_UNAVAILABLE", message: expect.stringContaining(text) });

function errorOf(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error("it succeeded");
}

describe("a probe", () => {
  test("commits a write, which changes nothing that can be seen", () => {
    const { probe, append, connection, other } = open();
    append();
    connection.pragma("user_version = 7");
    const version = () => other.pragma("data_version", { simple: true });
    const before = version();
    probe();
    expect(version()).not.toBe(before);
    expect(other.pragma("user_version", { simple: true })).toBe(7);
    expect(other.prepare("select count(*) from rows").pluck().get()).toBe(1);
  });

  // Less than a statement waits for a lock.
  test("does not wait for another program's lock, and leaves it to others to wait", { timeout: 4_000 }, () => {
    const { probe, append, connection, other } = open();
    const timeout = connection.pragma("busy_timeout", { simple: true });
    other.exec("begin immediate");
    expect(errorOf(probe)).toMatchObject(unavailable("another program has locked it (SQLITE_BUSY)"));
    expect(connection.pragma("busy_timeout", { simple: true })).toBe(timeout);
    other.exec("rollback");
    probe();
    append();
  });

  test("after the disk was full fails until there is room, although a small write succeeds", (context) => {
    const small = join(folder, "small");
    if (!mountSmall(small, onTestFinished)) return context.skip("this user cannot mount a file system");
    const { probe, append } = open(small);
    const ballast = join(small, "ballast");
    writeFileSync(ballast, Buffer.alloc(3_500_000));
    const full = errorOf(() => append(2_000_000));
    expect(full).toMatchObject(unavailable("the disk is full (SQLITE_FULL)"));
    expect(errorOf(probe)).toBe(full);
    // What the failed commit left of the log is room enough.
    rmSync(ballast);
    probe();
    append(100_000);
  });

  test("after the file was found damaged fails until something was stored", () => {
    const { watch, probe, append, fail } = open();
    const damaged = errorOf(() => fail("SQLITE_CORRUPT_VTAB"));
    expect(damaged).toMatchObject(unavailable("it is damaged (SQLITE_CORRUPT_VTAB)"));
    expect(errorOf(probe)).toBe(damaged);
    watch(() => [{ status: "duplicate" }]);
    expect(errorOf(probe)).toBe(damaged);
    append();
    probe();
  });

  test.for(["SQLITE_FULL", "SQLITE_BUSY", "SQLITE_IOERR_FSYNC", "SQLITE_ERROR"])(
    "after %s succeeds as soon as a write does",
    (code) => {
      const { probe, fail } = open();
      expect(() => fail(code)).toThrow(code === "SQLITE_ERROR" ? "as a test wants it" : code);
      probe();
    },
  );
});

describe("a file that the operating system does not let be written to", () => {
  test("is called that, by an append and by a probe, until it may be written to again", (context) => {
    if (!canForbidWrites(folder)) return context.skip("this user cannot forbid writes to an open file");
    const { probe, append, path, other } = open();
    append();
    const allow = forbidWrites([path, `${path}-wal`], onTestFinished);
    const refused = unavailable("its file may not be written to (SQLITE_IOERR_WRITE)");
    expect(errorOf(append)).toMatchObject(refused);
    expect(errorOf(probe)).toMatchObject(refused);
    allow();
    probe();
    append();
    expect(other.prepare("select count(*) from rows").pluck().get()).toBe(2);
  });

  test("is not what any failure of a disk is called", () => {
    const { fail } = open();
    expect(errorOf(() => fail("SQLITE_IOERR_FSYNC"))).toMatchObject(
      unavailable("the disk or its file system fails (SQLITE_IOERR_FSYNC)"),
    );
  });
});
