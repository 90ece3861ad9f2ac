import { fieldError, TelemetryError } from "../model/error.ts";
import type { MetricBucket } from "../store/store.ts";
import { parseChoice } from "./choice.ts";
import { BucketCountError, type BucketInterval, bucketsOf } from "./time-buckets.ts";

/** What every question about metrics has. Empty texts and lists are not given. */
export interface MetricRequest {
  readonly agentIds: readonly string[];
  /** Included. Microseconds since 1970 UTC, as all times here. */
  readonly fromMicros: number | null;
  /** Not included. */
  readonly toMicros: number | null;
  readonly interval: string;
  readonly timeZone: string;
  readonly groupBy: readonly string[];
}

/** The time that is asked about, cut into buckets. */
export interface MetricSpan {
  /** The buckets as the calendar has them; one without bounds where none are asked for. */
  readonly buckets: readonly MetricBucket[];
  /** What of each bucket lies in the range: the first and the last one may be cut. */
  readonly counted: readonly MetricBucket[];
  /** Null: one bucket for the whole range. */
  readonly interval: BucketInterval | null;
}

/** Buckets of one series at most. */
export const metricBucketsMax = 10_000;

/** Series of an answer at most. */
export const metricSeriesMax = 1_000;

/** Buckets of all series of an answer at most, which a single series may exceed by none. */
export const metricValuesMax = 100_000;

/** Series of an answer by session at most. */
export const metricSessionsMax = 100;

/** Agents that a question may name. */
export const metricAgentsMax = 100;

const intervals = ["minute", "hour", "day", "week"] as const;
const minuteMicros = 60_000_000;
const dayMicros = 86_400_000_000;

/** A range with an interval and no beginning is as long as this. */
const rangeMicrosDefault: Readonly<Record<BucketInterval, number>> = {
  minute: dayMicros,
  hour: dayMicros,
  day: 30 * dayMicros,
  week: 30 * dayMicros,
};

/** Times further from 1970 than this (the years 1686 and 2254) count as this: beyond, there are no exact microseconds. */
const timeMaxMicros = 104_000 * dayMicros;

/** Reads range, interval and time zone. Throws `FIELD_INVALID` for what cannot be. */
export function parseSpan(request: MetricRequest, nowMicros: number): MetricSpan {
  const interval = parseChoice("interval", request.interval, intervals);
  const timeZone = request.timeZone || "UTC";
  assertTimeZone(timeZone);
  const range = parseRange(request, interval, nowMicros);
  if (interval === null) return { buckets: [range], counted: [range], interval };
  const fromMicros = range.startMicros ?? 0;
  const toMicros = range.endMicros ?? 0;
  const buckets = makeBuckets({ fromMicros, toMicros, interval, timeZone });
  const counted = buckets.map(({ startMicros, endMicros }) => ({
    startMicros: Math.max(startMicros, fromMicros),
    endMicros: Math.min(endMicros, toMicros),
  }));
  return { buckets, counted, interval };
}

/**
 * The names that a request groups by, each once. Throws `FIELD_INVALID` for one that the metric does not have, and for sessions together
 * with anything else.
 */
export function parseGroupBy<Dimension extends string>(
  groupBy: readonly string[],
  dimensions: readonly Dimension[],
): readonly Dimension[] {
  const parsed = groupBy.flatMap((text) => parseChoice("group_by", text, dimensions) ?? []);
  const names = [...new Set(parsed)];
  if (names.length > 1 && names.some((name) => name === "session")) {
    invalid("group_by", "session cannot be combined with another group");
  }
  return names;
}

/** Throws `FIELD_INVALID` for too many agents. */
export function parseAgentIds(agentIds: readonly string[]): readonly string[] {
  const named = [...new Set(agentIds.filter((agentId) => agentId !== ""))];
  if (named.length > metricAgentsMax) invalid("agent_id", `may name at most ${metricAgentsMax} agents`);
  return named;
}

/** How many groups an answer about so many buckets tells at most. */
export function groupsMaxOf({ buckets }: MetricSpan, groupBy: readonly string[]): number {
  const seriesMax = groupBy.includes("session") ? metricSessionsMax : metricSeriesMax;
  return Math.max(1, Math.min(seriesMax, Math.floor(metricValuesMax / buckets.length)));
}

/** The range at full minutes around what was asked; with an interval it has both ends. */
function parseRange(request: MetricRequest, interval: BucketInterval | null, nowMicros: number): MetricBucket {
  const asked = { from: bounded(request.fromMicros), to: bounded(request.toMicros) };
  if (asked.from !== null && asked.to !== null && asked.from >= asked.to) {
    invalid("to_time", "must be later than from_time, and the range not wholly before 1686 or after 2254");
  }
  if (interval === null) return { startMicros: floorMinute(asked.from), endMicros: ceilMinute(asked.to) };
  const to = asked.to ?? nowMicros;
  const from = asked.from ?? Math.max(to - rangeMicrosDefault[interval], -timeMaxMicros);
  if (from >= to) invalid("from_time", "must be in the past where to_time is not given");
  return { startMicros: floorMinute(from), endMicros: ceilMinute(to) };
}

function bounded(micros: number | null): number | null {
  return micros === null ? null : Math.max(-timeMaxMicros, Math.min(timeMaxMicros, micros));
}

function floorMinute<Micros extends number | null>(micros: Micros): number | Micros {
  return micros === null ? micros : Math.floor(micros / minuteMicros) * minuteMicros;
}

function ceilMinute<Micros extends number | null>(micros: Micros): number | Micros {
  return micros === null ? micros : Math.ceil(micros / minuteMicros) * minuteMicros;
}

function makeBuckets(range: {
  readonly fromMicros: number;
  readonly toMicros: number;
  readonly interval: BucketInterval;
  readonly timeZone: string;
}): readonly { readonly startMicros: number; readonly endMicros: number }[] {
  try {
    return bucketsOf({ ...range, maxBuckets: metricBucketsMax });
  } catch (error) {
    if (!(error instanceof BucketCountError)) throw error;
    return invalid("interval", error.message);
  }
}

function assertTimeZone(timeZone: string): void {
  try {
    Intl.DateTimeFormat("en-US", { timeZone });
  } catch (error) {
    // Its only fault can be the zone.
    const message = "must be a time zone of the tz database, as Europe/Berlin";
    throw new TelemetryError("FIELD_INVALID", `time_zone: ${message}`, {
      violations: [{ field: "time_zone", reason: "FIELD_INVALID", message }],
      cause: error,
    });
  }
}

function invalid(field: string, message: string): never {
  throw fieldError({ field, reason: "FIELD_INVALID", message });
}
