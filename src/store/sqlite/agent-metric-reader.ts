import { type OperationKind, operationKinds } from "../../model/event.ts";
import type { EventCount, EventCountQuery, LatencyQuery, LatencyRecord } from "../store.ts";
import { type ContributionRow, callCounters, contributionFrom, contributionSql } from "./call-contribution.ts";
import {
  addContribution,
  addRollup,
  type CallRollupRow,
  createCallSum,
  distributionColumns,
  latencyOf,
} from "./call-sum.ts";
import { findAgentKey } from "./owner.ts";
import type { RunQuery } from "./reader.ts";
import { cutRange } from "./rollup-edges.ts";
import { inPieceSql, piecesToText } from "./rollup-range.ts";

/*
 * One agent in numbers, within bounds of any precision: full minutes by the roll-ups, what is left at the edges one by one.
 */

const eventColumns = { name: "name", level: "event_level", channel: "channel" } as const;

/** Rows of roll-ups in the pieces of the first parameter, of the agent of the second. */
const piecesSql = (table: "event_rollups" | "call_rollups") =>
  `json_each(?) p cross join ${table} r on ${inPieceSql("?")}`;

const countSql = (dimension: EventCountQuery["dimension"]) => `
  select value, sum(count) as count, min(first_micros) as firstMicros, max(latest_micros) as latestMicros from (
    select r.${eventColumns[dimension]} as value, r.count, r.first_micros, r.latest_micros from ${piecesSql("event_rollups")}
    union all
    select ifnull(e.${dimension}, '') as value, 1 as count, e.time_micros as first_micros, e.time_micros as latest_micros
    from json_each(?) p cross join events e indexed by events_by_agent
      on e.agent_key = ? and e.time_micros between p.value ->> 0 and p.value ->> 1
  ) group by value`;

/** An agent's events by one dimension. */
export async function countEvents(
  run: RunQuery,
  { agentId, dimension, ...range }: EventCountQuery,
): Promise<EventCount[]> {
  const agentKey = await findAgentKey(run, agentId);
  if (agentKey === null) return [];
  const { pieces, edges } = cutRange(range);
  return run<EventCount>(countSql(dimension), [piecesToText(pieces), agentKey, JSON.stringify(edges), agentKey]);
}

type KindRow = CallRollupRow & { readonly kind: OperationKind };

const rollupSql = `select r.kind, ${[...callCounters, ...distributionColumns].map((column) => `r.${column}`).join(", ")} from ${piecesSql("call_rollups")}`;

const edgeSql = `${contributionSql} and o.agent_key = ? and o.kind in (select value from json_each(?))
  and o.at_micros between ? and ?`;

/** How long an agent's operations took, by kind. */
export async function measureLatency(run: RunQuery, { agentId, ...range }: LatencyQuery): Promise<LatencyRecord[]> {
  const agentKey = await findAgentKey(run, agentId);
  if (agentKey === null) return [];
  const { pieces, edges } = cutRange(range);
  const sums = new Map(operationKinds.map((kind) => [kind, createCallSum()]));
  for (const row of await run<KindRow>(rollupSql, [piecesToText(pieces), agentKey])) {
    const sum = sums.get(row.kind);
    if (sum !== undefined) addRollup(sum, row);
  }
  const kinds = JSON.stringify(operationKinds);
  for (const edge of edges) {
    for (const row of await run<ContributionRow>(edgeSql, [agentKey, kinds, ...edge])) {
      const sum = sums.get(row.kind);
      if (sum !== undefined) addContribution(sum, contributionFrom(row));
    }
  }
  return [...sums]
    .flatMap(([kind, sum]) => {
      const latency = latencyOf(sum);
      return latency === null ? [] : [{ kind, ...latency, errorCount: sum.counters.failure_duration_count }];
    })
    .sort((a, b) => (a.kind < b.kind ? -1 : 1));
}
