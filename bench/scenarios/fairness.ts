import { supplyOf } from "../batches.ts";
import { type Bench, closeLanes, openLanes, type Scenario } from "../bench.ts";
import type { DatabaseServer } from "../child-server.ts";
import type { EncodedBatch } from "../encode.ts";
import { encodeFor } from "../ingest.ts";
import { type LoadResult, rateOf, runLoad } from "../load.ts";
import { readAllPages, samplePages } from "../page-reader.ts";
import type { Measurement } from "../report.ts";
import { quantile } from "../statistics.ts";
import { fullRatePath } from "./stream.ts";

/** Pages that the idle server is asked for. */
const idlePages = 200;

interface FairnessRound {
  readonly idleMs: readonly number[];
  readonly busyMs: readonly number[];
  readonly ingestAlone: number;
  readonly ingestBesideReader: number;
  readonly pagesPerSecond: number;
}

/** What ingest at full rate does to reads, and a greedy reader to ingest. */
export const fairnessScenario: Scenario = {
  name: "fairness",
  async run(bench) {
    // Pages are sampled for twice as long, so that there are enough for a p99.
    const batches = encodeFor(bench, fullRatePath, { seconds: 4 * bench.options.seconds });
    const rounds = await bench.inRounds("reads beside ingest", () =>
      bench.withServer((server) => measureRound(bench, server, batches)),
    );
    return [pageMeasurement(rounds, 0.5), pageMeasurement(rounds, 0.99), ingestMeasurement(rounds)];
  },
};

async function measureRound(
  { options: { seconds, warmUpEvents } }: Bench,
  server: DatabaseServer,
  batches: readonly EncodedBatch[],
): Promise<FairnessRound> {
  const supply = supplyOf(batches);
  const { openLane, laneCount, inFlight } = fullRatePath;
  const lanes = await openLanes(openLane, server.url, laneCount);
  await runLoad({ lanes, inFlight, supply, maxEvents: warmUpEvents });
  const idleMs = await samplePages(server.url, (count) => count < idlePages);
  const [, busyMs] = await during(
    () => runLoad({ lanes, inFlight, supply, maxSeconds: 2 * seconds }),
    (goesOn) => samplePages(server.url, goesOn),
  );
  const alone = await runLoad({ lanes, inFlight, supply, maxSeconds: seconds });
  const [beside, pages] = await during(
    () => runLoad({ lanes, inFlight, supply, maxSeconds: seconds }),
    (goesOn) => readAllPages(server.url, goesOn),
  );
  await closeLanes(lanes);
  return {
    idleMs,
    busyMs,
    ingestAlone: rateOf(alone),
    ingestBesideReader: rateOf(beside),
    pagesPerSecond: pages / beside.seconds,
  };
}

/** Reads for as long as the load lasts. */
async function during<Result>(
  load: () => Promise<LoadResult>,
  read: (goesOn: () => boolean) => Promise<Result>,
): Promise<readonly [LoadResult, Result]> {
  let goesOn = true;
  const loading = load().finally(() => {
    goesOn = false;
  });
  return await Promise.all([loading, read(() => goesOn)]);
}

function pageMeasurement(rounds: readonly FairnessRound[], share: number): Measurement {
  const percentile = `p${share * 100}`;
  const busy = rounds.map(({ busyMs }) => quantile(busyMs, share));
  const idle = rounds.map(({ idleMs }) => quantile(idleMs, share));
  return {
    name: `page of 50 events during ingest, ${percentile}`,
    of: `idle ${percentile}`,
    ratios: rounds.map((_, round) => (busy[round] ?? Number.NaN) / (idle[round] ?? Number.NaN)),
    ...(share === 0.99 && { goal: { atMost: 5 } }),
    values: [
      { name: "ms", rounds: busy },
      { name: "idle ms", rounds: idle },
      { name: "pages", rounds: rounds.map(({ busyMs }) => busyMs.length) },
    ],
  };
}

function ingestMeasurement(rounds: readonly FairnessRound[]): Measurement {
  return {
    name: "ingest beside a reader of all pages",
    of: "ingest alone",
    ratios: rounds.map(({ ingestAlone, ingestBesideReader }) => ingestBesideReader / ingestAlone),
    goal: { atLeast: 0.7 },
    values: [
      { name: "events/s", rounds: rounds.map(({ ingestBesideReader }) => ingestBesideReader) },
      { name: "alone", rounds: rounds.map(({ ingestAlone }) => ingestAlone) },
      { name: "pages/s", rounds: rounds.map(({ pagesPerSecond }) => pagesPerSecond) },
    ],
  };
}
