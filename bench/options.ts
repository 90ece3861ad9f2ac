import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import type { Durability } from "../src/store/sqlite/database-file.ts";

/** How much to measure, and how. */
export interface BenchOptions {
  /** Name of the file in `bench/results`. */
  readonly name: string;
  /** Scenarios to run; null runs all. */
  readonly only: readonly string[] | null;
  /** Measurements of each kind; the median counts. */
  readonly rounds: number;
  /** How long one measurement takes, at most. */
  readonly seconds: number;
  /** Events that a server takes before the clock runs. */
  readonly warmUpEvents: number;
  /** Events that are stored already where growth is measured. */
  readonly storedEvents: number;
  /** Events in the databases that questions are asked of: the fewest first. */
  readonly queriedEvents: readonly number[];
  /** Agents in these databases: each number with each number of events. */
  readonly queriedAgents: readonly number[];
  /** How often a question is asked of each of them; less often where an answer takes long. */
  readonly askedTimes: number;
  /** Rows in a commit of the floor; null takes what the server reached in the same round. */
  readonly commitSize: number | null;
  readonly durability: Durability;
  /** Where the databases are: on the disk that matters. */
  readonly folder: string;
}

/** The options of the command line, as they are listed for who asks. */
export const usage = `npm run bench -- [options]

  --quick             small sizes and one round, to see that it works; its numbers say little
  --only a,b          only these scenarios: {scenarios}
  --rounds n          measurements of each kind (default 3)
  --seconds n         length of one measurement (default 3)
  --stored n          events that are stored already where growth is measured (default 2000000)
  --events a,b,c      events in the databases that questions are asked of (default 10000,100000,2000000)
  --agents a,b        agents in each of these (default 3,300)
  --commit-size n     rows in a commit of the floor (default: what the server reached in the same round)
  --durability d      full or normal (default full)
  --folder path       where the databases are put (default: the system's folder for temporary files)
  --name name         the file bench/results/<name>.json (default full, or quick)`;

/** Reads the command line; null if it asks for help. Throws an error that names what is wrong. */
export function parseOptions(args: readonly string[]): BenchOptions | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
      only: { type: "string" },
      rounds: { type: "string" },
      seconds: { type: "string" },
      stored: { type: "string" },
      events: { type: "string" },
      agents: { type: "string" },
      "commit-size": { type: "string" },
      durability: { type: "string", default: "full" },
      folder: { type: "string", default: tmpdir() },
      name: { type: "string" },
    },
  });
  if (values.help) return null;
  const { quick, durability } = values;
  if (durability !== "full" && durability !== "normal") throw new Error("--durability is full or normal");
  return {
    name: values.name ?? (quick ? "quick" : "full"),
    only: values.only?.split(",") ?? null,
    rounds: parseCount("rounds", values.rounds) ?? (quick ? 1 : 3),
    seconds: parsePositive("seconds", values.seconds) ?? (quick ? 0.3 : 3),
    warmUpEvents: quick ? 1_000 : 10_000,
    storedEvents: parseCount("stored", values.stored) ?? (quick ? 10_000 : 2_000_000),
    queriedEvents: parseCounts("events", values.events) ?? (quick ? [1_000, 10_000] : [10_000, 100_000, 2_000_000]),
    queriedAgents: parseCounts("agents", values.agents) ?? [3, 300],
    askedTimes: quick ? 10 : 100,
    commitSize: parseCount("commit-size", values["commit-size"]) ?? null,
    durability,
    folder: values.folder,
  };
}

function parseCount(name: string, text: string | undefined): number | undefined {
  const number = parsePositive(name, text);
  if (number !== undefined && !Number.isSafeInteger(number))
    throw new Error(`--${name} is a whole number, not ${text}`);
  return number;
}

function parseCounts(name: string, text: string | undefined): readonly number[] | undefined {
  const counts = text?.split(",").flatMap((part) => parseCount(name, part) ?? []);
  return counts?.sort((a, b) => a - b);
}

function parsePositive(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (!(number > 0 && number < Infinity)) throw new Error(`--${name} is a number above 0, not ${text}`);
  return number;
}
