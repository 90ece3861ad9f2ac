import type { Bench, Scenario } from "../bench.ts";
import { type DatabaseServer, residentKilobytes } from "../child-server.ts";
import type { EncodedBatch } from "../encode.ts";
import { encodeFor, measureIngest } from "../ingest.ts";
import { fullRatePath } from "./stream.ts";

interface MemoryRound {
  readonly startMegabytes: number;
  readonly busyMegabytes: number;
  readonly highestMegabytes: number;
}

/** Resident memory of the server at its maximum rate; nothing where the system does not tell it. */
export const memoryScenario: Scenario = {
  name: "memory",
  async run(bench) {
    const batches = encodeFor(bench, fullRatePath);
    const rounds = await bench.inRounds("memory", () =>
      bench.withServer((server) => measureRound(bench, server, batches)),
    );
    const known = rounds.filter((round) => round !== null);
    if (known.length === 0) return [];
    return [
      {
        name: "memory at the maximum rate, highest",
        of: "after the start",
        ratios: known.map(({ highestMegabytes, startMegabytes }) => highestMegabytes / startMegabytes),
        values: [
          { name: "MB", rounds: known.map(({ highestMegabytes }) => highestMegabytes) },
          { name: "at the end", rounds: known.map(({ busyMegabytes }) => busyMegabytes) },
          { name: "after the start", rounds: known.map(({ startMegabytes }) => startMegabytes) },
        ],
      },
    ];
  },
};

async function measureRound(
  bench: Bench,
  server: DatabaseServer,
  batches: readonly EncodedBatch[],
): Promise<MemoryRound | null> {
  const start = residentKilobytes(server.pid);
  await measureIngest(bench, server, fullRatePath, batches);
  const end = residentKilobytes(server.pid);
  if (start === null || end === null) return null;
  return { startMegabytes: start.now / 1024, busyMegabytes: end.now / 1024, highestMegabytes: end.highest / 1024 };
}
