import type { FieldViolation } from "../../model/error.ts";
import type { Limits } from "../../model/limits.ts";
import type { MetricPoint } from "../../model/metric-point.ts";
import type { PointOutcome, TelemetryStore } from "../../store/store.ts";
import type { Admission, Load } from "../admission.ts";
import type { IntakeCounters } from "../intake.ts";
import type { StoreHealth } from "../store-health.ts";
import { createTurns } from "../turns.ts";
import type { OtlpPoint } from "./metric-input.ts";
import { createPointNormaliser, type PointResult } from "./metric-points.ts";

/** Takes data points in: checks each, stores those that are acceptable, and says what became of every one. */
export interface PointIntake {
  /**
   * Stores one request's points. Resolves after the commit, in their order. Rejects with `OVERLOADED` where the server holds too much
   * already, and as `TelemetryStore.appendPoints` does; then nothing of the request was stored.
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
  readonly admission: Pick<Admission, "enter">;
  /** Told how it goes with the store. */
  readonly health?: Pick<StoreHealth, "stored" | "failed">;
}

/** Points that are normalised before others get their turn: some milliseconds of work. */
const pointsPerTurn = 256;

/** Puts normalisation, the bounds on what is held, and the store together. */
export function createPointIntake({ store, limits, admission, health }: PointIntakeOptions): PointIntake {
  const counters = { received: 0, stored: 0, duplicate: 0, rejected: 0, refused: 0 };
  const turns = createTurns();

  const normalise = async (raws: readonly OtlpPoint[]): Promise<readonly PointResult[]> => {
    const normaliseOne = createPointNormaliser(limits);
    const results: PointResult[] = [];
    for (const raw of raws) {
      if (results.length > 0 && results.length % pointsPerTurn === 0) await turns.next();
      results.push(normaliseOne(raw));
    }
    return results;
  };

  const append = async (points: readonly MetricPoint[]): Promise<readonly PointOutcome[]> => {
    const leave = admission.enter(loadOf(points));
    try {
      const outcomes = await store.appendPoints(points);
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

  const takeCounted: PointIntake["take"] = async (raws) => {
    const results = await normalise(raws);
    const points = results.flatMap((result) => (result.ok ? [result.point] : []));
    const appended = points.length === 0 ? [] : await append(points);
    let next = 0;
    return results.map((result): PointIntakeOutcome => {
      if (!result.ok) return { status: "rejected", violation: result.violation };
      const outcome = appended[next++];
      if (outcome === undefined) throw new Error("the store said nothing about a data point");
      return outcome;
    });
  };

  return {
    async take(raws) {
      counters.received += raws.length;
      try {
        const outcomes = await takeCounted(raws);
        for (const { status } of outcomes) counters[status] += 1;
        return outcomes;
      } catch (error) {
        counters.refused += raws.length;
        throw error;
      }
    },
    counters: () => ({ ...counters }),
  };
}

function loadOf(points: readonly MetricPoint[]): Load {
  let bytes = 0;
  // Characters, which is near enough to bytes for a bound.
  for (const { series, dataJson } of points) bytes += series.attributesJson.length + dataJson.length;
  return { events: points.length, bytes };
}
