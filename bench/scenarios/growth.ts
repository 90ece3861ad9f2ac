import { supplyOnDemand } from "../batches.ts";
import { type Bench, closeLanes, openLanes, type Scenario } from "../bench.ts";
import { type DatabaseServer, startServer } from "../child-server.ts";
import { measureDatabase } from "../database.ts";
import { meanJsonBytes } from "../events.ts";
import { encodeFor, measureIngest } from "../ingest.ts";
import { runLoad } from "../load.ts";
import type { Measurement } from "../report.ts";
import { fullRatePath } from "./stream.ts";

/**
 * What many stored events cost: how much slower further ones are stored, and the disk. Rounds on the full and on an empty
 * database alternate, with the same events.
 */
export const growthScenario: Scenario = {
  name: "growth",
  async run(bench) {
    const { storedEvents, durability } = bench.options;
    const folder = await bench.newFolder();
    const full = await startServer({ folder, durability });
    try {
      bench.progress(`storing ${storedEvents} events`);
      const fillCount = await fill(full, storedEvents);
      const { measurement, eventCount } = await measureRates(bench, full, fillCount);
      await full.stop();
      return [measurement, measureDisk(full.databasePath, fillCount + eventCount)];
    } finally {
      await full.kill();
    }
  },
};

async function fill(server: DatabaseServer, eventCount: number): Promise<number> {
  const { encode, batchSize, openLane, laneCount, inFlight } = fullRatePath;
  const lanes = await openLanes(openLane, server.url, laneCount);
  const supply = supplyOnDemand({ encode, batchSize, from: 0, eventCount });
  const result = await runLoad({ lanes, inFlight, supply });
  await closeLanes(lanes);
  return result.eventCount;
}

async function measureRates(
  bench: Bench,
  full: DatabaseServer,
  storedCount: number,
): Promise<{ readonly measurement: Measurement; readonly eventCount: number }> {
  let next = storedCount;
  const rounds = await bench.inRounds(`${fullRatePath.name}, ${storedCount} events stored`, async () => {
    const batches = encodeFor(bench, fullRatePath, { from: next });
    const onEmpty = await bench.withServer((server) => measureIngest(bench, server, fullRatePath, batches));
    const onFull = await measureIngest(bench, full, fullRatePath, batches);
    next += onFull.acknowledgedCount;
    return { onFull: onFull.eventsPerSecond, onEmpty: onEmpty.eventsPerSecond };
  });
  const measurement: Measurement = {
    name: `rate with ${storedCount.toLocaleString("en")} events stored`,
    of: "rate with none",
    ratios: rounds.map(({ onFull, onEmpty }) => onFull / onEmpty),
    goal: { atLeast: 0.8 },
    values: [
      { name: "events/s", rounds: rounds.map(({ onFull }) => onFull) },
      { name: "with none", rounds: rounds.map(({ onEmpty }) => onEmpty) },
    ],
  };
  return { measurement, eventCount: next - storedCount };
}

function measureDisk(databasePath: string, acknowledgedCount: number): Measurement {
  const { eventCount, bytes } = measureDatabase(databasePath);
  if (eventCount !== acknowledgedCount) {
    throw new Error(`${acknowledgedCount} events were acknowledged, and ${eventCount} are stored`);
  }
  const bytesPerEvent = bytes / eventCount;
  return {
    name: "bytes on disk per event",
    of: "its JSON",
    ratios: [bytesPerEvent / meanJsonBytes()],
    goal: { atMost: 1.5 },
    values: [
      { name: "bytes", rounds: [bytesPerEvent] },
      { name: "JSON", rounds: [meanJsonBytes()] },
    ],
  };
}
