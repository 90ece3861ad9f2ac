import { setTimeout as sleep } from "node:timers/promises";
import { type BatchSupply, encodeAll, supplyOf } from "../batches.ts";
import { closeLanes, openLanes, type Scenario } from "../bench.ts";
import type { DatabaseServer } from "../child-server.ts";
import type { EncodedBatch } from "../encode.ts";
import { encodeFor, measureIngest } from "../ingest.ts";
import type { Lane } from "../load.ts";
import type { Measurement } from "../report.ts";
import { quantile } from "../statistics.ts";
import { fullRatePath } from "./stream.ts";

/** Events in each of the batches, which are as small as those of a client that sends several times a second. */
const batchSize = 20;

/** Share of the maximum rate at which the latency is taken. */
const loadShare = 0.1;

/** How many times as long as another measurement this one takes, so that there are enough answers for a p99. */
const patience = 3;

interface LatencyRound {
  readonly answerMs: readonly number[];
  readonly commitMs: readonly number[];
  readonly eventsPerSecond: number;
}

/** How long a client waits for the acknowledgement while the server has little to do. */
export const latencyScenario: Scenario = {
  name: "latency",
  async run(bench) {
    const { seconds } = bench.options;
    const batches = encodeFor(bench, fullRatePath);
    const from = batches.reduce((sum, { eventCount }) => sum + eventCount, 0);
    const smallBatches = encodeAll({
      encode: fullRatePath.encode,
      batchSize,
      from,
      eventCount: from * loadShare * patience,
    });
    const rounds = await bench.inRounds("latency", async () => {
      const measured = await bench.withServer(async (server) => {
        const { eventsPerSecond: maximum } = await measureIngest(bench, server, fullRatePath, batches);
        const load = { eventsPerSecond: maximum * loadShare, seconds: seconds * patience };
        return { ...load, answerMs: await measureAnswers(server, supplyOf(smallBatches), load) };
      });
      const { commitMs } = await bench.measureFloor(batchSize);
      return { ...measured, commitMs };
    });
    return [latencyMeasurement(rounds, 0.5), latencyMeasurement(rounds, 0.99)];
  },
};

/**
 * Sends a batch whenever its time has come, whether or not the one before was answered (an open loop), by turns on all lanes.
 * A latency counts from the moment of sending, for which nothing of the server's is waited.
 */
async function measureAnswers(
  server: DatabaseServer,
  supply: BatchSupply,
  { eventsPerSecond, seconds }: { readonly eventsPerSecond: number; readonly seconds: number },
): Promise<readonly number[]> {
  const lanes = await openLanes(fullRatePath.openLane, server.url, fullRatePath.laneCount);
  const batchCount = Math.ceil((eventsPerSecond * seconds) / batchSize);
  const startedAt = performance.now();
  const answers: Promise<number>[] = [];
  for (let number = 0; number < batchCount; number += 1) {
    const batch = supply.next();
    const lane = lanes[number % lanes.length];
    if (batch === undefined || lane === undefined) break;
    const dueAt = startedAt + (number * batchSize * 1000) / eventsPerSecond;
    const waitMs = dueAt - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    answers.push(measureAnswer(lane, batch));
  }
  const answerMs = await Promise.all(answers);
  await closeLanes(lanes);
  return answerMs;
}

async function measureAnswer(lane: Lane, batch: EncodedBatch): Promise<number> {
  const sentAt = performance.now();
  await lane.send(batch);
  return performance.now() - sentAt;
}

function latencyMeasurement(rounds: readonly LatencyRound[], share: number): Measurement {
  const percentile = `p${share * 100}`;
  const answer = rounds.map(({ answerMs }) => quantile(answerMs, share));
  const commit = rounds.map(({ commitMs }) => quantile(commitMs, share));
  return {
    name: `acknowledgement at a tenth of the maximum rate, ${percentile}`,
    of: `floor's commit of ${batchSize}, ${percentile}`,
    ratios: rounds.map((_, round) => (answer[round] ?? Number.NaN) / (commit[round] ?? Number.NaN)),
    values: [
      { name: "ms", rounds: answer },
      { name: "commit ms", rounds: commit },
      { name: "events/s", rounds: rounds.map(({ eventsPerSecond }) => eventsPerSecond) },
      { name: "answers", rounds: rounds.map(({ answerMs }) => answerMs.length) },
    ],
  };
}
