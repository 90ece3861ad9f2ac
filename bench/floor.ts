import { fork } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Durability } from "../src/store/sqlite/database-file.ts";

/** Events of the Cylestio SDK, or spans of OpenTelemetry. */
export type FloorRows = "events" | "spans";

/** What the floor's process is asked to measure. */
export interface FloorRequest {
  /** What the rows are made of. */
  readonly rows: FloorRows;
  /** Rows in one commit. */
  readonly commitSize: number;
  readonly durability: Durability;
  /** An empty folder for the database. */
  readonly folder: string;
  /** Rows to insert before the clock runs. */
  readonly warmUpEvents: number;
  /** Rows to insert at most, with the former. */
  readonly maxEvents: number;
  readonly maxSeconds: number;
}

/** What it found. */
export interface FloorResult {
  readonly eventsPerSecond: number;
  /** How long each commit took with its inserts, in milliseconds. */
  readonly commitMs: readonly number[];
}

/**
 * What the disk, SQLite and the schema allow at best: prepared inserts of the rows of `events` alone with all its indexes, in one
 * thread of a process of its own. Nothing is decoded, checked, looked up or derived, and all rows have the same agent and session.
 */
export interface Floor {
  measure(request: FloorRequest): Promise<FloorResult>;
  close(): void;
}

/** Starts the process. It makes its rows once and keeps them. */
export function startFloor(): Floor {
  const child = fork(fileURLToPath(new URL("./floor-process.ts", import.meta.url)));
  process.once("exit", () => child.kill("SIGKILL"));
  const failure = Promise.withResolvers<never>();
  child.once("exit", (code) => failure.reject(new Error(`the floor's process ended: ${code}`)));
  // At the end nobody waits for it any more.
  failure.promise.catch(() => undefined);
  return {
    async measure(request) {
      child.send(request);
      const [result] = await Promise.race([once(child, "message"), failure.promise]);
      return result;
    },
    close: () => child.disconnect(),
  };
}
