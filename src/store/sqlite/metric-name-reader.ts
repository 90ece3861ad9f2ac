import type { MetricCursor, MetricListQuery, MetricPage, MetricRecord } from "../store.ts";
import { ifAny, parametersOf, whereSql } from "./condition.ts";
import type { RunQuery } from "./reader.ts";

interface MetricRow extends MetricCursor {
  /** JSON array of what each agent says. */
  readonly agents: string;
}

/** Id, description, number of series, and times of the first and the last point as digits. */
type AgentEntry = readonly [string, string, number, string, string];

/** A page of metrics, along an index in their order. */
export async function listMetrics(run: RunQuery, { agentId, after, limit }: MetricListQuery): Promise<MetricPage> {
  const conditions = [
    ...ifAny("m.agent_id", agentId),
    ...(after === null
      ? []
      : [{ sql: "(m.name, m.type, m.unit) > (?, ?, ?)", parameters: [after.name, after.type, after.unit] }]),
  ];
  // One more than asked for says whether there are more.
  const rows = await run<MetricRow>(
    `select m.name, m.type, m.unit, json_group_array(json_array(m.agent_id, m.description, m.series_count,
      cast(m.first_nanos as text), cast(m.last_nanos as text))) as agents
      from metric_names m indexed by ${agentId === null ? "metric_names_by_name" : "metric_names_by_agent"}
      ${whereSql(conditions)} group by m.name, m.type, m.unit order by m.name, m.type, m.unit limit ?`,
    [...parametersOf(conditions), limit + 1],
  );
  const metrics = rows.slice(0, limit).map(metricFromRow);
  const last = metrics.at(-1);
  if (rows.length <= limit || last === undefined) return { metrics, next: null };
  return { metrics, next: { name: last.name, type: last.type, unit: last.unit } };
}

function metricFromRow({ name, type, unit, agents }: MetricRow): MetricRecord {
  // What the statement puts together, one entry for each agent.
  const entries = (JSON.parse(agents) as readonly AgentEntry[]).map(
    ([agentId, description, seriesCount, first, last]) => ({
      agentId,
      description,
      seriesCount,
      firstNanos: BigInt(first),
      lastNanos: BigInt(last),
    }),
  );
  const latest = entries.reduce((one, other) => (other.lastNanos > one.lastNanos ? other : one));
  const earliest = entries.reduce((one, other) => (other.firstNanos < one.firstNanos ? other : one));
  return {
    name,
    type,
    unit,
    description: latest.description,
    agentIds: entries.map(({ agentId }) => agentId),
    seriesCount: entries.reduce((sum, { seriesCount }) => sum + seriesCount, 0),
    firstNanos: earliest.firstNanos,
    lastNanos: latest.lastNanos,
  };
}
