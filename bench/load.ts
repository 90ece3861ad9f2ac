import type { BatchSupply } from "./batches.ts";
import type { EncodedBatch } from "./encode.ts";

/** A way into a server: a connection, or a stream on one. */
export interface Lane {
  /**
   * Sends a batch. Resolves when it is acknowledged; rejects unless every event of it was accepted: a duplicate or a rejection
   * would make the run a measurement of something else.
   */
  send(batch: EncodedBatch): Promise<void>;
  /** Ends it in good order. */
  close(): Promise<void>;
}

/** What to send, where, and when to stop. */
export interface Load {
  readonly lanes: readonly Lane[];
  /** Batches that each lane has under way at most. */
  readonly inFlight: number;
  readonly supply: BatchSupply;
  /** Nothing is sent any more after that time; what is under way is waited for. */
  readonly maxSeconds?: number;
  /** Nothing is sent any more once so many events are. */
  readonly maxEvents?: number;
}

/** What came of it. */
export interface LoadResult {
  /** Events that were acknowledged, which are all that were sent. */
  readonly eventCount: number;
  /** From the first byte to the last acknowledgement. */
  readonly seconds: number;
}

/** Sends as fast as the server takes it (a closed loop): a lane sends the next batch when one of its own is acknowledged. */
export async function runLoad(load: Load): Promise<LoadResult> {
  const { lanes, inFlight, supply, maxSeconds = Infinity, maxEvents = Infinity } = load;
  const startedAt = performance.now();
  const deadline = startedAt + maxSeconds * 1000;
  let sent = 0;
  const work = async (lane: Lane): Promise<void> => {
    while (sent < maxEvents && performance.now() < deadline) {
      const batch = supply.next();
      if (batch === undefined) return;
      sent += batch.eventCount;
      await lane.send(batch);
    }
  };
  await Promise.all(lanes.flatMap((lane) => Array.from({ length: inFlight }, () => work(lane))));
  return { eventCount: sent, seconds: (performance.now() - startedAt) / 1000 };
}

/** Events per second. */
export function rateOf({ eventCount, seconds }: LoadResult): number {
  if (eventCount === 0) throw new Error("nothing was sent: the batches ran out before the measurement");
  return eventCount / seconds;
}
