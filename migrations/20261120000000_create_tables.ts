import { Migration } from "@mikro-orm/migrations";

/** The first schema: agents, sessions, events, operations. */
export class CreateTables extends Migration {
  override up(): void {
    this.createAgents();
    this.createSessions();
    this.createEvents();
    this.createOperations();
  }

  private createAgents(): void {
    this.addSql(`create table agents (
      id integer not null primary key autoincrement,
      agent_id text not null,
      first_seen_micros bigint not null,
      first_event_id blob not null,
      first_event_name text not null,
      last_seen_micros bigint not null,
      last_event_id blob not null,
      last_event_name text not null,
      llm_provider text null,
      llm_provider_micros bigint null,
      llm_provider_event_id blob null,
      event_count integer not null default 0,
      session_count integer not null default 0
    )`);
    this.addSql("create unique index agents_agent_id on agents (agent_id)");
    this.addSql("create index agents_by_last_seen on agents (last_seen_micros, agent_id)");
  }

  private createSessions(): void {
    this.addSql(`create table sessions (
      id integer not null primary key autoincrement,
      agent_key integer not null,
      session_id text not null,
      start_micros bigint not null,
      end_micros bigint not null,
      event_count integer not null default 0,
      constraint sessions_agent_key_foreign foreign key (agent_key) references agents (id)
    )`);
    this.addSql("create unique index sessions_by_agent on sessions (agent_key, session_id)");
    this.addSql("create index sessions_by_session_id on sessions (session_id)");
  }

  private createEvents(): void {
    this.addSql(`create table events (
      sequence integer not null primary key autoincrement,
      event_id blob not null,
      agent_key integer not null,
      session_key integer null,
      time_micros bigint not null,
      received_at_micros bigint not null,
      name text not null,
      level text not null,
      channel text null,
      direction text null,
      duration_ms double null,
      paired_duration_ms double null,
      trace_id text null,
      span_id text null,
      parent_span_id text null,
      caller_file text null,
      caller_line integer null,
      caller_function text null,
      client_event_id text null,
      schema_version text null,
      dialect text not null,
      attributes_json text not null,
      extensions_json text null,
      constraint events_agent_key_foreign foreign key (agent_key) references agents (id),
      constraint events_session_key_foreign foreign key (session_key) references sessions (id) on delete set null
    )`);
    this.addSql("create unique index events_event_id on events (event_id)");
    this.addSql("create index events_by_time on events (time_micros)");
    this.addSql("create index events_by_agent on events (agent_key, time_micros)");
    this.addSql("create index events_by_agent_name on events (agent_key, name, time_micros)");
    this.addSql("create index events_by_session on events (session_key, time_micros)");
  }

  private createOperations(): void {
    this.addSql(`create table operations (
      id integer not null primary key autoincrement,
      partition_key blob not null,
      agent_key integer not null,
      kind text not null,
      start_sequence integer null,
      start_micros bigint null,
      start_ties text null,
      start_tool_name text null,
      finish_sequence integer null,
      finish_micros bigint null,
      finish_ties text null,
      finish_tool_name text null,
      outcome text null,
      duration_ms double null,
      constraint operations_agent_key_foreign foreign key (agent_key) references agents (id)
    )`);
    this.addSql("create index operations_by_partition on operations (partition_key, finish_micros)");
    this.addSql("create index operations_by_agent on operations (agent_key, finish_micros)");
  }
}
