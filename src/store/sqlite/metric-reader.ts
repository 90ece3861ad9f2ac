import type {
  AgentCountQuery,
  AlertMetricQuery,
  AlertSums,
  EventMetricQuery,
  EventSums,
  MetricBucket,
  MetricGroups,
  MetricStore,
  SessionMetricQuery,
  SessionSums,
} from "../metrics.ts";
import { queryCalls } from "./call-metric-reader.ts";
import { ifAny } from "./condition.ts";
import { type EventCountRow, eventSource } from "./event-sum.ts";
import { type MetricSource, sumByGroup } from "./metric-groups.ts";
import type { RunQuery } from "./reader.ts";
import { inPieceSql, piecesOf, piecesToText } from "./rollup-range.ts";
import { findMetricAgents, readRollups } from "./rollup-rows.ts";
import { isOfSessions, querySessionCalls, querySessionEvents } from "./session-metric-reader.ts";

/** Answers in numbers: by the roll-ups, and what is asked of sessions from what lies in them. */
export function createMetricReader(run: RunQuery): MetricStore {
  return {
    queryCalls: (query) => (isOfSessions(query) ? querySessionCalls(run, query) : queryCalls(run, query)),
    queryEvents: (query) => (isOfSessions(query) ? querySessionEvents(run, query) : queryEvents(run, query)),
    queryAlerts: (query) => queryAlerts(run, query),
    querySessions: (query) => querySessions(run, query),
    countAgents: (query) => countAgents(run, query),
  };
}

/** Roll-ups know no sessions. */
const eventColumns = { agent: "agent_key", name: "name", level: "event_level", channel: "channel" } as const;

async function queryEvents(run: RunQuery, query: EventMetricQuery): Promise<MetricGroups<EventSums>> {
  const { name, level, channel } = query.filter;
  const rollups = {
    table: "event_rollups",
    agents: await findMetricAgents(run, query),
    isEveryAgent: query.agentIds.length === 0,
    conditions: [...ifAny("r.name", name), ...ifAny("r.event_level", level), ...ifAny("r.channel", channel)],
    groupColumns: query.groupBy.flatMap((dimension) => (dimension === "session" ? [] : eventColumns[dimension])),
    columns: [
      "r.event_level",
      "sum(r.count) as count",
      "min(r.first_micros) as first",
      "max(r.latest_micros) as latest",
    ],
    apartBy: ["event_level"],
  } as const;
  const read = (buckets: readonly MetricBucket[]) => readRollups<EventCountRow>(run, rollups, buckets);
  return sumByGroup(eventSource(read, query.filter), query);
}

const alertColumns = { agent: "agent_key", severity: "severity", category: "category" } as const;

interface AlertSum {
  count: number;
}

async function queryAlerts(run: RunQuery, query: AlertMetricQuery): Promise<MetricGroups<AlertSums>> {
  const { severity, category } = query.filter;
  const rollups = {
    table: "alert_rollups",
    agents: await findMetricAgents(run, query),
    isEveryAgent: query.agentIds.length === 0,
    conditions: [...ifAny("r.severity", severity), ...ifAny("r.category", category)],
    groupColumns: query.groupBy.map((dimension) => alertColumns[dimension]),
    columns: ["sum(r.count) as count"],
    apartBy: [],
  } as const;
  const source: MetricSource<AlertSums, AlertSum, AlertSums> = {
    read: (buckets) => readRollups<AlertSums>(run, rollups, buckets),
    countOf: ({ count }) => count,
    createSum: () => ({ count: 0 }),
    add(sum, { count }) {
      sum.count += count;
    },
    sizeOf: ({ count }) => count,
    finish: (sum) => sum,
  };
  return sumByGroup(source, query);
}

const sessionColumns = { agent: "agent_key" } as const;

async function querySessions(run: RunQuery, query: SessionMetricQuery): Promise<MetricGroups<SessionSums>> {
  const rollups = {
    table: "session_rollups",
    agents: await findMetricAgents(run, query),
    isEveryAgent: query.agentIds.length === 0,
    conditions: [],
    groupColumns: query.groupBy.map((dimension) => sessionColumns[dimension]),
    columns: [
      "sum(r.session_count) as count",
      "sum(r.error_session_count) as errorSessionCount",
      "sum(r.event_count) as eventCount",
      "sum(r.duration_micros) as durationSumMicros",
    ],
    apartBy: [],
  } as const;
  const source: MetricSource<SessionSums, { -readonly [Name in keyof SessionSums]: number }, SessionSums> = {
    read: (buckets) => readRollups<SessionSums>(run, rollups, buckets),
    countOf: ({ count }) => count,
    createSum: () => ({ count: 0, errorSessionCount: 0, eventCount: 0, durationSumMicros: 0 }),
    add(sum, { count, errorSessionCount, eventCount, durationSumMicros }) {
      sum.count += count;
      sum.errorSessionCount += errorSessionCount;
      sum.eventCount += eventCount;
      sum.durationSumMicros += durationSumMicros;
    },
    sizeOf: ({ count }) => count,
    finish: (sum) => sum,
  };
  return sumByGroup(source, query);
}

/** Agents of which at least one event lies in one of the pieces: one look for each, which ends at the first row. */
const reportingSql = `
  select count(*) as count from json_each(?) a where exists (
    select 1 from json_each(?) p cross join event_rollups r on ${inPieceSql("a.value")})`;

async function countAgents(run: RunQuery, query: AgentCountQuery): Promise<number> {
  const agents = await findMetricAgents(run, query);
  const [row] = await run<{ readonly count: number }>(reportingSql, [
    JSON.stringify([...agents.keys()]),
    piecesToText(piecesOf(query.buckets)),
  ]);
  return row?.count ?? 0;
}
