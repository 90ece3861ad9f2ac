import type { Database } from "better-sqlite3";
import type { DerivedFacts, Event, StoredEvent } from "../../model/event.ts";
import type { PriceBook } from "../../pricing/price-table.ts";
import { createAgentLedger, type EventKeys } from "./agent-ledger.ts";
import { createAlertWriter } from "./alert-writer.ts";
import { type EventRow, eventFromRow } from "./event-row.ts";
import { planOperations } from "./operation-plan.ts";
import { createOperationWriter } from "./operation-writer.ts";
import { rebuildRollups } from "./rollup-writer.ts";
import { createSpanOwners } from "./span-owners.ts";
import { createTraceLedger } from "./trace-ledger.ts";

/**
 * Number of the rules by which tables are derived from events, kept as `PRAGMA user_version`. To be counted up whenever a rule
 * changes, so that the next start makes the derived tables anew.
 */
export const derivationVersion = 10;

/** What it takes to derive anew. */
export interface RebuildOptions {
  /** Reads out of a stored event what ingest reads out of one that arrives. */
  readonly derive: (event: StoredEvent) => DerivedFacts;
  readonly prices: PriceBook;
}

/** Events that are read at a time. */
const chunkEvents = 1_000;

interface Row extends EventRow {
  readonly agent_key: number;
  readonly session_key: number | null;
  /** See `span_owners`. */
  readonly service: string | null;
}

/** Whether the derived tables were made by other rules than today's. */
export function needsRebuild(database: Database): boolean {
  return database.pragma("user_version", { simple: true }) !== derivationVersion;
}

/**
 * Makes agents, sessions, operations, calls, traces, alerts and roll-ups anew from the events, in one transaction, and gives OpenTelemetry
 * events to the agents and sessions that the spans above them tell; what people said of alerts is kept, and so is the price of a call of which the same is known. Else the result is what it would be had the events just
 * arrived, and those that are gone never. Returns the number of events.
 */
export function rebuildDerived(database: Database, { derive, prices }: RebuildOptions): number {
  const ledger = createAgentLedger(database, { sessionChanged() {} });
  const traces = createTraceLedger(database);
  const operations = createOperationWriter(database, prices, { operationAdded() {}, operationChanging() {} });
  const alerts = createAlertWriter(database);
  const owners = createSpanOwners(database);
  const read = database.prepare(rowSql(""));
  const setKeys = database.prepare("update events set agent_key = ?, session_key = ? where sequence = ?");
  /** Keys of the event as it is attributed now, which may be others than before. */
  const keysOf = (event: Event, row: Row): EventKeys => {
    if (event.agentId === row.agent_id && event.sessionId === row.session_id) {
      return { agentKey: row.agent_key, sessionKey: row.session_key };
    }
    const keys = ledger.keysOf(event);
    setKeys.run(keys.agentKey, keys.sessionKey, row.sequence);
    return keys;
  };
  const addChunk = (rows: readonly Row[]): void => {
    const { events } = owners.attribute(rows.map((row) => deriveEvent(row, derive)));
    const plan = planOperations(events);
    for (const [index, row] of rows.entries()) {
      const event = events[index];
      if (event === undefined) continue;
      const { sequence, paired_duration_ms: pairedMs } = row;
      const keys = keysOf(event, row);
      ledger.count(event, keys);
      traces.count(event, keys.agentKey);
      if (event.alert !== null) alerts.write(event.alert, { sequence, ...keys, timeMicros: event.timeMicros });
      for (const part of plan.parts[index] ?? []) Object.assign(part, { sequence, ...keys, pairedMs });
    }
    ledger.flush();
    traces.flush();
    operations.write(plan);
  };
  const rebuild = database.transaction((): number => {
    database.exec(clearSql);
    rebuildOwners(database, derive);
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

/** Makes anew what OpenTelemetry events tell of their agents and sessions. Of what they tell alone only their service is kept. */
function rebuildOwners(database: Database, derive: RebuildOptions["derive"]): void {
  const owners = createSpanOwners(database);
  const read = database.prepare(rowSql("and e.dialect = 'otlp'"));
  const remove = database.prepare("delete from span_owners where sequence = ?");
  // The statement selects exactly these columns.
  for (let rows = read.all(0) as Row[]; rows.length > 0; rows = read.all(rows.at(-1)?.sequence) as Row[]) {
    const batch = owners.attribute(rows.map((row) => deriveEvent(row, derive)));
    for (const [index, { sequence }] of rows.entries()) {
      remove.run(sequence);
      batch.stored(index, sequence);
    }
  }
}

/** A stored event as it arrived, before it took anything from the spans above it. */
function deriveEvent(row: Row, derive: RebuildOptions["derive"]): Event {
  const stored = eventFromRow(row);
  const event = { ...stored, ...derive(stored) };
  if (event.ownership === null) return event;
  const { agentId, sessionId } = event.ownership;
  return { ...event, agentId: agentId ?? row.service ?? event.agentId, sessionId };
}

/** Reads the next events after a sequence. */
function rowSql(condition: string): string {
  return `select e.*, a.agent_id, s.session_id, w.service from events e join agents a on a.id = e.agent_key
    left join sessions s on s.id = e.session_key left join span_owners w on w.sequence = e.sequence
    where e.sequence > ? ${condition} order by e.sequence limit ${chunkEvents}`;
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
  delete from provider_reports;
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
