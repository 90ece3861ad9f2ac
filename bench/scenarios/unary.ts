import type { Scenario } from "../bench.ts";
import { encodeUnaryRequest } from "../encode.ts";
import { openUnaryLane } from "../grpc-lane.ts";
import { type IngestPath, measureShareOfFloor } from "../ingest.ts";

const path: IngestPath = {
  name: "gRPC unary, batches of 500, 4 at a time",
  encode: encodeUnaryRequest,
  batchSize: 500,
  openLane: openUnaryLane,
  laneCount: 1,
  inFlight: 4,
};

/** One gRPC call per batch. */
export const unaryScenario: Scenario = {
  name: "unary",
  run: async (bench) => [await measureShareOfFloor(bench, path)],
};
