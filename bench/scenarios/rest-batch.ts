import type { Scenario } from "../bench.ts";
import { encodeRestBatch } from "../encode.ts";
import { type IngestPath, measureShareOfFloor } from "../ingest.ts";
import { openRestBatchLane } from "../rest-lane.ts";

const path = (batchSize: number): IngestPath => ({
  name: `REST batches of ${batchSize}, 4 connections`,
  encode: encodeRestBatch,
  batchSize,
  openLane: openRestBatchLane,
  laneCount: 4,
  inFlight: 1,
});

/** JSON arrays of events. */
export const restBatchScenario: Scenario = {
  name: "rest-batch",
  run: async (bench) => [
    await measureShareOfFloor(bench, path(100)),
    await measureShareOfFloor(bench, path(500), { atLeast: 0.4 }),
  ],
};
