import { supplyOf } from "../batches.ts";
import { type Bench, closeLanes, openLanes, type Scenario } from "../bench.ts";
import { startBareRoute } from "../child-server.ts";
import { type EncodedBatch, encodeRestEvent } from "../encode.ts";
import { encodeFor, type IngestPath, measureIngest, measureShareOfFloor } from "../ingest.ts";
import { rateOf, runLoad } from "../load.ts";
import type { Measurement } from "../report.ts";
import { openRestEventLane } from "../rest-lane.ts";

const path = (laneCount: number): IngestPath => ({
  name: `REST single events, ${laneCount === 1 ? "1 connection" : `${laneCount} connections`}`,
  encode: encodeRestEvent,
  batchSize: 1,
  openLane: openRestEventLane,
  laneCount,
  inFlight: 1,
});

/** One event per request, as the Python SDK sends them. */
export const restSingleScenario: Scenario = {
  name: "rest-single",
  run: async (bench) => [
    await measureShareOfFloor(bench, path(1)),
    await measureShareOfFloor(bench, path(8)),
    await measureShareOfFloor(bench, path(64)),
    await measureShareOfBareRoute(bench, path(64)),
  ],
};

async function measureShareOfBareRoute(bench: Bench, path: IngestPath): Promise<Measurement> {
  const batches = encodeFor(bench, path);
  const rounds = await bench.inRounds(`${path.name} and a bare route`, async () => {
    const { eventsPerSecond } = await bench.withServer((server) => measureIngest(bench, server, path, batches));
    return { eventsPerSecond, bare: await measureBareRoute(bench, path, batches) };
  });
  return {
    name: path.name,
    of: "bare Fastify route",
    ratios: rounds.map(({ eventsPerSecond, bare }) => eventsPerSecond / bare),
    goal: { atLeast: 0.6 },
    values: [
      { name: "events/s", rounds: rounds.map(({ eventsPerSecond }) => eventsPerSecond) },
      { name: "bare route", rounds: rounds.map(({ bare }) => bare) },
    ],
  };
}

async function measureBareRoute(
  { options }: Bench,
  { openLane, laneCount, inFlight }: IngestPath,
  batches: readonly EncodedBatch[],
): Promise<number> {
  const server = await startBareRoute();
  try {
    const supply = supplyOf(batches);
    const lanes = await openLanes(openLane, server.url, laneCount);
    await runLoad({ lanes, inFlight, supply, maxEvents: options.warmUpEvents });
    const result = await runLoad({ lanes, inFlight, supply, maxSeconds: options.seconds });
    await closeLanes(lanes);
    await server.stop();
    return rateOf(result);
  } finally {
    await server.kill();
  }
}
