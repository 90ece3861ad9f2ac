import type { TimeRange } from "../model/event-filter.ts";
import type { MetricPoint, MetricSeries, MetricType } from "../model/metric-point.ts";

export type { MetricPoint, MetricSeries };

/** Keeps the data points of metrics, each once, and gives them back by series and time. They count towards nothing else. */
export interface MetricPointStore {
  /**
   * Stores data points and brings the list of metrics up to date in the same transaction. A point whose series, time and data are there
   * already is a duplicate; points of one series and time with other data are all kept. What is not part of a series' identity
   * (its description) is that of the last point that was stored.
   *
   * Durability as of `TelemetryStore.append`. Outcomes stand in the order of `points`; the empty list resolves to the empty list.
   */
  appendPoints(points: readonly MetricPoint[]): Promise<readonly PointOutcome[]>;

  /** Metrics by name, type and unit, in the order of their characters. Empty if there is none. */
  listMetrics(query: MetricListQuery): Promise<MetricPage>;

  /**
   * Points of the metrics of one name, grouped by series: series in the order in which their first point was stored, points by time, then by
   * hash, both ascending. No metric of the name: an empty page. Looks at a bounded number of series: with a filter a page may be shorter than
   * `limit` without being the last one; `next` says where to go on.
   */
  listPoints(query: PointQuery): Promise<PointPage>;
}

/** What became of one data point: stored now, or known already. */
export interface PointOutcome {
  readonly status: "stored" | "duplicate";
}

/** Where a list of metrics goes on: after this one. */
export interface MetricCursor {
  readonly name: string;
  readonly type: MetricType;
  readonly unit: string;
}

export interface MetricListQuery {
  /** Null: of every agent. Else the numbers are of this agent alone. */
  readonly agentId: string | null;
  readonly after: MetricCursor | null;
  readonly limit: number;
}

/** A metric in the list. */
export interface MetricRecord extends MetricCursor {
  /** As the agent tells it that sent the latest point. */
  readonly description: string;
  /** Those that send it, by id. */
  readonly agentIds: readonly string[];
  readonly seriesCount: number;
  /** Of the earliest and the latest point. */
  readonly firstNanos: bigint;
  readonly lastNanos: bigint;
}

export interface MetricPage {
  readonly metrics: readonly MetricRecord[];
  /** Null: there is nothing further. */
  readonly next: MetricCursor | null;
}

/** Which points; null means any. */
export interface PointFilter extends TimeRange {
  readonly name: string;
  readonly agentId: string | null;
  readonly scopeName: string | null;
  /** Attributes that a series has, all of them: texts as they are, anything else as JSON writes it. */
  readonly attributes: readonly AttributeValue[];
}

export interface AttributeValue {
  readonly key: string;
  readonly value: string;
}

/** Where a list of points goes on: after this place. */
export interface PointCursor {
  readonly seriesKey: number;
  /** Null: after all points of the series. */
  readonly point: { readonly timeNanos: bigint; readonly hash: string } | null;
}

export interface PointQuery {
  readonly filter: PointFilter;
  readonly after: PointCursor | null;
  /** Points on the page at most. */
  readonly limit: number;
}

export interface PointPage {
  /** Each with at least one point. */
  readonly series: readonly SeriesPoints[];
  /** Null: there is nothing further. */
  readonly next: PointCursor | null;
}

export interface SeriesPoints {
  readonly series: MetricSeries;
  readonly points: readonly Pick<MetricPoint, "timeNanos" | "dataJson">[];
}
