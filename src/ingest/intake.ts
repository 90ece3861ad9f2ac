import { type FieldViolation, TelemetryError } from "../model/error.ts";
import type { Event } from "../model/event.ts";
import type { Limits } from "../model/limits.ts";
import type { AppendOutcome, TelemetryStore } from "../store/store.ts";
import { type Admission, createAdmission, type Load } from "./admission.ts";
import type { CreateNormaliser, EventResult } from "./batch.ts";
import type { StoreHealth } from "./store-health.ts";
import { createTurns } from "./turns.ts";

/** Takes events in: checks each, stores those that are acceptable, and says what became of every one. */
export interface Intake {
  /**
   * Stores one request's events. Resolves after the commit. Rejects with `BATCH_TOO_LARGE`, with `OVERLOADED` where the server
   * holds too much already, and as `TelemetryStore.append` does; then nothing of the request was stored.
   */
  take<Raw>(
    raws: readonly Raw[],
    createNormaliser: CreateNormaliser<Raw>,
    options?: TakeOptions,
  ): Promise<readonly IntakeOutcome[]>;
  /** What became of all events since the start. */
  counters(): IntakeCounters;
}

export interface TakeOptions {
  /**
   * Told when the events have room and are on their way to the store. With it, `take` waits for room instead of rejecting with
   * `OVERLOADED`: for streams, which slow their clients down that way.
   */
  readonly onUnderWay?: () => void;
  /** Events at most, where it is not the setting for batches. */
  readonly maxEvents?: number;
}

/** Events that are normalised before others get their turn: some milliseconds of work. */
const eventsPerTurn = 128;

/** What became of one event. Its id is the server's. */
export type IntakeOutcome =
  | { readonly status: "accepted" | "duplicate"; readonly eventId: string }
  | { readonly status: "rejected"; readonly violation: FieldViolation };

/** Numbers of events. While nothing is under way, `received` is the sum of the others. */
export interface IntakeCounters {
  readonly received: number;
  readonly stored: number;
  readonly duplicate: number;
  /** Not acceptable, and never will be. */
  readonly rejected: number;
  /** Not taken at the time: too large a batch, too much load, or a database that could not be used. */
  readonly refused: number;
}

export interface IntakeOptions {
  readonly store: Pick<TelemetryStore, "append">;
  readonly limits: Limits;
  /** The server's clock: microseconds since 1970 UTC. */
  readonly nowMicros: () => number;
  /** Told how it goes with the store. */
  readonly health?: Pick<StoreHealth, "stored" | "failed">;
  /** The bounds on what the server holds, where others share them. Default: those of the limits. */
  readonly admission?: Admission;
}

/** The bounds that the limits set. */
export function admissionOf({ inFlightMaxEvents, inFlightMaxBytes }: Limits): Admission {
  return createAdmission({ events: inFlightMaxEvents, bytes: inFlightMaxBytes });
}

/** Puts normalisation, the bounds on what is held, and the store together. */
export function createIntake({
  store,
  limits,
  nowMicros,
  health,
  admission = admissionOf(limits),
}: IntakeOptions): Intake {
  const counters = { received: 0, stored: 0, duplicate: 0, rejected: 0, refused: 0 };

  const turns = createTurns();

  /** In steps, so that neither a page nor another client waits until a large batch is done. */
  const normalise = async <Raw>(
    raws: readonly Raw[],
    createNormaliser: CreateNormaliser<Raw>,
  ): Promise<readonly EventResult[]> => {
    const normaliseOne = createNormaliser({ limits, nowMicros: nowMicros() });
    const results: EventResult[] = [];
    for (const raw of raws) {
      if (results.length > 0 && results.length % eventsPerTurn === 0) await turns.next();
      results.push(normaliseOne(raw));
    }
    return results;
  };

  const append = async (events: readonly Event[], onUnderWay?: () => void): Promise<readonly AppendOutcome[]> => {
    const load = loadOf(events);
    const leave = onUnderWay === undefined ? admission.enter(load) : await admission.wait(load);
    try {
      const appended = store.append(events);
      onUnderWay?.();
      const outcomes = await appended;
      // Duplicates prove nothing: nothing was written.
      if (outcomes.some(({ status }) => status === "stored")) health?.stored();
      return outcomes;
    } catch (error) {
      health?.failed(error);
      throw error;
    } finally {
      leave();
    }
  };

  const takeCounted: Intake["take"] = async (raws, createNormaliser, options = {}) => {
    const { onUnderWay, maxEvents = limits.batchMaxEvents } = options;
    if (raws.length > maxEvents) throw batchTooLarge(limits);
    const results = await normalise(raws, createNormaliser);
    const events = results.flatMap((result) => (result.ok ? [result.event] : []));
    const appended = events.length === 0 ? [] : await append(events, onUnderWay);
    let next = 0;
    return results.map((result) => outcomeOf(result, result.ok ? appended[next++] : undefined));
  };

  return {
    async take(raws, createNormaliser, options) {
      counters.received += raws.length;
      try {
        const outcomes = await takeCounted(raws, createNormaliser, options);
        for (const { status } of outcomes) counters[status === "accepted" ? "stored" : status] += 1;
        return outcomes;
      } catch (error) {
        counters.refused += raws.length;
        throw error;
      }
    },
    counters: () => ({ ...counters }),
  };
}

function loadOf(events: readonly Event[]): Load {
  let bytes = 0;
  // Characters, which is near enough to bytes for a bound; the other fields are small beside these two, or few.
  for (const { attributesJson, extensionsJson } of events)
    bytes += attributesJson.length + (extensionsJson?.length ?? 0);
  return { events: events.length, bytes };
}

function batchTooLarge({ batchMaxEvents }: Limits): TelemetryError {
  return new TelemetryError("BATCH_TOO_LARGE", `a batch holds at most ${batchMaxEvents} events`, {
    metadata: { batch_max_events: String(batchMaxEvents) },
  });
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
