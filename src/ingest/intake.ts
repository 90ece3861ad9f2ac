import { type FieldViolation, TelemetryError } from "../model/error.ts";
import type { Limits } from "../model/limits.ts";
import type { AppendOutcome, TelemetryStore } from "../store/store.ts";
import { type EventResult, normaliseBatch } from "./batch.ts";
import type { EventFieldsResult } from "./cylestio/event-fields.ts";

/** Takes events in: checks each, stores those that are acceptable, and says what became of every one. */
export interface Intake {
  /**
   * Stores one request's events. Resolves after the commit. Rejects with `BATCH_TOO_LARGE`, and as `TelemetryStore.append` does;
   * then nothing of the request was stored.
   */
  take<Raw>(raws: readonly Raw[], readFields: (raw: Raw) => EventFieldsResult): Promise<readonly IntakeOutcome[]>;
}

/** What became of one event. Its id is the server's. */
export type IntakeOutcome =
  | { readonly status: "accepted" | "duplicate"; readonly eventId: string }
  | { readonly status: "rejected"; readonly violation: FieldViolation };

export interface IntakeOptions {
  readonly store: Pick<TelemetryStore, "append">;
  readonly limits: Limits;
  /** The server's clock: microseconds since 1970 UTC. */
  readonly nowMicros: () => number;
}

/** Puts normalisation and the store together. */
export function createIntake({ store, limits, nowMicros }: IntakeOptions): Intake {
  return {
    async take(raws, readFields) {
      if (raws.length > limits.batchMaxEvents) {
        throw new TelemetryError("BATCH_TOO_LARGE", `a batch holds at most ${limits.batchMaxEvents} events`, {
          metadata: { batch_max_events: String(limits.batchMaxEvents) },
        });
      }
      const results = normaliseBatch(raws, { readFields, limits, nowMicros: nowMicros() });
      const appended = await store.append(results.flatMap((result) => (result.ok ? [result.event] : [])));
      let next = 0;
      return results.map((result) => outcomeOf(result, result.ok ? appended[next++] : undefined));
    },
  };
}

function outcomeOf(result: EventResult, appended: AppendOutcome | undefined): IntakeOutcome {
  if (!result.ok) return { status: "rejected", violation: result.violation };
  switch (appended?.status) {
    case "stored":
      return { status: "accepted", eventId: result.event.id };
    case "duplicate":
      return { status: "duplicate", eventId: result.event.id };
    case "conflict":
      return { status: "rejected", violation: conflict };
    case undefined:
      throw new Error("the store said nothing about an event");
  }
}

const conflict: FieldViolation = {
  field: "event_id",
  reason: "EVENT_ID_CONFLICT",
  message: "another event of this agent and millisecond has this id and other content",
};
