import type { Database } from "better-sqlite3";
import { createRollupWriter } from "../../../src/store/sqlite/rollup-writer.ts";

/** Rows as texts, by table. */
export type DerivedDump = Readonly<Record<string, readonly string[]>>;

/** What stands for an agent's key in roll-ups. */
const agentSql = "ifnull((select agent_id from agents where id = r.agent_key), 'key ' || r.agent_key) as agent";

const eventSql = (sequence: string) => `(select hex(event_id) from events where sequence = ${sequence})`;

/** Everything that is derived from events, with ids in the place of keys, which tell the order of arrival. */
const tables: Readonly<Record<string, string>> = {
  events: `select hex(r.event_id), a.agent_id, s.session_id, r.paired_duration_ms from events r
    join agents a on a.id = r.agent_key left join sessions s on s.id = r.session_key`,
  agents: "select * from agents r",
  sessions: `select ${agentSql}, r.* from sessions r`,
  traces: `select ${agentSql}, r.* from traces r`,
  operations: `select ${eventSql("r.id")} as event, ${agentSql}, s.session_id, ${eventSql("r.start_sequence")} as start,
    ${eventSql("r.finish_sequence")} as finish, r.* from operations r left join sessions s on s.id = r.session_key`,
  llm_calls: `select ${eventSql("r.operation_id")} as event, r.*, p.price from llm_calls r
    left join call_prices p on p.id = r.price_key`,
  call_ancestors: `select ${eventSql("r.operation_id")} as event, r.span_key from call_ancestors r`,
  security_alerts: `select ${eventSql("r.sequence")} as event, ${agentSql}, s.session_id, r.* from security_alerts r
    left join sessions s on s.id = r.session_key`,
  provider_reports: `select ${agentSql}, r.* from provider_reports r`,
  span_owners: "select * from span_owners r",
  event_rollups: `select ${agentSql}, r.* from event_rollups r`,
  call_rollups: `select ${agentSql}, r.* from call_rollups r`,
  alert_rollups: `select ${agentSql}, r.* from alert_rollups r`,
  session_rollups: `select ${agentSql}, r.* from session_rollups r`,
};

const keys = new Set([
  "id",
  "sequence",
  "agent_key",
  "session_key",
  "start_sequence",
  "finish_sequence",
  "operation_id",
  "price_key",
]);

/** Reads what is derived, once what was counted lately is added to the steps. */
export function dumpDerived(database: Database): DerivedDump {
  database.transaction(() => createRollupWriter(database).spread())();
  return Object.fromEntries(
    Object.entries(tables).map(([table, sql]) => [
      table,
      database
        .prepare<[], Record<string, unknown>>(sql)
        .all()
        .map((row) => JSON.stringify(Object.entries(row).filter(([column]) => !keys.has(column))))
        .sort(),
    ]),
  );
}

/** Removes everything. */
export function clearDerived(database: Database): void {
  const others = ["security_alerts", "llm_calls", "call_ancestors", "operations", "traces", "span_owners"];
  const rollups = ["event_rollups", "call_rollups", "alert_rollups", "session_rollups", "provider_reports"];
  for (const table of [...others, ...rollups, "events", "sessions", "agents"]) database.exec(`delete from ${table}`);
}
