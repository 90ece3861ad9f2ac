import type { LatencyQuery, LatencyRecord } from "../store.ts";
import type { RunQuery } from "./reader.ts";

/**
 * The rank of the percentile p among n values is ceil(p × n / 100), in whole numbers. Each of the `max` picks the one value
 * of that rank.
 */
const rankSql = (percentile: number) =>
  `max(case when position = (${percentile} * total + 99) / 100 then duration_ms end) as p${percentile}Ms`;

const latencySql = `
  with finished as (
    select o.kind, o.outcome, o.duration_ms,
      row_number() over (partition by o.kind order by o.duration_ms) as position,
      count(*) over (partition by o.kind) as total
    from operations o
    where o.agent_key = (select id from agents where agent_id = ?) and o.finish_micros between ? and ?
      and o.duration_ms is not null
  )
  select kind, count(*) as count, sum(outcome <> 'ok') as errorCount, avg(duration_ms) as meanMs, min(duration_ms) as minMs,
    max(duration_ms) as maxMs, ${[50, 90, 95, 99].map(rankSql).join(", ")}
  from finished group by kind order by kind`;

/** How long an agent's finished operations took, by kind. */
export function measureLatency(
  run: RunQuery,
  { agentId, fromMicros, toMicros }: LatencyQuery,
): Promise<LatencyRecord[]> {
  return run<LatencyRecord>(latencySql, [
    agentId,
    fromMicros ?? Number.MIN_SAFE_INTEGER,
    toMicros ?? Number.MAX_SAFE_INTEGER,
  ]);
}
