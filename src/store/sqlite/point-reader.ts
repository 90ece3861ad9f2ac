import type {
  MetricPoint,
  MetricSeries,
  PointCursor,
  PointFilter,
  PointPage,
  PointQuery,
  SeriesPoints,
  TimeRange,
} from "../store.ts";
import { type Condition, equals, ifAny, parametersOf, whereSql } from "./condition.ts";
import type { RunQuery } from "./reader.ts";

interface PointRow {
  readonly seriesKey: number;
  readonly timeText: string;
  readonly hash: string;
  readonly dataJson: string;
}

interface SeriesRow extends Omit<MetricSeries, "isMonotonic"> {
  readonly id: number;
  readonly isMonotonic: number | null;
}

const pointColumns = `p.series_key as seriesKey, cast(p.time_nanos as text) as timeText, lower(hex(p.content_hash)) as hash,
  p.data_json as dataJson`;

/** A page of points, along the index of the series' names, and in each series along the key. */
export async function listPoints(
  run: RunQuery,
  { filter, after, limit }: PointQuery,
  examinedRowsMax: number,
): Promise<PointPage> {
  // One point more than asked for says whether there are more.
  const rest = after?.point
    ? await readRest(run, filter, { seriesKey: after.seriesKey, ...after.point }, limit + 1)
    : [];
  if (rest.length > limit) return pageOf(run, rest.slice(0, limit), true);
  const walked = await walkSeries(run, {
    filter,
    afterSeriesKey: after?.seriesKey ?? null,
    limit: limit + 1 - rest.length,
    examinedRowsMax,
  });
  const rows = [...rest, ...walked.rows];
  if (rows.length > limit) return pageOf(run, rows.slice(0, limit), true);
  const page = await pageOf(run, rows, false);
  return { ...page, next: walked.examinedTo === null ? null : { seriesKey: walked.examinedTo, point: null } };
}

/** The points of a series after one of them. */
function readRest(
  run: RunQuery,
  filter: TimeRange,
  { seriesKey, timeNanos, hash }: { readonly seriesKey: number; readonly timeNanos: bigint; readonly hash: string },
  limit: number,
): Promise<readonly PointRow[]> {
  const conditions = [
    equals("p.series_key", seriesKey),
    { sql: "(p.time_nanos, p.content_hash) > (?, ?)", parameters: [timeNanos, Buffer.from(hash, "hex")] },
    ...withinNanos("p.time_nanos", "p.time_nanos", filter),
  ];
  return run<PointRow>(
    `select ${pointColumns} from metric_points p ${whereSql(conditions)}
      order by p.series_key, p.time_nanos, p.content_hash limit ?`,
    [...parametersOf(conditions), limit],
  );
}

interface SeriesWalk {
  readonly filter: PointFilter;
  readonly afterSeriesKey: number | null;
  readonly limit: number;
  readonly examinedRowsMax: number;
}

/** Points of the series after one of them, and the last series that was looked at, if there may be more. */
async function walkSeries(
  run: RunQuery,
  { filter, afterSeriesKey, limit, examinedRowsMax }: SeriesWalk,
): Promise<{ readonly rows: readonly PointRow[]; readonly examinedTo: number | null }> {
  const { name, agentId } = filter;
  const from = `metric_series s indexed by ${agentId === null ? "metric_series_by_name" : "metric_series_by_agent"}`;
  const served = [
    equals("s.name", name),
    ...ifAny("s.agent_id", agentId),
    ...(afterSeriesKey === null ? [] : [{ sql: "s.id > ?", parameters: [afterSeriesKey] }]),
  ];
  const picked = pickedConditions(filter);
  const examinedTo =
    picked.length === 0
      ? null
      : ((
          await run<{ readonly id: number }>(
            `select s.id from ${from} ${whereSql(served)} order by s.id limit 1 offset ?`,
            [...parametersOf(served), examinedRowsMax - 1],
          )
        )[0]?.id ?? null);
  const conditions = [
    ...served,
    ...(examinedTo === null ? [] : [{ sql: "s.id <= ?", parameters: [examinedTo] }]),
    ...picked,
    ...withinNanos("p.time_nanos", "p.time_nanos", filter),
  ];
  const rows = await run<PointRow>(
    `select ${pointColumns} from ${from} cross join metric_points p on p.series_key = s.id ${whereSql(conditions)}
      order by s.id, p.time_nanos, p.content_hash limit ?`,
    [...parametersOf(conditions), limit],
  );
  return { rows, examinedTo };
}

