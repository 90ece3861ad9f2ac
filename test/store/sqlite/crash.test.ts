import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { createSqliteStore } from "../../../src/store/sqlite/sqlite-store.ts";
import { readAllEvents } from "../open-store.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

const folder = createTemporaryFolder();
const rounds = 5;

/** Runs the loop that appends, kills it in the midst of its work, and gives the ids that it had printed. */
async function appendAndKill(databasePath: string, round: number): Promise<readonly string[]> {
  const linesBeforeKill = 1 + Math.floor(Math.random() * 60);
  const child = spawn(process.execPath, [join(import.meta.dirname, "append-loop.ts"), databasePath, String(round)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const ids: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    ids.push(line);
    if (ids.length === linesBeforeKill) child.kill("SIGKILL");
  }
  const [, signal] = await exited;
  expect(signal).toBe("SIGKILL");
  // The last line may be cut off.
  return ids.filter((id) => id.length === 32);
}

test("what was acknowledged is there after the process was killed, and nothing is there by halves", async () => {
  const databasePath = join(folder, "cylestio.db");
  const acknowledged: string[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    acknowledged.push(...(await appendAndKill(databasePath, round)));
    const store = await createSqliteStore({ databasePath, durability: "full" });
    const events = await readAllEvents(store);
    const agent = await store.findAgent("agent");
    await store.close();
    const stored = new Set(events.map(({ id }) => id));
    expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
    expect(agent?.eventCount).toBe(events.length);
    expect(agent?.sessionCount).toBe(new Set(events.map(({ sessionId }) => sessionId)).size);
    // Each call holds one start that is finished and one that is not.
    expect(events.length % 3).toBe(0);
    expect(events.filter(({ pairedDurationMs }) => pairedDurationMs !== null)).toHaveLength(events.length / 3);
  }
  expect(acknowledged.length).toBeGreaterThan(rounds);
  const database = new Database(databasePath, { readonly: true });
  expect(database.pragma("integrity_check", { simple: true })).toBe("ok");
  database.close();
});
