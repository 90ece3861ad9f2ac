import type { EncodedBatch } from "./encode.ts";
import { type Http1Answer, Http1Connection } from "./http1-connection.ts";
import type { Lane } from "./load.ts";

/** A connection that posts arrays of events. */
export function openRestBatchLane(url: string): Promise<Lane> {
  return openLane(url, ({ body }, { eventCount }) => {
    const { accepted_count: accepted, duplicate_count: duplicate, rejected_count: rejected } = JSON.parse(String(body));
    return accepted === eventCount && duplicate === 0 && rejected === 0;
  });
}

/** A connection that posts single events. */
export function openRestEventLane(url: string): Promise<Lane> {
  return openLane(url, ({ body }) => body.includes('"duplicate":false'));
}

async function openLane(url: string, isAccepted: (answer: Http1Answer, batch: EncodedBatch) => boolean): Promise<Lane> {
  const connection = await Http1Connection.open(url);
  return {
    async send(batch) {
      const answer = await connection.request(batch.bytes);
      if (answer.status === 202 && isAccepted(answer, batch)) return;
      throw new Error(`not all of ${batch.eventCount} events were accepted: ${answer.status} ${answer.body}`);
    },
    close: () => connection.close(),
  };
}
