import type { FieldViolation } from "../../model/error.ts";
import type { Limits } from "../../model/limits.ts";
import type { MetricSeries } from "../../model/metric-point.ts";
import type { PointOutcome, TelemetryStore } from "../../store/store.ts";
import type { Admission } from "../admission.ts";
import { createGuardedAppend } from "../guarded-append.ts";
import type { IntakeCounters } from "../intake.ts";
import type { StoreHealth } from "../store-health.ts";
import { createTurns } from "../turns.ts";
import type { OtlpPoint } from "./metric-input.ts";
import { createPointNormaliser, type PointResult } from "./metric-points.ts";

/** Takes data points in: checks each, stores those that are acceptable, and says what became of every one. */
export interface PointIntake {
  /**
   * Stores one request's points. Resolves after the commit, in their order. Rejects with `OVERLOADED` where the server holds too much
   * already, and as `TelemetryStore.appendPoints` does; then nothing of the request was stored. What is more than the server may hold
   * is stored in parts, one commit after the other; where one fails, those before it stay stored.
   */
  take(points: readonly OtlpPoint[]): Promise<readonly PointIntakeOutcome[]>;
  /** What became of all points since the start. */
  counters(): IntakeCounters;
}

/** What became of one data point. */
export type PointIntakeOutcome = PointOutcome | { readonly status: "rejected"; readonly violation: FieldViolation };

export interface PointIntakeOptions {
  readonly store: Pick<TelemetryStore, "appendPoints">;
  readonly limits: Limits;
  /** The bounds on what the server holds, a point counting as an event. */
  readonly admission: Admission;
  /** Told how it goes with the store. */
  readonly health?: Pick<StoreHealth, "stored" | "failed">;
}

/** Points that are normalised before others get their turn: some milliseconds of work. */
const pointsPerTurn = 256;

/** Puts normalisation, the bounds on what is held, and the store together. */
export function createPointIntake({ store, limits, admission, health }: PointIntakeOptions): PointIntake {
  const counters = { received: 0, stored: 0, duplicate: 0, rejected: 0, refused: 0 };
  const turns = createTurns();
  const guardedAppend = createGuardedAppend({ admission, health });

  const normalise = async (raws: readonly OtlpPoint[]): Promise<readonly PointResult[]> => {
    const normaliseOne = createPointNormaliser(limits);
    const results: PointResult[] = [];
    for (const raw of raws) {
      if (results.length > 0 && results.length % pointsPerTurn === 0) await turns.next();
      results.push(normaliseOne(raw));
    }
    return results;
  };

  const takeInto = async (outcomes: PointIntakeOutcome[], raws: readonly OtlpPoint[]): Promise<void> => {
    for (const { results, bytes } of partsOf(await normalise(raws), limits.inFlightMaxBytes)) {
      const points = results.flatMap((result) => (result.ok ? [result.point] : []));
      // A request that was let in is not refused half-way.
      const entry = { load: { events: points.length, bytes }, waits: outcomes.length > 0 };
      const appended = points.length === 0 ? [] : await guardedAppend(entry, () => store.appendPoints(points));
      let next = 0;
      for (const result of results) outcomes.push(result.ok ? outcomeOf(appended[next++]) : rejectionOf(result));
    }
  };

  return {
    async take(raws) {
      counters.received += raws.length;
      const outcomes: PointIntakeOutcome[] = [];
      try {
        await takeInto(outcomes, raws);
        return outcomes;
      } finally {
        for (const { status } of outcomes) counters[status] += 1;
        counters.refused += raws.length - outcomes.length;
      }
    },
    counters: () => ({ ...counters }),
  };
}

function rejectionOf({ violation }: PointResult & { readonly ok: false }): PointIntakeOutcome {
  return { status: "rejected", violation };
}

function outcomeOf(outcome: PointOutcome | undefined): PointOutcome {
  if (outcome === undefined) throw new Error("the store said nothing about a data point");
  return outcome;
}

/** Points that are stored in one commit, and what the server holds for them. */
interface Part {
  readonly results: readonly PointResult[];
  readonly bytes: number;
}

/** Parts of about so many bytes. A series counts once in each, with its resource: a small request may become large. */
function* partsOf(results: readonly PointResult[], maxBytes: number): Generator<Part> {
  let from = 0;
  let bytes = 0;
  let known = new Set<MetricSeries>();
  for (const [index, result] of results.entries()) {
    if (result.ok) {
      const { series, dataJson } = result.point;
      // Characters, which is near enough to bytes for a bound.
      bytes += dataJson.length + (known.has(series) ? 0 : lengthOf(series));
      known.add(series);
    }
    if (bytes < maxBytes && index < results.length - 1) continue;
    yield { results: results.slice(from, index + 1), bytes };
    from = index + 1;
    bytes = 0;
    known = new Set();
  }
}

function lengthOf({ attributesJson, resourceJson, scopeJson, metadataJson, description }: MetricSeries): number {
  return (
    attributesJson.length + resourceJson.length + scopeJson.length + (metadataJson?.length ?? 0) + description.length
  );
}
