import { Migration } from "@mikro-orm/migrations";

/** Counters per minute, quarter of an hour and day. The rows are derived from the events, and made anew from them. */
export class RollUps extends Migration {
  override up(): void {
    this.addSql(`create table event_rollups (
      step_minutes integer not null,
      agent_key integer not null,
      start_minute integer not null,
      name text not null,
      event_level text not null,
      channel text not null,
      count integer not null,
      first_micros bigint not null,
      latest_micros bigint not null,
      primary key (step_minutes, agent_key, start_minute, name, event_level, channel)
    ) without rowid`);
    this.addSql(`create table call_rollups (
      step_minutes integer not null,
      agent_key integer not null,
      start_minute integer not null,
      kind text not null,
      vendor text not null,
      model text not null,
      name text not null,
      count integer not null,
      running_count integer not null,
      error_count integer not null,
      blocked_count integer not null,
      told_count integer not null,
      input_tokens bigint not null,
      input_count integer not null,
      output_tokens bigint not null,
      output_count integer not null,
      cache_read_tokens bigint not null,
      cache_read_count integer not null,
      cache_write_tokens bigint not null,
      cache_write_count integer not null,
      reasoning_tokens bigint not null,
      reasoning_count integer not null,
      cost_pico_usd bigint not null,
      priced_count integer not null,
      unpriced_count integer not null,
      duration_count integer not null,
      duration_sum_micros bigint not null,
      duration_min_ms double null,
      duration_max_ms double null,
      sketch blob null,
      primary key (step_minutes, agent_key, start_minute, kind, vendor, model, name)
    ) without rowid`);
    this.addSql(`create table alert_rollups (
      step_minutes integer not null,
      agent_key integer not null,
      start_minute integer not null,
      severity text not null,
      category text not null,
      count integer not null,
      primary key (step_minutes, agent_key, start_minute, severity, category)
    ) without rowid`);
  }
}
