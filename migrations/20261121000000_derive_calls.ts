import { Migration } from "@mikro-orm/migrations";

/** Operations tell their name, session and time; calls of a model, traces and security alerts have tables of their own. */
export class DeriveCalls extends Migration {
  override up(): void {
    this.extendOperations();
    this.createLlmCalls();
    this.createTraces();
    this.createSecurityAlerts();
  }

  /** The rows are derived from the events, and made anew from them. */
  private extendOperations(): void {
    this.addSql("drop table operations");
    this.addSql(`create table operations (
      id integer not null primary key autoincrement,
      partition_key blob not null,
      agent_key integer not null,
      session_key integer null,
      kind text not null,
      name text not null,
      at_micros bigint not null,
      start_sequence integer null,
      start_micros bigint null,
      start_ties text null,
      start_tool_name text null,
      start_llm text null,
      finish_sequence integer null,
      finish_micros bigint null,
      finish_ties text null,
      finish_tool_name text null,
      finish_llm text null,
      outcome text null,
      duration_ms double null,
      constraint operations_agent_key_foreign foreign key (agent_key) references agents (id),
      constraint operations_session_key_foreign foreign key (session_key) references sessions (id) on delete set null
    )`);
    this.addSql("create index operations_by_partition on operations (partition_key, finish_micros)");
    this.addSql("create index operations_by_agent on operations (agent_key, kind, at_micros)");
    this.addSql("create index operations_by_finish on operations (agent_key, finish_micros)");
    this.addSql("create index operations_by_kind on operations (kind, at_micros)");
    this.addSql("create index operations_by_session on operations (session_key, at_micros)");
  }

  private createLlmCalls(): void {
    this.addSql(`create table llm_calls (
      operation_id integer not null primary key,
      trace_id text null,
      span_id text null,
      parent_span_id text null,
      is_wrapper integer not null,
      is_covered integer not null default 0,
      vendor text null,
      requested_model text null,
      used_model text null,
      stop_reason text null,
      input_tokens integer null,
      output_tokens integer null,
      cache_read_tokens integer null,
      cache_write_tokens integer null,
      reasoning_tokens integer null,
      cost_pico_usd bigint null,
      price text null
    )`);
    this.addSql("create index llm_calls_by_span on llm_calls (span_id)");
    this.addSql("create index llm_calls_by_parent on llm_calls (parent_span_id)");
  }

  private createTraces(): void {
    this.addSql(`create table traces (
      id integer not null primary key autoincrement,
      agent_key integer not null,
      trace_id text not null,
      start_micros bigint not null,
      end_micros bigint not null,
      event_count integer not null default 0,
      error_count integer not null default 0,
      constraint traces_agent_key_foreign foreign key (agent_key) references agents (id)
    )`);
    this.addSql("create unique index traces_by_agent on traces (agent_key, trace_id)");
    this.addSql("create index traces_by_trace_id on traces (trace_id)");
    this.addSql("create index traces_by_start on traces (start_micros)");
    this.addSql("alter table sessions add column error_count integer not null default 0");
    this.addSql("create index sessions_by_start on sessions (start_micros)");
  }

  private createSecurityAlerts(): void {
    this.addSql(`create table security_alerts (
      sequence integer not null primary key,
      agent_key integer not null,
      session_key integer null,
      time_micros bigint not null,
      severity text not null,
      category text null,
      keywords_json text not null,
      sample text null,
      description text null,
      status text not null default 'open',
      status_micros bigint null,
      constraint security_alerts_agent_key_foreign foreign key (agent_key) references agents (id),
      constraint security_alerts_session_key_foreign foreign key (session_key) references sessions (id) on delete set null
    )`);
    this.addSql("create index security_alerts_by_time on security_alerts (time_micros)");
    this.addSql("create index security_alerts_by_agent on security_alerts (agent_key, time_micros)");
  }
}
