import { Migration } from "@mikro-orm/migrations";

/** Data points of metrics, their series, and the metrics that there are. */
export class MetricPoints extends Migration {
  override up(): void {
    this.addSql(`create table metric_names (
      id integer not null primary key,
      name text not null,
      type text not null,
      unit text not null,
      agent_id text not null,
      description text not null,
      metadata_json text null,
      series_count integer not null default 0,
      first_nanos bigint not null,
      last_nanos bigint not null
    )`);
    this.addSql("create unique index metric_names_by_name on metric_names (name, type, unit, agent_id)");
    this.addSql("create index metric_names_by_agent on metric_names (agent_id, name, type, unit)");
    this.addSql(`create table metric_series (
      id integer not null primary key,
      series_hash blob not null,
      metric_key integer not null,
      name text not null,
      agent_id text not null,
      temporality text null,
      is_monotonic integer null,
      scope_name text null,
      scope_version text null,
      scope_json text not null,
      resource_json text not null,
      attributes_json text not null,
      first_nanos bigint not null,
      last_nanos bigint not null
    )`);
    this.addSql("create unique index metric_series_hash on metric_series (series_hash)");
    this.addSql("create index metric_series_by_name on metric_series (name)");
    this.addSql("create index metric_series_by_agent on metric_series (name, agent_id)");
    this.addSql(`create table metric_points (
      series_key integer not null,
      time_nanos bigint not null,
      content_hash blob not null,
      data_json text not null,
      primary key (series_key, time_nanos, content_hash)
    ) without rowid`);
  }
}
