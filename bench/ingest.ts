import { encodeAll, supplyOf } from "./batches.ts";
import { type Bench, closeLanes, openLanes } from "./bench.ts";
import type { DatabaseServer } from "./child-server.ts";
import { commitCounter } from "./database.ts";
import type { Encode, EncodedBatch } from "./encode.ts";
import type { FloorRows } from "./floor.ts";
import { type Lane, rateOf, runLoad } from "./load.ts";
import type { Goal, Measurement } from "./report.ts";

/** A way to send events that is measured. */
export interface IngestPath {
  readonly name: string;
  readonly encode: Encode;
  readonly batchSize: number;
  readonly openLane: (url: string) => Promise<Lane>;
  readonly laneCount: number;
  /** Batches that each lane has under way at most. */
  readonly inFlight: number;
  /** What the rows of the floor are made of; by default Cylestio's events. */
  readonly rows?: FloorRows;
}

/** One measurement of it. */
export interface IngestRound {
  readonly eventsPerSecond: number;
  readonly eventsPerCommit: number;
  /** Events that the server took, with those of the warm-up. */
  readonly acknowledgedCount: number;
}

/** Events per second for which there is a supply; a faster server is measured for less time. */
const eventsPerSecondMax = 50_000;

/** Lanes that a server is warmed up through at least: a path of few would take its time. */
const warmUpLanes = 64;

/** Makes the batches of one measurement of `seconds`, with those of the warm-up. */
export function encodeFor(
  { options }: Bench,
  path: Pick<IngestPath, "encode" | "batchSize">,
  { seconds = options.seconds, from = 0 }: { readonly seconds?: number; readonly from?: number } = {},
): readonly EncodedBatch[] {
  const eventCount = options.warmUpEvents + Math.ceil(seconds * eventsPerSecondMax);
  return encodeAll({ encode: path.encode, batchSize: path.batchSize, from, eventCount });
}

/** Sends batches to a server that has none of them yet, and takes the time after it has warmed up. */
export async function measureIngest(
  { options }: Bench,
  server: DatabaseServer,
  path: IngestPath,
  batches: readonly EncodedBatch[],
): Promise<IngestRound> {
  const supply = supplyOf(batches);
  const { inFlight, laneCount, openLane } = path;
  const { warmUpEvents: maxEvents, seconds: maxSeconds } = options;
  const extraCount = path.batchSize === 1 ? warmUpLanes - laneCount : 0;
  const lanes = await openLanes(openLane, server.url, laneCount);
  const extraLanes = await openLanes(openLane, server.url, extraCount);
  const warmUp = await runLoad({ lanes: [...lanes, ...extraLanes], inFlight, supply, maxEvents });
  await closeLanes(extraLanes);
  const commitsBefore = commitCounter(server.databasePath);
  const result = await runLoad({ lanes, inFlight, supply, maxSeconds });
  const commitCount = commitCounter(server.databasePath) - commitsBefore;
  await closeLanes(lanes);
  return {
    eventsPerSecond: rateOf(result),
    eventsPerCommit: result.eventCount / commitCount,
    acknowledgedCount: warmUp.eventCount + result.eventCount,
  };
}

/** The rate of a path on a new database as a share of the floor, which is measured after it in each round. */
export async function measureShareOfFloor(bench: Bench, path: IngestPath, goal?: Goal): Promise<Measurement> {
  const batches = encodeFor(bench, path);
  const rounds = await bench.inRounds(path.name, async () => {
    const ingest = await bench.withServer((server) => measureIngest(bench, server, path, batches));
    const floor = await bench.measureFloor(floorCommitSize(bench, ingest), path.rows);
    return { ...ingest, floor: floor.eventsPerSecond };
  });
  return {
    name: path.name,
    of: "floor",
    ratios: rounds.map(({ eventsPerSecond, floor }) => eventsPerSecond / floor),
    ...(goal !== undefined && { goal }),
    values: [
      { name: "events/s", rounds: rounds.map(({ eventsPerSecond }) => eventsPerSecond) },
      { name: "floor", rounds: rounds.map(({ floor }) => floor) },
      { name: "events/commit", rounds: rounds.map(({ eventsPerCommit }) => eventsPerCommit) },
    ],
  };
}

/** Rows in a commit of the floor that such a measurement is compared with. */
export function floorCommitSize({ options }: Bench, { eventsPerCommit }: IngestRound): number {
  return options.commitSize ?? Math.max(1, Math.round(eventsPerCommit));
}
