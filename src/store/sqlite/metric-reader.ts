import type {
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
import { type MetricSource, type PlacedRow, sumByGroup } from "./metric-groups.ts";
import type { RunQuery } from "./reader.ts";
import { findMetricAgents, type MetricAgents, readRollups } from "./rollup-rows.ts";
import { isOfSessions, querySessionCalls, querySessionEvents } from "./session-metric-reader.ts";

/** Answers in numbers: by the roll-ups, and what is asked of sessions from what lies in them. */
export function createMetricReader(run: RunQuery): MetricStore {
  return {
    queryCalls: (query) => (isOfSessions(query) ? querySessionCalls(run, query) : queryCalls(run, query)),
    queryEvents: (query) => (isOfSessions(query) ? querySessionEvents(run, query) : queryEvents(run, query)),
    queryAlerts: (query) => queryAlerts(run, query),
    querySessions: (query) => querySessions(run, query),
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
    createSum: () => ({ count: 0 }),
    add(sum, { count }) {
      sum.count += count;
    },
    sizeOf: ({ count }) => count,
    finish: (sum) => sum,
  };
  return sumByGroup(source, query);
}

interface SessionRow {
  readonly bucket: number;
  readonly agent_key: number;
  readonly count: number;
  readonly errors: number;
  readonly events: number;
  readonly micros: number;
}

/** Agents up to which a question looks for the sessions of each in each bucket; those of more are picked out of all. */
const ownSessionsMax = 10;

/** The sessions that started in each bucket, by agent. One that has no end on a side reaches as far as times go. */
const sessionsSql = (from: string) => `
  select p.key as bucket, s.agent_key, count(*) as count, sum(s.error_count > 0) as errors, sum(s.event_count) as events,
    sum(s.end_micros - s.start_micros) as micros
  from json_each(?) p cross join ${from} and s.start_micros >= p.value ->> 0 and s.start_micros < p.value ->> 1
  group by p.key, s.agent_key`;

const everySessionSql = sessionsSql("sessions s indexed by sessions_by_start on true");

const ownSessionsSql = sessionsSql(
  "json_each(?) a cross join sessions s indexed by sessions_by_agent_start on s.agent_key = a.value",
);

const pickedSessionsSql = sessionsSql(
  "sessions s indexed by sessions_by_start on s.agent_key in (select value from json_each(?))",
);

async function querySessions(run: RunQuery, query: SessionMetricQuery): Promise<MetricGroups<SessionSums>> {
  const agents = await findMetricAgents(run, query);
  const source: MetricSource<SessionRow, { -readonly [Name in keyof SessionSums]: number }, SessionSums> = {
    async *read(buckets) {
      yield await readSessions(run, { buckets, agents, query });
    },
    createSum: () => ({ count: 0, errorSessionCount: 0, eventCount: 0, durationSumMicros: 0 }),
    add(sum, { count, errors, events, micros }) {
      sum.count += count;
      sum.errorSessionCount += errors;
      sum.eventCount += events;
      sum.durationSumMicros += micros;
    },
    sizeOf: ({ count }) => count,
    finish: (sum) => sum,
  };
  return sumByGroup(source, query);
}

async function readSessions(
  run: RunQuery,
  asked: {
    readonly buckets: readonly MetricBucket[];
    readonly agents: MetricAgents;
    readonly query: SessionMetricQuery;
  },
): Promise<readonly PlacedRow<SessionRow>[]> {
  const { agents, query } = asked;
  const ranges = asked.buckets.map(({ startMicros, endMicros }) => [
    startMicros ?? Number.MIN_SAFE_INTEGER,
    endMicros ?? Number.MAX_SAFE_INTEGER,
  ]);
  const isEveryAgent = query.agentIds.length === 0;
  const ofAgentsSql = agents.size > ownSessionsMax ? pickedSessionsSql : ownSessionsSql;
  const rows = await run<SessionRow>(isEveryAgent ? everySessionSql : ofAgentsSql, [
    JSON.stringify(ranges),
    ...(isEveryAgent ? [] : [JSON.stringify([...agents.keys()])]),
  ]);
  return rows.map((row) => ({
    row,
    bucket: row.bucket,
    values: query.groupBy.map(() => agents.get(row.agent_key) ?? null),
  }));
}
