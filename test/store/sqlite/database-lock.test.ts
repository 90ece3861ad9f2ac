import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { describe, expect, onTestFinished, test } from "vitest";
import { DatabaseInUseError, lockDatabase } from "../../../src/store/sqlite/database-lock.ts";
import { createSqliteStore } from "../../../src/store/sqlite/sqlite-store.ts";
import { buildEvent } from "../event-builder.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

const folder = createTemporaryFolder();
const pathOf = (name: string) => join(folder, `${name}.db`);
const refusal = (path: string) =>
  new DatabaseInUseError(`Another server is running on ${path}. Stop it, or name another file with CYLESTIO_DB_PATH.`);

/** A process that holds the lock; `kill` ends it without a chance to tidy up. */
async function holdElsewhere(path: string) {
  const child = spawn(process.execPath, [join(import.meta.dirname, "hold-lock.ts"), path], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const kill = async () => {
    child.kill("SIGKILL");
    await exited;
  };
  onTestFinished(kill);
  await once(child.stdout, "data");
  return { kill };
}

describe("the lock of a database", () => {
  test("is refused a second time in one process, until it is released", () => {
    const path = pathOf("same");
    const lock = lockDatabase(path);
    expect(() => lockDatabase(path)).toThrow(refusal(path));
    expect(() => lockDatabase(path)).toThrow(DatabaseInUseError);
    lock.release();
    // The file that stays is no hindrance.
    expect(readdirSync(folder)).toContain("same.db.lock");
    lockDatabase(path).release();
    lock.release();
  });

  test("is refused where another process has it, and free when that was killed", async () => {
    const path = pathOf("elsewhere");
    const holder = await holdElsewhere(path);
    expect(() => lockDatabase(path)).toThrow(refusal(path));
    await holder.kill();
    lockDatabase(path).release();
  });

  test("is one for a file, whichever link leads to it", () => {
    const path = pathOf("linked");
    writeFileSync(path, "");
    symlinkSync(path, pathOf("link"));
    const lock = lockDatabase(path);
    onTestFinished(() => lock.release());
    expect(() => lockDatabase(pathOf("link"))).toThrow(refusal(pathOf("link")));
  });

  test("is one for each database", () => {
    const locks = ["one", "two"].map((name) => lockDatabase(pathOf(name)));
    expect(readdirSync(folder)).toEqual(expect.arrayContaining(["one.db.lock", "two.db.lock"]));
    for (const lock of locks) lock.release();
  });

  test("is a file for its owner only, and no other beside it", () => {
    const lock = lockDatabase(pathOf("mode"));
    onTestFinished(() => lock.release());
    expect(statSync(`${pathOf("mode")}.lock`).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder).filter((name) => name.startsWith("mode"))).toEqual(["mode.db.lock"]);
  });

  test("names the folder's trouble, not another server, where the file cannot be made", () => {
    const path = join(folder, "missing", "cylestio.db");
    expect(() => lockDatabase(path)).toThrow(/directory does not exist/);
  });
});

describe("a store", () => {
  test("is refused on a database that is open, and opens when the first is closed", async () => {
    const databasePath = pathOf("store");
    const first = await createSqliteStore({ databasePath, durability: "normal" });
    await expect(createSqliteStore({ databasePath, durability: "normal" })).rejects.toThrow(refusal(databasePath));
    expect(await first.append([buildEvent()])).toMatchObject([{ status: "stored" }]);
    await first.close();
    const second = await createSqliteStore({ databasePath, durability: "normal" });
    await second.close();
  });

  test("that could not be opened leaves no lock", async () => {
    const databasePath = pathOf("newer");
    const store = await createSqliteStore({ databasePath, durability: "normal" });
    await store.close();
    const fail = () =>
      createSqliteStore({
        databasePath,
        durability: "normal",
        onMigrated: () => {
          throw new Error("not now");
        },
      });
    await expect(fail()).rejects.toThrow("not now");
    const again = await createSqliteStore({ databasePath, durability: "normal" });
    await again.close();
  });

  test("appends what it was given before it was closed", async () => {
    const databasePath = pathOf("closing");
    const store = await createSqliteStore({ databasePath, durability: "normal" });
    const appends = [1, 2, 3].map(() => store.append([buildEvent()]));
    await Promise.all([store.close(), store.close()]);
    expect((await Promise.all(appends)).flat()).toMatchObject(appends.map(() => ({ status: "stored" })));
    await expect(store.append([buildEvent()])).rejects.toMatchObject({ reason: "SHUTTING_DOWN" });
    await expect(store.ping()).rejects.toMatchObject({ reason: "SHUTTING_DOWN" });
  });
});
