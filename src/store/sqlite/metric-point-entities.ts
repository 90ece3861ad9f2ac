import { defineEntity, p } from "@mikro-orm/core";

/*
 * Data points of metrics. Times are nanoseconds since 1970 UTC, beyond what a JavaScript number holds: statements read them as text.
 * Keys are no foreign ones: each would cost a look at every insert.
 */

/** A metric of one agent, for the list of metrics. */
export const MetricNameEntity = defineEntity({
  name: "MetricName",
  tableName: "metric_names",
  uniques: [{ name: "metric_names_by_name", properties: ["name", "type", "unit", "agentId"] }],
  indexes: [{ name: "metric_names_by_agent", properties: ["agentId", "name", "type", "unit"] }],
  properties: {
    id: p.integer().primary().autoincrement(false),
    name: p.text(),
    type: p.text(),
    unit: p.text(),
    agentId: p.text(),
    /** This and the next as the last point says that was stored. */
    description: p.text(),
    metadataJson: p.text().nullable(),
    seriesCount: p.integer().default(0),
    firstNanos: p.bigint(),
    lastNanos: p.bigint(),
  },
});

/** A series of a metric. */
export const MetricSeriesEntity = defineEntity({
  name: "MetricSeries",
  tableName: "metric_series",
  indexes: [
    { name: "metric_series_by_name", properties: ["name"] },
    { name: "metric_series_by_agent", properties: ["name", "agentId"] },
  ],
  properties: {
    id: p.integer().primary().autoincrement(false),
    /** 16 bytes; see `metricSeriesHash`. */
    seriesHash: p.blob().unique("metric_series_hash"),
    /** Of `metric_names`, whose name and agent stand here too, because series are found by them. */
    metricKey: p.integer(),
    name: p.text(),
    agentId: p.text(),
    temporality: p.text().nullable(),
    isMonotonic: p.integer().nullable(),
    scopeName: p.text().nullable(),
    scopeVersion: p.text().nullable(),
    scopeJson: p.text(),
    resourceJson: p.text(),
    attributesJson: p.text(),
    firstNanos: p.bigint(),
    lastNanos: p.bigint(),
  },
});

/** A data point. Kept in the order of its key, so that points of a series lie beside each other. */
export const MetricPointEntity = defineEntity({
  name: "MetricPoint",
  tableName: "metric_points",
  properties: {
    seriesKey: p.integer().primary(),
    timeNanos: p.bigint().primary(),
    /** 16 bytes; see `metricPointHash`. */
    contentHash: p.blob().primary(),
    /** See `metricDataToJson`. */
    dataJson: p.text(),
  },
});

export const metricPointEntities = [MetricNameEntity, MetricSeriesEntity, MetricPointEntity];
