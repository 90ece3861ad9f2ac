import type { Page, SessionQuery, SessionRecord } from "../store.ts";
import { isUnpricedSql } from "./call-contribution.ts";
import { ifAny, within } from "./condition.ts";
import { filterConditions, sessionFilterColumns } from "./filter-condition.ts";
import { toolNameSql } from "./operation-columns.ts";
import { findAgentKey } from "./owner.ts";
import { readPage } from "./page-walk.ts";
import type { RunQuery } from "./reader.ts";

interface SessionRow {
  readonly id: number;
  readonly agent_id: string;
  readonly session_id: string;
  readonly start_micros: number;
  readonly end_micros: number;
  readonly event_count: number;
  readonly error_count: number;
}

/** What happened in a session. */
interface CounterRow {
  readonly key: number;
  readonly llm_calls: number | null;
  readonly failed_llm_calls: number | null;
  readonly tool_calls: number | null;
  readonly failed_tool_calls: number | null;
  readonly input_tokens: number | null;
  readonly output_tokens: number | null;
  readonly cache_read_tokens: number | null;
  readonly cache_write_tokens: number | null;
  readonly reasoning_tokens: number | null;
  readonly cost_pico_usd: number | null;
  readonly unpriced_calls: number | null;
  readonly alerts: number | null;
  readonly slowest_name: string | null;
  readonly slowest_ms: number | null;
}

/** A sum over the calls of a language model that count; null where none of them has a value. */
const sumSql = (column: string) => `sum(case when c.is_covered = 0 then c.${column} end) as ${column}`;

/** Counters of the sessions whose keys the parameter lists, as a JSON array. */
const countersSql = `
  with page as materialized (select value as key from json_each(?)),
  calls as (
    select o.session_key as key, sum(c.is_covered = 0) as llm_calls,
      sum(c.is_covered = 0 and o.outcome <> 'ok') as failed_llm_calls,
      sum(o.kind = 'tool') as tool_calls, sum(o.kind = 'tool' and o.outcome <> 'ok') as failed_tool_calls,
      ${[
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "reasoning_tokens",
        "cost_pico_usd",
      ]
        .map(sumSql)
        .join(", ")},
      sum(c.is_covered = 0 and ${isUnpricedSql}) as unpriced_calls
    from operations o indexed by operations_by_session left join llm_calls c on c.operation_id = o.id
    where o.session_key in (select key from page) and o.kind in ('llm', 'tool') group by o.session_key
  ),
  tools as (
    select o.session_key as key, ${toolNameSql} as slowest_name, o.duration_ms as slowest_ms,
      row_number() over (partition by o.session_key order by o.duration_ms desc, ${toolNameSql}) as place
    from operations o indexed by operations_by_session
    where o.session_key in (select key from page) and o.kind = 'tool' and o.duration_ms is not null
  ),
  findings as (
    select s.id as key, count(*) as alerts from page cross join sessions s on s.id = page.key
    cross join security_alerts x indexed by security_alerts_by_agent
      on x.agent_key = s.agent_key and x.time_micros between s.start_micros and s.end_micros
    where x.session_key = s.id group by s.id
  )
  select calls.*, page.key, tools.slowest_name, tools.slowest_ms, findings.alerts from page
  left join calls on calls.key = page.key left join tools on tools.key = page.key and tools.place = 1
  left join findings on findings.key = page.key`;

/** A page of sessions in descending order of (start, key), with their counters. */
export async function listSessions(
  run: RunQuery,
  { filter, after, limit }: SessionQuery,
  examinedRowsMax: number,
): Promise<Page<SessionRecord>> {
  const { agentId, sessionId } = filter;
  const agentKey = agentId === null ? null : await findAgentKey(run, agentId);
  if (agentId !== null && agentKey === null) return { items: [], next: null };
  const ofAgent = ifAny("s.agent_key", agentKey);
  const range = within("s.start_micros", filter);
  const byStart = agentKey === null ? "sessions_by_start" : "sessions_by_agent_start";
  const index = sessionId === null ? byStart : "sessions_by_session_id";
  const ofId = ifAny("s.session_id", sessionId);
  const { rows, next } = await readPage<SessionRow>(run, {
    walk: {
      from: `sessions s indexed by ${index}`,
      time: "s.start_micros",
      key: "s.id",
      served: [...ofId, ...ofAgent, ...range],
    },
    columns: "s.id, a.agent_id, s.session_id, s.start_micros, s.end_micros, s.event_count, s.error_count",
    joins: "left join agents a on a.id = s.agent_key",
    picked: filterConditions(sessionFilterColumns, filter.expression),
    examinedRowsMax,
    ascending: false,
    after,
    limit,
  });
  if (rows.length === 0) return { items: [], next };
  const counters = await run<CounterRow>(countersSql, [JSON.stringify(rows.map(({ id }) => id))]);
  const byKey = new Map(counters.map((row) => [row.key, row]));
  return { items: rows.map((row) => sessionFromRows(row, byKey.get(row.id))), next };
}

function sessionFromRows(row: SessionRow, counters: CounterRow | undefined): SessionRecord {
  const slowestMs = counters?.slowest_ms ?? null;
  return {
    agentId: row.agent_id,
    sessionId: row.session_id,
    startMicros: row.start_micros,
    endMicros: row.end_micros,
    eventCount: row.event_count,
    errorCount: row.error_count,
    llmCallCount: counters?.llm_calls ?? 0,
    failedLlmCallCount: counters?.failed_llm_calls ?? 0,
    toolCallCount: counters?.tool_calls ?? 0,
    failedToolCallCount: counters?.failed_tool_calls ?? 0,
    alertCount: counters?.alerts ?? 0,
    tokens: {
      input: counters?.input_tokens ?? null,
      output: counters?.output_tokens ?? null,
      cacheRead: counters?.cache_read_tokens ?? null,
      cacheWrite: counters?.cache_write_tokens ?? null,
      reasoning: counters?.reasoning_tokens ?? null,
    },
    costPicoUsd: counters?.cost_pico_usd ?? null,
    unpricedCallCount: counters?.unpriced_calls ?? 0,
    slowestTool: slowestMs === null ? null : { name: counters?.slowest_name ?? null, durationMs: slowestMs },
  };
}
