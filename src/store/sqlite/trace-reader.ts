import type { OperationKind } from "../../model/event.ts";
import { tracePartitionPrefixOf } from "../../model/pairing.ts";
import type { OperationRecord, Page, TraceOperationQuery, TraceOperations, TraceQuery, TraceRecord } from "../store.ts";
import { ifAny, within } from "./condition.ts";
import { filterConditions, traceFilterColumns } from "./filter-condition.ts";
import { type OperationColumns, operationColumns, operationFromColumns, operationJoins } from "./operation-columns.ts";
import { findAgentKey } from "./owner.ts";
import { readPage } from "./page-walk.ts";
import type { RunQuery } from "./reader.ts";

interface TraceRow {
  readonly agent_key: number;
  readonly agent_id: string;
  readonly trace_id: string;
  readonly start_micros: number;
  readonly end_micros: number;
  readonly event_count: number;
  readonly error_count: number;
}

/** Agents that may take part in one trace. */
const agentsMax = 100;

/** Spans of a trace that are examined to find its earliest ones, where there are more than may be given. */
const examinedSpansMax = 100_000;

/** Bytes of a partition's key behind the prefix of its trace, in hexadecimal, at their greatest. */
const greatestRest = "ff".repeat(10);

const everyKind: Readonly<Record<OperationKind, true>> = {
  llm: true,
  tool: true,
  chain: true,
  retriever: true,
  graph: true,
  node: true,
  agent: true,
  other: true,
};

/** A page of traces in descending order of (start, key). */
export async function listTraces(
  run: RunQuery,
  { filter, after, limit }: TraceQuery,
  examinedRowsMax: number,
): Promise<Page<TraceRecord>> {
  const { agentId, traceId } = filter;
  const agentKey = agentId === null ? null : await findAgentKey(run, agentId);
  if (agentId !== null && agentKey === null) return { items: [], next: null };
  const ofAgent = ifAny("t.agent_key", agentKey);
  const range = within("t.start_micros", filter);
  const byStart = agentKey === null ? "traces_by_start" : "traces_by_agent_start";
  const index = traceId === null ? byStart : "traces_by_trace_id";
  const served = [...ifAny("t.trace_id", traceId), ...ofAgent, ...range];
  const { rows, next } = await readPage<TraceRow>(run, {
    walk: { from: `traces t indexed by ${index}`, time: "t.start_micros", key: "t.id", served },
    columns: "a.agent_id, t.trace_id, t.start_micros, t.end_micros, t.event_count, t.error_count",
    joins: "left join agents a on a.id = t.agent_key",
    picked: filterConditions(traceFilterColumns, filter.expression),
    examinedRowsMax,
    ascending: false,
    after,
    limit,
  });
  return { items: rows.map(traceFromRow), next };
}

/** The operations of a trace: its spans, and what lies in it without being a span. */
export async function findTraceOperations(
  run: RunQuery,
  { traceId, agentId, limit }: TraceOperationQuery,
  examinedRowsMax: number,
): Promise<TraceOperations> {
  const traces = await run<TraceRow>(
    `select t.agent_key, a.agent_id, t.trace_id, t.start_micros, t.end_micros, t.event_count, t.error_count
      from traces t indexed by traces_by_trace_id cross join agents a on a.id = t.agent_key
      where t.trace_id = ? ${agentId === null ? "" : "and a.agent_id = ?"} order by a.agent_id limit ${agentsMax}`,
    agentId === null ? [traceId] : [traceId, agentId],
  );
  if (traces.length === 0) return { traces: [], operations: [], truncated: false };
  const runs = JSON.stringify(traces.map(runOf));
  const spans = await run<OperationColumns>(spansSql, [runs, limit + 1, traceId]);
  const [examined] = await run<{ readonly count: number }>(examinedSql, [runs, examinedRowsMax]);
  const others = await run<OperationColumns>(othersSql, [runs, examinedRowsMax, traceId, limit + 1]);
  const operations = [...spans, ...others].map(operationFromColumns).sort(byTime);
  return {
    traces: traces.map(traceFromRow),
    operations: operations.slice(0, limit),
    truncated: operations.length > limit || examined === undefined || examined.count >= examinedRowsMax,
  };
}

/** Where the operations of a trace are looked for: between two partitions, or among those of the agent in the trace's time. */
function runOf({ agent_key, agent_id: agentId, trace_id: traceId, start_micros, end_micros }: TraceRow): unknown {
  const prefix = tracePartitionPrefixOf({ agentId, traceId });
  return { agent_key, low: prefix, high: prefix + greatestRest, start_micros, end_micros };
}

/** The places of `runOf` from a JSON array. */
const runsSql = `runs as materialized (
    select value ->> 'agent_key' as agent_key, unhex(value ->> 'low') as low, unhex(value ->> 'high') as high,
      value ->> 'start_micros' as start_micros, value ->> 'end_micros' as end_micros from json_each(?))`;

const spansSql = `
  with ${runsSql},
  examined as materialized (
    select o.id, o.at_micros, r.agent_key from runs r
      cross join operations o indexed by operations_by_partition on o.partition_key between r.low and r.high
      limit ${examinedSpansMax}),
  earliest as materialized (select id, agent_key from examined order by at_micros, id limit ?)
  select ${operationColumns} from earliest n cross join operations o on o.id = n.id ${operationJoins}
  where o.agent_key = n.agent_key and ifnull(b.trace_id, f.trace_id) = ?`;

/** Operations of the agents in the time of the trace, of whatever trace. */
const nearbySql = `runs r cross join kinds k cross join operations o indexed by operations_by_agent
      on o.agent_key = r.agent_key and o.kind = k.kind and o.at_micros between r.start_micros and r.end_micros`;

const kindsSql = `kinds(kind) as (values ${Object.keys(everyKind)
  .map((kind) => `('${kind}')`)
  .join(", ")})`;

const examinedSql = `with ${runsSql}, ${kindsSql}
  select count(*) as count from (select 1 from ${nearbySql} limit ?)`;

/** Those that lie in the trace without being a span: what has a span id is in the partitions of the trace. */
const othersSql = `
  with ${runsSql}, ${kindsSql},
  examined as materialized (
    select o.id, o.partition_key between r.low and r.high as is_span from ${nearbySql} limit ?)
  select ${operationColumns} from examined n cross join operations o on o.id = n.id ${operationJoins}
  where n.is_span = 0 and ifnull(b.trace_id, f.trace_id) = ? limit ?`;

function byTime(a: OperationRecord, b: OperationRecord): number {
  return a.atMicros - b.atMicros || a.id - b.id;
}

function traceFromRow(row: TraceRow): TraceRecord {
  return {
    agentId: row.agent_id,
    traceId: row.trace_id,
    startMicros: row.start_micros,
    endMicros: row.end_micros,
    eventCount: row.event_count,
    errorCount: row.error_count,
  };
}
