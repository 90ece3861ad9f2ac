import { once } from "node:events";
import { fromBinary } from "@bufbuild/protobuf";
import type { Receipt } from "../gen/cylestio/v1/receipt_pb.ts";
import { SendEventsResponseSchema, StreamEventsResponseSchema } from "../gen/cylestio/v1/telemetry_service_pb.ts";
import type { EncodedBatch } from "./encode.ts";
import { connectHttp2, startCall } from "./grpc-call.ts";
import type { Lane } from "./load.ts";

interface Waiting {
  readonly batch: EncodedBatch;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** A connection with one `StreamEvents` on it. Answers come in the order of the batches. */
export async function openStreamLane(url: string): Promise<Lane> {
  const session = await connectHttp2(url);
  const waiting: Waiting[] = [];
  const call = startCall(session, "cylestio.v1.TelemetryService/StreamEvents", (message) => {
    const { batchNumber, receipt } = fromBinary(StreamEventsResponseSchema, message);
    const [first] = waiting;
    if (Number(batchNumber) !== first?.batch.number) throw new Error(`an answer to ${batchNumber} out of turn`);
    assertAllAccepted(receipt, first.batch);
    waiting.shift();
    first.resolve();
  });
  let failure: unknown;
  call.finished.catch((error: unknown) => {
    failure = error;
    for (const { reject } of waiting.splice(0)) reject(error);
  });
  return {
    send: (batch) =>
      new Promise((resolve, reject) => {
        if (failure !== undefined) {
          reject(failure);
          return;
        }
        waiting.push({ batch, resolve, reject });
        call.write(batch.bytes);
      }),
    async close() {
      call.end();
      await call.finished;
      session.close();
      await once(session, "close");
    },
  };
}

/** A connection with one `SendEvents` per batch. */
export function openUnaryLane(url: string): Promise<Lane> {
  return openCallLane(url, "cylestio.v1.TelemetryService/SendEvents", (message, batch) => {
    assertAllAccepted(fromBinary(SendEventsResponseSchema, message).receipt, batch);
  });
}

/** A connection with one call of a method per batch. `check` throws if the answer does not say that all of it was taken. */
export async function openCallLane(
  url: string,
  method: `${string}/${string}`,
  check: (message: Buffer, batch: EncodedBatch) => void,
): Promise<Lane> {
  const session = await connectHttp2(url);
  return {
    async send(batch) {
      let answered = false;
      const call = startCall(session, method, (message) => {
        check(message, batch);
        answered = true;
      });
      call.write(batch.bytes);
      call.end();
      await call.finished;
      if (!answered) throw new Error("a call ended without an answer");
    },
    async close() {
      session.close();
      await once(session, "close");
    },
  };
}

function assertAllAccepted(receipt: Receipt | undefined, { eventCount }: EncodedBatch): void {
  const { acceptedCount = 0, duplicateCount = 0, rejectedCount = 0, rejections = [] } = receipt ?? {};
  if (acceptedCount === eventCount && duplicateCount === 0 && rejectedCount === 0) return;
  throw new Error(
    `of ${eventCount} events ${acceptedCount} were accepted, ${duplicateCount} duplicates, ${rejectedCount} rejected: ${rejections[0]?.message}`,
  );
}
