import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { type Receipt, ReceiptSchema } from "../../gen/cylestio/v1/receipt_pb.ts";
import type { TelemetryService } from "../../gen/cylestio/v1/telemetry_service_pb.ts";
import { parseFreeFormJson } from "../ingest/cylestio/free-form-json.ts";
import { batchFromJson } from "../ingest/cylestio/json-batch.ts";
import { eventFieldsFromJson } from "../ingest/cylestio/json-event.ts";
import type { Intake, IntakeOutcome } from "../ingest/intake.ts";
import { fieldError, TelemetryError } from "../model/error.ts";
import { connectErrorFrom } from "./connect-error.ts";
import { eventFieldsFromProto } from "./convert/event-input.ts";
import { receiptToProto } from "./convert/receipt.ts";
import { freeFormBodyKey } from "./free-form-body.ts";
import { untilAborted } from "./until-aborted.ts";

export interface TelemetryServiceOptions {
  readonly intake: Intake;
  /** Aborted when the server begins to shut down: streams end after the batch that is being stored. */
  readonly stopping: AbortSignal;
}

/** `TelemetryService` over the intake. Over REST the events are in the free-form body. */
export function createTelemetryService({
  intake,
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
          ? await intake.take(event === undefined ? [] : [event], eventFieldsFromProto)
          : await intake.take([body.value], eventFieldsFromJson);
      return singleOutcome(outcome);
    },
    async sendEvents({ events }, context) {
      const body = freeFormBody(context);
      if (body === undefined) return { receipt: receiptToProto(await intake.take(events, eventFieldsFromProto)) };
      const batch = batchFromJson(body.value);
      if (batch.length === 0) throw new TelemetryError("BATCH_EMPTY", "No events provided");
      return { receipt: successful(receiptToProto(await intake.take(batch, eventFieldsFromJson))) };
    },
    async *streamEvents(requests, { signal }) {
      // Connect aborts this signal when the deadline passes, and leaves it to the handler to end a stream that goes on.
      const inTime = untilAborted(requests, signal, ({ reason }) => reason);
      for await (const { batchNumber, events } of untilAborted(inTime, stopping)) {
        yield { batchNumber, receipt: receiptToProto(await intake.take(events, eventFieldsFromProto)) };
      }
    },
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
