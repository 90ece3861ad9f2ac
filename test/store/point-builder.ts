import { type JsonObject, parseExactJson } from "../../src/model/exact-json.ts";
import { metricDataToJson } from "../../src/model/metric-data-json.ts";
import {
  type MetricPoint,
  type MetricSeries,
  type MetricValue,
  metricPointHash,
  metricSeriesHash,
} from "../../src/model/metric-point.ts";
import type { PointCursor, PointFilter, PointPage, TelemetryStore } from "../../src/store/store.ts";

/** 2026-11-20T10:00:00Z in nanoseconds and in microseconds: where built points begin. */
export const pointFromNanos = 1_795_168_800_000_000_000n;
export const pointFromMicros = Number(pointFromNanos / 1000n);

/** A series of a gauge `m`, unless it says otherwise. Its hash follows from the rest. */
export function buildSeries({
  attributes = {},
  ...overrides
}: Partial<MetricSeries> & { readonly attributes?: JsonObject } = {}): MetricSeries {
  const series = {
    agentId: "agent",
    name: "m",
    unit: "s",
    type: "gauge",
    temporality: null,
    isMonotonic: null,
    description: "",
    metadataJson: null,
    scopeName: "scope",
    scopeVersion: null,
    scopeJson: '{"name":"scope","attributes":{}}',
    resourceJson: '{"attributes":{}}',
    attributesJson: JSON.stringify(attributes),
    ...overrides,
  } as const;
  const source = {
    resourceText: series.resourceJson,
    scopeText: series.scopeJson,
    attributes: parseExactJson(series.attributesJson) as JsonObject,
  };
  return { ...series, hash: metricSeriesHash(series, source) };
}

/** A point of a series, this many nanoseconds after `pointFromNanos`. */
export function buildPoint(
  series: MetricSeries,
  nanos: number | bigint,
  value: MetricValue = { kind: "int", value: BigInt(nanos) },
): MetricPoint {
  const dataJson = metricDataToJson({ startNanos: 0n, flags: 0, value, exemplars: [] });
  return { series, timeNanos: pointFromNanos + BigInt(nanos), dataJson, hash: metricPointHash(dataJson) };
}

/** Every point of the metric `m`. */
export const everyPoint: PointFilter = {
  name: "m",
  agentId: null,
  scopeName: null,
  attributes: [],
  fromMicros: null,
  toMicros: null,
};

/** Every page of the points that a filter lets through. Throws if there are more than there can be. */
export async function readPointPages(
  store: Pick<TelemetryStore, "listPoints">,
  filter: Partial<PointFilter> = {},
  limit = 1_000,
): Promise<readonly PointPage[]> {
  const pages: PointPage[] = [];
  let after: PointCursor | null = null;
  do {
    const page: PointPage = await store.listPoints({ filter: { ...everyPoint, ...filter }, after, limit });
    pages.push(page);
    after = page.next;
    if (pages.length > 2_000) throw new Error("the list does not end");
  } while (after !== null);
  return pages;
}
