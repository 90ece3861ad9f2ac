import { Migration } from "@mikro-orm/migrations";

/**
 * Tables of calls that cost less to write: an operation is known by its event, without foreign keys, which are checked at every
 * insert, and a price is stored once instead of with every call. Roll-ups count the failures whose duration is known. What is not
 * kept is made anew from the events.
 */
export class LeanCalls extends Migration {
  override up(): void {
    this.rebuildOperations();
    this.rebuildLlmCalls();
    this.addSql("alter table call_rollups add column failure_duration_count integer not null default 0");
  }

  private rebuildOperations(): void {
    this.addSql("alter table operations rename to old_operations");
    for (const index of ["partition", "agent", "finish", "kind", "session"]) {
      this.addSql(`drop index operations_by_${index}`);
    }
    this.addSql(`create table operations (
      id integer not null primary key,
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
      duration_ms double null
    )`);
    this.addSql(`insert into operations select ifnull(start_sequence, finish_sequence), partition_key, agent_key, session_key, kind,
      name, at_micros, start_sequence, start_micros, start_ties, start_tool_name, start_llm, finish_sequence, finish_micros,
      finish_ties, finish_tool_name, finish_llm, outcome, duration_ms from old_operations`);
    this.addSql("create index operations_by_partition on operations (partition_key, finish_micros)");
    this.addSql("create index operations_by_agent on operations (agent_key, kind, at_micros)");
    this.addSql("create index operations_by_kind on operations (kind, at_micros)");
    this.addSql("create index operations_by_session on operations (session_key, at_micros)");
  }

  private rebuildLlmCalls(): void {
    this.addSql(`create table call_prices (id integer not null primary key autoincrement, price text not null)`);
    this.addSql("create unique index call_prices_price on call_prices (price)");
    this.addSql("insert into call_prices (price) select distinct price from llm_calls where price is not null");
    this.addSql("alter table llm_calls rename to old_llm_calls");
    this.addSql("drop index llm_calls_by_span");
    this.addSql("drop index llm_calls_by_parent");
    this.addSql(`create table llm_calls (
      operation_id integer not null primary key,
      link_key text null,
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
      price_key integer null
    )`);
    this.addSql(`insert into llm_calls select ifnull(o.start_sequence, o.finish_sequence), null, c.is_wrapper, c.is_covered, c.vendor,
      c.requested_model, c.used_model, c.stop_reason, c.input_tokens, c.output_tokens, c.cache_read_tokens, c.cache_write_tokens,
      c.reasoning_tokens, c.cost_pico_usd, p.id
      from old_llm_calls c join old_operations o on o.id = c.operation_id left join call_prices p on p.price = c.price`);
    this.addSql("create index llm_calls_by_link on llm_calls (link_key) where link_key is not null");
    this.addSql("drop table old_llm_calls");
    this.addSql("drop table old_operations");
  }
}