/** What no index serves of the series. */
function pickedConditions(filter: PointFilter): readonly Condition[] {
  return [
    ...ifAny("s.scope_name", filter.scopeName),
    ...filter.attributes.map(({ key, value }) => ({
      sql: `exists (select 1 from json_each(s.attributes_json) j where j.key = ?
        and case j.type when 'true' then 'true' when 'false' then 'false' when 'null' then 'null' else cast(j.value as text) end = ?)`,
      parameters: [key, value],
    })),
    ...withinNanos("s.last_nanos", "s.first_nanos", filter),
  ];
}

/** The greatest integer of SQLite. */
const int64Max = 2n ** 63n - 1n;

/** What ends at `last` and begins at `first` has a part in the range, whose microseconds hold all of their nanoseconds. */
function withinNanos(last: string, first: string, { fromMicros, toMicros }: TimeRange): readonly Condition[] {
  const conditions: Condition[] = [];
  if (fromMicros !== null) conditions.push({ sql: `${last} >= ?`, parameters: [boundOf(BigInt(fromMicros) * 1000n)] });
  if (toMicros !== null) {
    conditions.push({ sql: `${first} <= ?`, parameters: [boundOf(BigInt(toMicros) * 1000n + 999n)] });
  }
  return conditions;
}

function boundOf(nanos: bigint): bigint {
  if (nanos > int64Max) return int64Max;
  return nanos < -int64Max ? -int64Max : nanos;
}

async function pageOf(run: RunQuery, rows: readonly PointRow[], hasMore: boolean): Promise<PointPage> {
  const last = rows.at(-1);
  if (last === undefined) return { series: [], next: null };
  const byKey = Map.groupBy(rows, ({ seriesKey }) => seriesKey);
  const found = await readSeries(run, [...byKey.keys()]);
  const series = [...byKey].map(([key, points]): SeriesPoints => {
    const of = found.get(key);
    if (of === undefined) throw new Error(`the series ${key} of a point is not there`);
    return { series: of, points: points.map(pointFromRow) };
  });
  const next: PointCursor = {
    seriesKey: last.seriesKey,
    point: { timeNanos: BigInt(last.timeText), hash: last.hash },
  };
  return { series, next: hasMore ? next : null };
}

async function readSeries(run: RunQuery, keys: readonly number[]): Promise<ReadonlyMap<number, MetricSeries>> {
  const rows = await run<SeriesRow>(
    `select s.id, lower(hex(s.series_hash)) as hash, s.agent_id as agentId, s.name, m.unit, m.type, s.temporality,
      s.is_monotonic as isMonotonic, m.description, m.metadata_json as metadataJson, s.scope_name as scopeName,
      s.scope_version as scopeVersion, s.scope_json as scopeJson, s.resource_json as resourceJson,
      s.attributes_json as attributesJson
      from json_each(?) k cross join metric_series s on s.id = k.value cross join metric_names m on m.id = s.metric_key`,
    [JSON.stringify(keys)],
  );
  return new Map(
    rows.map(({ id, isMonotonic, ...series }) => [
      id,
      { ...series, isMonotonic: isMonotonic === null ? null : isMonotonic === 1 },
    ]),
  );
}

function pointFromRow({ timeText, dataJson }: PointRow): Pick<MetricPoint, "timeNanos" | "dataJson"> {
  return { timeNanos: BigInt(timeText), dataJson };
}
