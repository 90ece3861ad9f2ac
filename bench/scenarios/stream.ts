import type { Scenario } from "../bench.ts";
import { type AttributesAs, encodeStreamRequest } from "../encode.ts";
import { openStreamLane } from "../grpc-lane.ts";
import { type IngestPath, measureShareOfFloor } from "../ingest.ts";

/** The clients of a team box. */
const manyClients = 8;

/** A gRPC stream of batches of 500, by clients that wait for an answer when four are outstanding. */
export function streamPath(attributesAs: AttributesAs, laneCount: number): IngestPath {
  return {
    name: `gRPC stream, ${attributesAs}, ${laneCount === 1 ? "1 client" : `${laneCount} clients`}`,
    encode: encodeStreamRequest(attributesAs),
    batchSize: 500,
    openLane: openStreamLane,
    laneCount,
    inFlight: 4,
  };
}

/** The path at which the server takes most. */
export const fullRatePath: IngestPath = streamPath("attributes_json", manyClients);

/** gRPC streams, by how the attributes are sent and how many clients there are. */
export const streamScenario: Scenario = {
  name: "stream",
  run: async (bench) => [
    await measureShareOfFloor(bench, streamPath("attributes_json", 1), { atLeast: 0.6 }),
    await measureShareOfFloor(bench, fullRatePath, { atLeast: 0.6 }),
    await measureShareOfFloor(bench, streamPath("Struct", 1), { atLeast: 0.4 }),
    await measureShareOfFloor(bench, streamPath("Struct", manyClients), { atLeast: 0.4 }),
  ],
};
