import { Migration } from "@mikro-orm/migrations";

/** What OpenTelemetry events tell of their agent and session and of what lies above them, and what else it takes to move them. */
export class SpanOwners extends Migration {
  override up(): void {
    this.addSql(`create table span_owners (
      sequence integer not null primary key,
      event_id blob not null,
      trace_id text not null,
      span_id text null,
      parent_span_id text null,
      agent_id text null,
      session_id text null,
      service text null
    )`);
    this.addSql("create index span_owners_by_span on span_owners (trace_id, span_id)");
    this.addSql(
      "create index span_owners_by_parent on span_owners (trace_id, parent_span_id) where parent_span_id is not null",
    );
    this.addSql(`create table provider_reports (
      agent_key integer not null,
      is_movable integer not null,
      time_micros bigint not null,
      event_id blob not null,
      provider text not null,
      primary key (agent_key, is_movable, time_micros, event_id)
    ) without rowid`);
    // A session that is left without events is removed, for which the rows that refer to it are looked for.
    this.addSql("create index security_alerts_by_session on security_alerts (session_key)");
  }
}
