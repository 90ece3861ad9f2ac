import type { Database } from "better-sqlite3";
import type { DerivedFacts, Event, StoredEvent } from "../../model/event.ts";
import type { PriceBook } from "../../pricing/price-table.ts";
import { createAgentLedger } from "./agent-ledger.ts";
import { createAlertWriter } from "./alert-writer.ts";
import { type EventRow, eventFromRow } from "./event-row.ts";
import { planOperations } from "./operation-plan.ts";
import { createOperationWriter } from "./operation-writer.ts";
import { rebuildRollups } from "./rollup-writer.ts";
import { createTraceLedger } from "./trace-ledger.ts";

/**
 * Number of the rules by which tables are derived from events, kept as `PRAGMA user_version`. To be counted up whenever a rule
 * changes, so that the next start makes the derived tables anew.
 */
export const derivationVersion = 8;

/** What it takes to derive anew. */
export interface RebuildOptions {
  /** Reads out of a stored event what ingest reads out of one that arrives. */
  readonly derive: (event: StoredEvent) => DerivedFacts;
  readonly prices: PriceBook;
}

/** Events that are read at a time. */
const chunkEvents = 1_000;

type Row = EventRow & { readonly agent_key: number; readonly session_key: number | null };

/** Whether the derived tables were made by other rules than today's. */
export function needsRebuild(database: Database): boolean {
  return database.pragma("user_version", { simple: true }) !== derivationVersion;
}

/**
 * Makes agents, sessions, operations, calls, traces, alerts and roll-ups anew from the events, in one transaction; what people said of
 * alerts is kept, and so is the price of a call of which the same is known. Else the result is what it would be had the events just
 * arrived, and those that are gone never. Returns the number of events.
 */
export function rebuildDerived(database: Database, { derive, prices }: RebuildOptions): number {
  const ledger = createAgentLedger(database, { sessionChanged() {} });
  const traces = createTraceLedger(database);
  const operations = createOperationWriter(database, prices, { operationAdded() {}, operationChanging() {} });
  const alerts = createAlertWriter(database);
  const read = database.prepare(
    `select e.*, a.agent_id, s.session_id from events e join agents a on a.id = e.agent_key
    left join sessions s on s.id = e.session_key where e.sequence > ? order by e.sequence limit ${chunkEvents}`,
  );
  const addChunk = (rows: readonly Row[]): void => {
    const events = rows.map((row): Event => {
      const stored = eventFromRow(row);
      return { ...stored, ...derive(stored) };
    });
    const plan = planOperations(events);
    for (const [
      index,
      { sequence, agent_key: agentKey, session_key: sessionKey, paired_duration_ms },
    ] of rows.entries()) {
      const event = events[index];
      if (event === undefined) continue;
      ledger.count(event, { agentKey, sessionKey });
      traces.count(event, agentKey);
      if (event.alert !== null)
        alerts.write(event.alert, { sequence, agentKey, sessionKey, timeMicros: event.timeMicros });
      for (const part of plan.parts[index] ?? [])
        Object.assign(part, { sequence, agentKey, sessionKey, pairedMs: paired_duration_ms });
    }
    ledger.flush();
    traces.flush();
    operations.write(plan);
  };
  const rebuild = database.transaction((): number => {
    database.exec(clearSql);
    let count = 0;
    // The statement selects exactly these columns.
    for (let rows = read.all(0) as Row[]; rows.length > 0; rows = read.all(rows.at(-1)?.sequence) as Row[]) {
      addChunk(rows);
      count += rows.length;
    }
    database.exec(finishSql);
    rebuildRollups(database);
    database.pragma(`user_version = ${derivationVersion}`);
    return count;
  });
  return rebuild.immediate();
}

const clearSql = `
  create temp table kept_alerts as
    select sequence, status, status_micros from security_alerts where status_micros is not null;
  create temp table kept_prices as select o.finish_sequence, c.*
    from llm_calls c join operations o on o.id = c.operation_id where c.price_key is not null;
  create index temp.kept_prices_by_operation on kept_prices (operation_id);
  delete from llm_calls;
  delete from call_ancestors;
  delete from operations;
  delete from traces;
  delete from security_alerts;
  update sessions set event_count = 0, error_count = 0, start_micros = ${Number.MAX_SAFE_INTEGER},
    end_micros = ${Number.MIN_SAFE_INTEGER};
  update agents set event_count = 0, first_seen_micros = ${Number.MAX_SAFE_INTEGER}, last_seen_micros = ${Number.MIN_SAFE_INTEGER},
    llm_provider = null, llm_provider_micros = null, llm_provider_event_id = null;`;

const finishSql = `
  update security_alerts set (status, status_micros) =
    (select status, status_micros from kept_alerts k where k.sequence = security_alerts.sequence)
    where sequence in (select sequence from kept_alerts);
  drop table kept_alerts;
  update llm_calls set (cost_pico_usd, price_key) = (k.cost_pico_usd, k.price_key)
    from operations o join temp.kept_prices k on k.operation_id = o.id
    where o.id = llm_calls.operation_id and k.finish_sequence is o.finish_sequence and k.vendor is llm_calls.vendor
      and k.requested_model is llm_calls.requested_model and k.used_model is llm_calls.used_model
      and k.input_tokens is llm_calls.input_tokens and k.output_tokens is llm_calls.output_tokens
      and k.cache_read_tokens is llm_calls.cache_read_tokens and k.cache_write_tokens is llm_calls.cache_write_tokens
      and k.reasoning_tokens is llm_calls.reasoning_tokens;
  drop table kept_prices;
  delete from sessions where event_count = 0;
  delete from agents where event_count = 0;
  update agents set session_count = (select count(*) from sessions s where s.agent_key = agents.id);`;
