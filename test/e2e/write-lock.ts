import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import process from "node:process";
import type { Site } from "./server-process.ts";

/** A program that holds the database's write lock until it is killed. */
const lockHolder = `
  const Database = require("better-sqlite3");
  const database = new Database(process.argv[1]);
  database.exec("begin immediate");
  console.log("locked");
  setInterval(() => undefined, 60_000);
`;

/** Keeps the server of a site from writing, from now on until the result is called. It waits at most five seconds. */
export async function holdWriteLock(site: Site): Promise<() => Promise<void>> {
  const child = spawn(process.execPath, ["-e", lockHolder, join(site.folder, "cylestio.db")], {
    cwd: new URL("../..", import.meta.url),
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const release = async () => {
    child.kill("SIGKILL");
    await exited;
  };
  site.onEnd(release);
  await once(child.stdout, "data");
  return release;
}
