import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { type DatabaseServer, startServer } from "./child-server.ts";
import { type Floor, type FloorResult, type FloorRows, startFloor } from "./floor.ts";
import type { Lane } from "./load.ts";
import type { BenchOptions } from "./options.ts";
import type { Measurement } from "./report.ts";

/** A group of measurements that can be run by name. */
export interface Scenario {
  readonly name: string;
  readonly run: (bench: Bench) => Promise<readonly Measurement[]>;
}

/** What every scenario works with. */
export interface Bench {
  readonly options: BenchOptions;
  /** Measures the floor, on a database of its own, for commits of that size. */
  measureFloor(commitSize: number, rows?: FloorRows): Promise<FloorResult>;
  /** Calls `measure` once per round and returns what the rounds gave. */
  inRounds<Result>(what: string, measure: () => Promise<Result>): Promise<readonly Result[]>;
  /** Lets a server run on a new database while `use` does, then removes both. */
  withServer<Result>(use: (server: DatabaseServer) => Promise<Result>): Promise<Result>;
  /** Tells whoever watches what goes on. */
  progress(text: string): void;
  /** A new folder beside the others; it is removed when the process ends. */
  newFolder(): Promise<string>;
  /** Ends the floor's process. The folders go with this one. */
  close(): void;
}

/** Rows that the floor inserts per second at most, for which there is a supply; a faster machine measures for less time. */
const floorEventsPerSecondMax = 40_000;

/** Prepares a run. `progress` is told what is being measured. */
export async function createBench(options: BenchOptions, progress: (text: string) => void): Promise<Bench> {
  const { rounds, seconds, warmUpEvents, durability } = options;
  const root = await mkdtemp(join(options.folder, "cylestio-bench-"));
  // Also where the run is cut off.
  process.once("exit", () => rmSync(root, { recursive: true, force: true }));
  const newFolder = () => mkdtemp(join(root, "database-"));
  let floor: Floor | undefined;
  return {
    options,
    progress,
    newFolder,
    async measureFloor(commitSize, rows = "events") {
      floor ??= startFloor();
      const folder = await newFolder();
      const maxEvents = Math.ceil(Math.max(warmUpEvents + seconds * floorEventsPerSecondMax, 4 * commitSize));
      const limits = { warmUpEvents, maxEvents, maxSeconds: seconds };
      const result = await floor.measure({ rows, commitSize, durability, folder, ...limits });
      await rm(folder, { recursive: true });
      return result;
    },
    async inRounds(what, measure) {
      const results = [];
      for (let round = 0; round < rounds; round += 1) {
        progress(`${what}, round ${round + 1} of ${rounds}`);
        results.push(await measure());
      }
      return results;
    },
    async withServer(use) {
      const folder = await newFolder();
      const server = await startServer({ folder, durability });
      try {
        const result = await use(server);
        await server.stop();
        return result;
      } finally {
        await server.kill();
        await rm(folder, { recursive: true });
      }
    },
    close: () => floor?.close(),
  };
}

/** Opens that many lanes. */
export function openLanes(open: (url: string) => Promise<Lane>, url: string, count: number): Promise<Lane[]> {
  return Promise.all(Array.from({ length: count }, () => open(url)));
}

/** Closes lanes. */
export async function closeLanes(lanes: readonly Lane[]): Promise<void> {
  await Promise.all(lanes.map((lane) => lane.close()));
}
