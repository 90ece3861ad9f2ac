import { join } from "node:path";
import type { Database } from "better-sqlite3";
import { createPriceBook } from "../../src/pricing/price-table.ts";
import { createEventWriter } from "../../src/store/sqlite/event-writer.ts";
import type { RollupWriter } from "../../src/store/sqlite/rollup-writer.ts";
import type { Bench, Scenario } from "../bench.ts";
import { createDatabase } from "../database.ts";
import { createEventRun, type EventRun } from "../events.ts";
import { normaliseRange } from "../normalise.ts";
import type { Measurement } from "../report.ts";
import { median } from "../statistics.ts";

/** Events in a commit. */
const commitSize = 1_000;

/** Commits that a measurement has for each of its seconds, on each of the two databases, and those before the clock runs. */
const commitsPerSecond = 12;
const warmUpCommits = 10;

/** Ten minutes are filled with so many events, and with ten times as many: enough for each minute to have every kind of event. */
const stretchMicros = 600_000_000;
const stretchEvents = 20_000;
const growth = 10;

/** A writer that counts nothing. */
const noRollups: RollupWriter = {
  countEvent() {},
  uncountEvent() {},
  countAlert() {},
  uncountAlert() {},
  operationAdded() {},
  operationChanging() {},
  sessionChanged() {},
  flush() {},
  spread() {},
  forget() {},
};

/** What roll-ups cost: the time of commits with and without them, and how their tables grow with events of the same time. */
export const rollupsScenario: Scenario = {
  name: "rollups",
  run: async (bench) => [
    await measureCost(bench, { agentCount: 4, goal: { atLeast: 0.85 } }),
    await measureCost(bench, { agentCount: 300 }),
    ...(await measureTables(bench)),
  ],
};

/** The same commits by turns on a database with roll-ups and on one without, in one process, so that both meet the same machine. */
async function measureCost(
  bench: Bench,
  { agentCount, goal }: { readonly agentCount: number } & Pick<Measurement, "goal">,
): Promise<Measurement> {
  const rounds = await bench.inRounds(`roll-ups of ${agentCount} agents`, async () => {
    const folder = await bench.newFolder();
    const run = runOf(agentCount, 1_003);
    const counted = await createDatabase(join(folder, "with.db"), bench.options.durability);
    const bare = await createDatabase(join(folder, "without.db"), bench.options.durability);
    const writers = [
      { writer: createEventWriter(counted, createPriceBook([])), tookMs: [] as number[] },
      { writer: createEventWriter(bare, createPriceBook([]), noRollups), tookMs: [] as number[] },
    ] as const;
    const commits = warmUpCommits + Math.ceil(bench.options.seconds * commitsPerSecond);
    for (let commit = 0; commit < commits; commit += 1) {
      const events = normaliseRange(run, { from: commit * commitSize, eventCount: commitSize });
      // Each of the two goes first as often as the other.
      for (const { writer, tookMs } of commit % 2 === 0 ? writers : writers.toReversed()) {
        const startedAt = performance.now();
        writer.write(events);
        if (commit >= warmUpCommits) tookMs.push(performance.now() - startedAt);
      }
    }
    counted.close();
    bare.close();
    const [withRollups, without] = writers.map(({ tookMs }) => median(tookMs));
    return { withRollups: withRollups ?? Number.NaN, without: without ?? Number.NaN };
  });
  return {
    name: `rate of a writer with roll-ups, ${agentCount} agents`,
    of: "rate without",
    ratios: rounds.map(({ withRollups, without }) => without / withRollups),
    ...(goal !== undefined && { goal }),
    values: [
      { name: `ms per commit of ${commitSize}`, rounds: rounds.map(({ withRollups }) => withRollups) },
      { name: "without", rounds: rounds.map(({ without }) => without) },
    ],
  };
}

/** Rows and bytes of the roll-ups of ten minutes with ten times as many events in it. */
async function measureTables(bench: Bench): Promise<readonly Measurement[]> {
  bench.progress("tables of roll-ups");
  const few = await fillStretch(bench, stretchEvents);
  const many = await fillStretch(bench, stretchEvents * growth);
  return (["rows", "bytes"] as const).map((what) => ({
    name: `${what} of roll-ups with ${growth} times the events in the same time`,
    of: `${what} with ${stretchEvents.toLocaleString("en")}`,
    ratios: [many[what] / few[what]],
    goal: { atMost: goals[what] },
    values: [
      { name: what, rounds: [many[what]] },
      { name: `with ${stretchEvents.toLocaleString("en")}`, rounds: [few[what]] },
    ],
  }));
}

/** Rows must not grow; a histogram of more durations has more places, of which there is an end. */
const goals = { rows: 1.1, bytes: 1.5 } as const;

async function fillStretch(
  bench: Bench,
  eventCount: number,
): Promise<{ readonly rows: number; readonly bytes: number }> {
  const database = await createDatabase(join(await bench.newFolder(), "stretch.db"), "normal");
  try {
    const writer = createEventWriter(database, createPriceBook([]));
    const run = runOf(3, Math.floor(stretchMicros / eventCount));
    for (let from = 0; from < eventCount; from += commitSize) {
      writer.write(normaliseRange(run, { from, eventCount: commitSize }));
    }
    return sizeOfRollups(database);
  } finally {
    database.close();
  }
}

function runOf(agentCount: number, stepMicros: number): EventRun {
  return createEventRun({ agentCount, sessionsAtOnce: agentCount * 4, stepMicros, isVaried: true });
}

function sizeOfRollups(database: Database): { readonly rows: number; readonly bytes: number } {
  const tables = ["event_rollups", "call_rollups", "alert_rollups"];
  const rows = tables.map((table) => Number(database.prepare(`select count(*) from ${table}`).pluck().get()));
  const bytes = database
    .prepare("select sum(payload) from dbstat where name in (select value from json_each(?))")
    .pluck()
    .get(JSON.stringify(tables));
  return { rows: rows.reduce((sum, count) => sum + count, 0), bytes: Number(bytes) };
}
