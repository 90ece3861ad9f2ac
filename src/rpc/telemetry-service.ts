import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { type Receipt, ReceiptSchema } from "../../gen/cylestio/v1/receipt_pb.ts";
import type { TelemetryService } from "../../gen/cylestio/v1/telemetry_service_pb.ts";
import { cylestioEvents } from "../ingest/batch.ts";
import { parseFreeFormJson } from "../ingest/cylestio/free-form-json.ts";
import { batchFromJson } from "../ingest/cylestio/json-batch.ts";
import { eventFieldsFromJson } from "../ingest/cylestio/json-event.ts";
import type { Intake, IntakeOutcome } from "../ingest/intake.ts";
import { fieldError, TelemetryError } from "../model/error.ts";
import { connectErrorFrom } from "./connect-error.ts";
import { eventFieldsFromProto } from "./convert/event-input.ts";
import { receiptToProto } from "./convert/receipt.ts";
import { freeFormBodyKey } from "./free-form-body.ts";
import { mapInOrder } from "./map-in-order.ts";

export interface TelemetryServiceOptions {
  readonly intake: Intake;
  /** Batches of one stream that are worked on at a time. */
  readonly streamWindowBatches: number;
  /** Aborted, with the error for clients, when the server begins to shut down: streams end after the batches in work. */
  readonly stopping: AbortSignal;
}

const protoEvents = cylestioEvents(eventFieldsFromProto);
const jsonEvents = cylestioEvents(eventFieldsFromJson);

/** `TelemetryService` over the intake. Over REST the events are in the free-form body. */
export function createTelemetryService({
  intake,
  streamWindowBatches,
  stopping,
}: TelemetryServiceOptions): ServiceImpl<typeof TelemetryService> {
  return {
    async sendEvent({ event }, context) {
      const body = freeFormBody(context);
      if (body === undefined && event === undefined) {
        throw fieldError({ field: "event", reason: "FIELD_REQUIRED", message: "is required" });
      }
      const [outcome] =
        body === undefined
          ? await intake.take(event === undefined ? [] : [event], protoEvents)
          : await intake.take([body.value], jsonEvents);
      return singleOutcome(outcome);
    },
    async sendEvents({ events }, context) {
      const body = freeFormBody(context);
      if (body === undefined) return { receipt: receiptToProto(await intake.take(events, protoEvents)) };
      const batch = batchFromJson(body.value);
      if (batch.length === 0) throw new TelemetryError("BATCH_EMPTY", "No events provided");
      return { receipt: successful(receiptToProto(await intake.take(batch, jsonEvents))) };
    },
    streamEvents: (requests, { signal }) =>
      mapInOrder(requests, {
        window: streamWindowBatches,
        // Connect aborts the call's own signal when the deadline passes, and leaves it to the handler to end a stream that goes on.
        stopping: AbortSignal.any([stopping, signal]),
        map: async ({ batchNumber, events }, onUnderWay) => ({
          batchNumber,
          receipt: receiptToProto(await intake.take(events, protoEvents, { onUnderWay })),
        }),
      }),
  };
}

/** The value of a free-form body; undefined on protocols that have none. */
function freeFormBody(context: HandlerContext): { readonly value: unknown } | undefined {
  const body = context.values.get(freeFormBodyKey);
  return body === undefined ? undefined : { value: parseFreeFormJson(body.text) };
}

function singleOutcome(outcome: IntakeOutcome | undefined): { eventId: string; duplicate: boolean } {
  if (outcome === undefined) throw new Error("the intake said nothing about the event");
  if (outcome.status === "rejected") throw fieldError(outcome.violation);
  return { eventId: outcome.eventId, duplicate: outcome.status === "duplicate" };
}

/** Over REST a status is all that many clients look at, so a batch of which nothing is stored is an error there. */
function successful(receipt: Receipt): Receipt {
  if (receipt.acceptedCount + receipt.duplicateCount > 0) return receipt;
  const error = connectErrorFrom(
    new TelemetryError("ALL_EVENTS_REJECTED", "No event of the batch was acceptable; see the receipt in the details"),
  );
  error.details.push({ desc: ReceiptSchema, value: receipt });
  throw error;
}
