import type { MetricBucket, MetricGroup, MetricGroups, OtherGroups } from "../store/store.ts";
import type { MetricSpan } from "./metric-request.ts";

/** What tells one series from another. Null: not grouped by it, or not known. */
export type MetricLabels = Readonly<Record<MetricLabel, string | null>>;

export type MetricLabel =
  | "agent"
  | "kind"
  | "vendor"
  | "model"
  | "tool"
  | "name"
  | "level"
  | "channel"
  | "severity"
  | "category"
  | "session";

/** A metric of one group over time. */
export interface MetricSeries<Values> {
  readonly labels: MetricLabels;
  readonly total: Values;
  /** Every bucket of the range, in order; none where no interval was asked for. */
  readonly buckets: readonly MetricPoint<Values>[];
}

export interface MetricPoint<Values> {
  readonly startMicros: number;
  readonly endMicros: number;
  readonly values: Values;
}

/** The answer to a question about a metric. */
export interface MetricAnswer<Values> {
  /** The range that was counted; null is without end. */
  readonly range: MetricBucket;
  /** The largest first. */
  readonly series: readonly MetricSeries<Values>[];
  /** What the groups that have no series of their own have together; null if there is none. */
  readonly other: (MetricSeries<Values> & { readonly groupCount: number }) | null;
}

const noLabels: MetricLabels = {
  agent: null,
  kind: null,
  vendor: null,
  model: null,
  tool: null,
  name: null,
  level: null,
  channel: null,
  severity: null,
  category: null,
  session: null,
};

/** How sums become what is told. */
export interface SeriesOptions<Sums, Values> {
  readonly span: MetricSpan;
  readonly groupBy: readonly MetricLabel[];
  /** What is told of nothing. */
  readonly none: Sums;
  readonly valuesOf: (sums: Sums) => Values;
}

/** Sums by group → series without gaps. */
export function answerFrom<Sums, Values>(
  { groups, other }: MetricGroups<Sums>,
  options: SeriesOptions<Sums, Values>,
): MetricAnswer<Values> {
  const { counted } = options.span;
  return {
    range: { startMicros: counted[0]?.startMicros ?? null, endMicros: counted.at(-1)?.endMicros ?? null },
    series: groups.map((group) => ({
      labels: {
        ...noLabels,
        ...Object.fromEntries(options.groupBy.map((label, place) => [label, group.values[place]])),
      },
      ...timeline(group, options),
    })),
    other: other === null ? null : { groupCount: other.groupCount, labels: noLabels, ...timeline(other, options) },
  };
}

function timeline<Sums, Values>(
  { total, buckets }: MetricGroup<Sums> | OtherGroups<Sums>,
  { span, none, valuesOf }: SeriesOptions<Sums, Values>,
): Omit<MetricSeries<Values>, "labels"> {
  if (span.interval === null) return { total: valuesOf(total), buckets: [] };
  const points = span.buckets.flatMap(({ startMicros, endMicros }, place) =>
    // With an interval every bucket has two ends.
    startMicros === null || endMicros === null
      ? []
      : [{ startMicros, endMicros, values: valuesOf(buckets.get(place) ?? none) }],
  );
  return { total: valuesOf(total), buckets: points };
}
