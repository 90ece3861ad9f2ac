import { Migration } from "@mikro-orm/migrations";

/** Counters of sessions per minute, quarter of an hour and day of their start. The rows are made anew from the sessions. */
export class SessionRollups extends Migration {
  override up(): void {
    this.addSql(`create table session_rollups (
      step_minutes integer not null,
      agent_key integer not null,
      start_minute integer not null,
      session_count integer not null,
      error_session_count integer not null,
      event_count integer not null,
      duration_micros bigint not null,
      primary key (step_minutes, agent_key, start_minute)
    ) without rowid`);
  }
}
