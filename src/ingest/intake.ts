import { type FieldViolation, TelemetryError } from "../model/error.ts";
import type { Event } from "../model/event.ts";
import type { Limits } from "../model/limits.ts";
import type { AppendOutcome, TelemetryStore } from "../store/store.ts";
import { type Admission, createAdmission, type Load } from "./admission.ts";
import type { CreateNormaliser, EventResult } from "./batch.ts";
import { createGuardedAppend } from "./guarded-append.ts";
import type { StoreHealth } from "./store-health.ts";
import { createTurns, type Turns } from "./turns.ts";

/** Takes events in: checks each, stores those that are acceptable, and says what became of every one. */
export interface Intake {
  /**
   * Stores one request's events. Resolves after the commit. Rejects with `BATCH_TOO_LARGE`, with `OVERLOADED` where the server
   * holds too much already, and as `TelemetryStore.append` does; then nothing of the request was stored, unless it came in parts.
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
  /**
   * Stores more than the server may hold in parts, one commit after the other, each made when the one before is stored. Where one
   * fails, `take` rejects, and those before it stay stored. Without it, a request is stored at once or not at all.
   */
  readonly inParts?: boolean;
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
  const guardedAppend = createGuardedAppend({ admission, health });

  const append = (
    events: readonly Event[],
    { waits, onUnderWay }: { readonly waits: boolean; readonly onUnderWay: TakeOptions["onUnderWay"] },
  ): Promise<readonly AppendOutcome[]> =>
    guardedAppend({ load: loadOf(events), waits }, () => {
      const appended = store.append(events);
      onUnderWay?.();
      return appended;
    });

  const takeInto = async <Raw>(
    outcomes: IntakeOutcome[],
    raws: readonly Raw[],
    createNormaliser: CreateNormaliser<Raw>,
    { onUnderWay, maxEvents = limits.batchMaxEvents, inParts = false }: TakeOptions,
  ): Promise<void> => {
    if (raws.length > maxEvents) throw batchTooLarge(limits);
    const normaliseOne = createNormaliser({ limits, nowMicros: nowMicros() });
    const partMaxBytes = inParts ? limits.inFlightMaxBytes : Number.POSITIVE_INFINITY;
    while (outcomes.length < raws.length) {
      const results = await normalisePart(raws.values().drop(outcomes.length), { normaliseOne, partMaxBytes, turns });
      const events = results.flatMap((result) => (result.ok ? [result.event] : []));
      // A request that was let in is not refused half-way.
      const waits = onUnderWay !== undefined || outcomes.length > 0;
      const appended = events.length === 0 ? [] : await append(events, { waits, onUnderWay });
      let next = 0;
      for (const result of results) outcomes.push(outcomeOf(result, result.ok ? appended[next++] : undefined));
    }
  };

  return {
    async take(raws, createNormaliser, options = {}) {
      counters.received += raws.length;
      const outcomes: IntakeOutcome[] = [];
      try {
        await takeInto(outcomes, raws, createNormaliser, options);
        return outcomes;
      } finally {
        for (const { status } of outcomes) counters[status === "accepted" ? "stored" : status] += 1;
        counters.refused += raws.length - outcomes.length;
      }
    },
    counters: () => ({ ...counters }),
  };
}

interface PartOptions<Raw> {
  readonly normaliseOne: (raw: Raw) => EventResult;
  readonly partMaxBytes: number;
  readonly turns: Turns;
}

/** In steps, so that neither a page nor another client waits until a large batch is done. Ends where the part is full. */
async function normalisePart<Raw>(
  raws: Iterable<Raw>,
  { normaliseOne, partMaxBytes, turns }: PartOptions<Raw>,
): Promise<readonly EventResult[]> {
  const results: EventResult[] = [];
  let bytes = 0;
  for (const raw of raws) {
    if (results.length > 0 && results.length % eventsPerTurn === 0) await turns.next();
    const result = normaliseOne(raw);
    results.push(result);
    if (result.ok) bytes += bytesOf(result.event);
    if (bytes >= partMaxBytes) break;
  }
  return results;
}

function loadOf(events: readonly Event[]): Load {
  let bytes = 0;
  for (const event of events) bytes += bytesOf(event);
  return { events: events.length, bytes };
}

/** Characters, which is near enough to bytes for a bound; the other fields are small beside these two, or few. */
function bytesOf({ attributesJson, extensionsJson }: Event): number {
  return attributesJson.length + (extensionsJson?.length ?? 0);
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
