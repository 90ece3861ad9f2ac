import type { Database } from "better-sqlite3";
import type { MetricPoint, MetricSeries, PointOutcome } from "../store.ts";
import { storeErrorFrom } from "./store-error.ts";

/** Writes data points. Not for concurrent use: there is one writer per database. */
export interface PointWriter {
  /** Stores the points in one transaction, which is on disk when this returns. If it throws, nothing was stored. */
  write(points: readonly MetricPoint[]): readonly PointOutcome[];
}

interface SeriesKeys {
  readonly seriesKey: number;
  readonly metricKey: number;
}

/** A series that got points in this transaction. */
interface Touched extends SeriesKeys {
  readonly series: MetricSeries;
  firstNanos: bigint;
  lastNanos: bigint;
}

/** Series whose keys are remembered. */
const knownSeriesMax = 10_000;

/** The one place where data points are inserted. */
export function createPointWriter(database: Database): PointWriter {
  const insertPoint = database.prepare(
    `insert into metric_points (series_key, time_nanos, content_hash, data_json) values (?, ?, ?, ?)
      on conflict (series_key, time_nanos, content_hash) do nothing`,
  );
  const widenSeries = database.prepare(
    "update metric_series set first_nanos = min(first_nanos, ?), last_nanos = max(last_nanos, ?) where id = ?",
  );
  const widenMetric = database.prepare(
    `update metric_names set first_nanos = min(first_nanos, ?), last_nanos = max(last_nanos, ?),
      description = ?, metadata_json = ? where id = ?`,
  );
  const keys = createSeriesKeys(database);

  const write = database.transaction((points: readonly MetricPoint[]): readonly PointOutcome[] => {
    const touched = new Map<number, Touched>();
    const outcomes = points.map(({ series, timeNanos, dataJson, hash }): PointOutcome => {
      const found = keys.of(series, timeNanos);
      const { changes } = insertPoint.run(found.seriesKey, timeNanos, Buffer.from(hash, "hex"), dataJson);
      if (changes === 0) return { status: "duplicate" };
      const known = touched.get(found.seriesKey);
      // To the end, because of several descriptions the last one counts.
      touched.delete(found.seriesKey);
      touched.set(found.seriesKey, {
        ...found,
        series,
        firstNanos: known === undefined || timeNanos < known.firstNanos ? timeNanos : known.firstNanos,
        lastNanos: known === undefined || timeNanos > known.lastNanos ? timeNanos : known.lastNanos,
      });
      return { status: "stored" };
    });
    for (const { seriesKey, metricKey, series, firstNanos, lastNanos } of touched.values()) {
      widenSeries.run(firstNanos, lastNanos, seriesKey);
      widenMetric.run(firstNanos, lastNanos, series.description, series.metadataJson, metricKey);
    }
    return outcomes;
  });

  return {
    write(points) {
      try {
        return write.immediate(points);
      } catch (error) {
        // The transaction was rolled back, and with it the keys that were given out in it.
        keys.forget();
        throw storeErrorFrom(error);
      }
    },
  };
}

/** Gives series their keys: those that they have, or new ones. */
function createSeriesKeys(database: Database) {
  const findSeries = database.prepare<[Buffer], SeriesKeys>(
    "select id as seriesKey, metric_key as metricKey from metric_series where series_hash = ?",
  );
  const addMetric = database.prepare<unknown[], number>(
    `insert into metric_names (name, type, unit, agent_id, description, metadata_json, series_count, first_nanos, last_nanos)
      values (?, ?, ?, ?, ?, ?, 1, ?, ?)
      on conflict (name, type, unit, agent_id) do update set series_count = series_count + 1 returning id`,
  );
  const addSeries = database.prepare(
    `insert into metric_series (series_hash, metric_key, name, agent_id, temporality, is_monotonic, scope_name, scope_version,
      scope_json, resource_json, attributes_json, first_nanos, last_nanos) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  addMetric.pluck();
  const known = new Map<string, SeriesKeys>();

  const add = (series: MetricSeries, timeNanos: bigint): SeriesKeys => {
    const { name, type, unit, agentId, description, metadataJson, temporality, isMonotonic } = series;
    const metricKey = addMetric.get(name, type, unit, agentId, description, metadataJson, timeNanos, timeNanos);
    if (metricKey === undefined) throw new Error(`the metric ${name} got no key`);
    const { lastInsertRowid } = addSeries.run(
      Buffer.from(series.hash, "hex"),
      metricKey,
      name,
      agentId,
      temporality,
      isMonotonic === null ? null : Number(isMonotonic),
      series.scopeName,
      series.scopeVersion,
      series.scopeJson,
      series.resourceJson,
      series.attributesJson,
      timeNanos,
      timeNanos,
    );
    return { seriesKey: Number(lastInsertRowid), metricKey };
  };

  return {
    /** `timeNanos` is that of the point for which a new series is added. */
    of(series: MetricSeries, timeNanos: bigint): SeriesKeys {
      const remembered = known.get(series.hash);
      if (remembered !== undefined) return remembered;
      const found = findSeries.get(Buffer.from(series.hash, "hex")) ?? add(series, timeNanos);
      if (known.size >= knownSeriesMax) known.clear();
      known.set(series.hash, found);
      return found;
    },
    forget: () => known.clear(),
  };
}
