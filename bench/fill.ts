import { fork } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { SpreadOptions } from "./spread.ts";

/** What the process that fills is asked to do. */
export interface FillRequest extends SpreadOptions {
  /** Of the database, which is new. */
  readonly path: string;
}

/**
 * Makes a database with the events of `createSpreadRun`, by the store's own writer but without the server's network, which would
 * take twice the time. In a process of its own, so that several databases are filled at a time.
 */
export async function fillDatabase(request: FillRequest): Promise<void> {
  const child = fork(fileURLToPath(new URL("./fill-process.ts", import.meta.url)));
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  try {
    child.send(request);
    const [code, signal] = await once(child, "exit");
    if (code !== 0) throw new Error(`the process that fills a database ended with ${code ?? signal}`);
  } finally {
    process.off("exit", kill);
  }
}
