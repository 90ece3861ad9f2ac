import { fieldError } from "../model/error.ts";
import { attributeFiltersMax } from "../model/limits.ts";
import { metricTypes } from "../model/metric-point.ts";
import type {
  AttributeValue,
  MetricCursor,
  MetricRecord,
  PointCursor,
  PointFilter,
  SeriesPoints,
  TelemetryStore,
} from "../store/store.ts";
import { createPageToken, pageTokenError, parsePageToken } from "./page-token.ts";
import { type PagingRequest, parsePaging } from "./paging.ts";

/** Questions for the data points of metrics. */
export interface OtlpMetricQueries {
  /** Metrics by name, type and unit; with an agent, its own. */
  listMetrics(agentId: string | null, paging: PagingRequest): Promise<MetricListPage>;
  /** Points of the metrics of a name. Rejects with `FIELD_INVALID` for attributes that are not `key=value`, or too many. */
  queryPoints(request: PointRequest, paging: PagingRequest): Promise<PointListPage>;
}

export interface MetricListPage {
  readonly metrics: readonly MetricRecord[];
  /** Empty: the last page. */
  readonly nextPageToken: string;
}

export interface PointRequest extends Omit<PointFilter, "attributes"> {
  /** Each as `key=value`, as the client wrote it. */
  readonly attributes: readonly string[];
}

export interface PointListPage {
  readonly series: readonly SeriesPoints[];
  /** Empty: the last page. */
  readonly nextPageToken: string;
}

/** Answers the questions from a store. */
export function createOtlpMetricQueries(store: Pick<TelemetryStore, "listMetrics" | "listPoints">): OtlpMetricQueries {
  return {
    async listMetrics(agentId, paging) {
      const list = ["otlp_metrics", agentId];
      const { limit } = parsePaging(paging);
      const after = paging.pageToken === "" ? null : metricCursorFrom(paging.pageToken, list);
      const { metrics, next } = await store.listMetrics({ agentId, after, limit });
      return { metrics, nextPageToken: next === null ? "" : createPageToken([next.name, next.type, next.unit], list) };
    },
    async queryPoints(request, paging) {
      const filter = { ...request, attributes: parseAttributes(request.attributes) };
      const list = ["otlp_metric_points", filter];
      const { limit } = parsePaging(paging);
      const after = paging.pageToken === "" ? null : pointCursorFrom(paging.pageToken, list);
      const { series, next } = await store.listPoints({ filter, after, limit });
      return { series, nextPageToken: next === null ? "" : createPageToken(placeOf(next), list) };
    },
  };
}

function metricCursorFrom(token: string, list: readonly unknown[]): MetricCursor {
  const [name, typeText, unit] = parsePageToken(token, list).map(String);
  const type = metricTypes.find((candidate) => candidate === typeText);
  if (name === undefined || type === undefined || unit === undefined)
    throw new Error("a page token has no place in it");
  return { name, type, unit };
}

function pointCursorFrom(token: string, list: readonly unknown[]): PointCursor {
  const [seriesKey, timeNanos, hash] = parsePageToken(token, list);
  if (timeNanos === undefined || hash === undefined) return { seriesKey: Number(seriesKey), point: null };
  if (!/^-?\d{1,19}$/.test(String(timeNanos))) throw pageTokenError();
  return { seriesKey: Number(seriesKey), point: { timeNanos: BigInt(timeNanos), hash: String(hash) } };
}

function placeOf({ seriesKey, point }: PointCursor): readonly (string | number)[] {
  return point === null ? [seriesKey] : [seriesKey, String(point.timeNanos), point.hash];
}

function parseAttributes(texts: readonly string[]): readonly AttributeValue[] {
  if (texts.length > attributeFiltersMax) invalid(`must be at most ${attributeFiltersMax}`);
  return texts.map((text) => {
    const end = text.indexOf("=");
    if (end <= 0) invalid("must be key=value");
    return { key: text.slice(0, end), value: text.slice(end + 1) };
  });
}

function invalid(message: string): never {
  throw fieldError({ field: "attributes", reason: "FIELD_INVALID", message });
}
