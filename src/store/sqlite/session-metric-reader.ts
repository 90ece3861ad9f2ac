import {
  type CallDimension,
  type CallMetricQuery,
  type CallSums,
  type EventDimensionName,
  type EventMetricQuery,
  type EventSums,
  type MetricBucket,
  type MetricGroups,
  type MetricQuery,
  sessionEventsMax,
} from "../metrics.ts";
import {
  type CallContribution,
  type ContributionRow,
  callKeySql,
  contributionFrom,
  contributionSqlFrom,
} from "./call-contribution.ts";
import { callSumming } from "./call-metric-reader.ts";
import { addContribution, type CallSum } from "./call-sum.ts";
import { type Condition, ifAny, parametersOf, whereSql } from "./condition.ts";
import { type EventCountRow, eventSource } from "./event-sum.ts";
import { type MetricSource, type PlacedRow, sumByGroup } from "./metric-groups.ts";
import type { RunQuery } from "./reader.ts";
import { createBucketFinder } from "./rollup-range.ts";
import { minuteOf } from "./rollup-steps.ts";

/*
 * Sessions in numbers. Roll-ups know no sessions: a row for each session and minute would grow like the events. So what lies in the
 * sessions is read by their indexes, and how many sessions that may be is bounded.
 */

/** Operations that one statement reads at most. */
const portionRows = 10_000;

/** What sessions are asked for by. */
interface SessionQuery extends MetricQuery<string> {
  readonly filter: { readonly sessionId: string | null };
}

interface Session {
  readonly id: number;
  readonly agent_id: string;
  readonly session_id: string;
  readonly event_count: number;
}

type Sessions = ReadonlyMap<number, Session>;

/** Whether the roll-ups cannot answer because single sessions are asked about. */
export function isOfSessions({ groupBy, filter }: SessionQuery): boolean {
  return filter.sessionId !== null || groupBy.includes("session");
}

/** What calls of sessions come to. */
export async function querySessionCalls(run: RunQuery, query: CallMetricQuery): Promise<MetricGroups<CallSums>> {
  const sessions = await findSessions(run, query);
  const source: MetricSource<CallContribution, CallSum, CallSums> = {
    read: (buckets) => readCalls(run, { query, sessions }, buckets),
    // Each row is one call.
    countOf: () => 1,
    add: addContribution,
    ...callSumming(query),
  };
  return sumByGroup(source, query);
}

/** What events of sessions come to. */
export async function querySessionEvents(run: RunQuery, query: EventMetricQuery): Promise<MetricGroups<EventSums>> {
  const sessions = await findSessions(run, query);
  return sumByGroup(
    eventSource((buckets) => readEvents(run, { query, sessions }, buckets), query.filter),
    query,
  );
}

/** All sessions of the id that is asked for, else those that started in the range; of these, groups are the latest. */
async function findSessions(run: RunQuery, query: SessionQuery): Promise<Sessions> {
  const { agentIds, buckets, groupBy, groupsMax, filter } = query;
  const { fromMicros, beforeMicros } = endsOf(buckets);
  const found: readonly Condition[] =
    filter.sessionId === null
      ? [{ sql: "s.start_micros >= ? and s.start_micros < ?", parameters: [fromMicros, beforeMicros] }]
      : ifAny("s.session_id", filter.sessionId);
  const ofAgents =
    agentIds.length === 0
      ? []
      : [{ sql: "a.agent_id in (select value from json_each(?))", parameters: [JSON.stringify(agentIds)] }];
  const conditions = [...found, ...ofAgents];
  const index = filter.sessionId === null ? "sessions_by_start" : "sessions_by_session_id";
  const areGroups = groupBy.includes("session");
  const rows = await run<Session>(
    `select s.id, a.agent_id, s.session_id, s.event_count from sessions s indexed by ${index}
      cross join agents a on a.id = s.agent_key ${whereSql(conditions)}
      order by s.start_micros desc, s.id desc ${areGroups ? "limit ?" : ""}`,
    [...parametersOf(conditions), ...(areGroups ? [groupsMax] : [])],
  );
  let eventCount = 0;
  const told = rows.filter(({ event_count: count }, place) => {
    eventCount += count;
    return !areGroups || place === 0 || eventCount <= sessionEventsMax;
  });
  return new Map(told.map((session) => [session.id, session]));
}

interface Asked<Query> {
  readonly query: Query;
  readonly sessions: Sessions;
}

type PlacedCalls = readonly PlacedRow<CallContribution>[];

async function* readCalls(
  run: RunQuery,
  { query, sessions }: Asked<CallMetricQuery>,
  buckets: readonly MetricBucket[],
): AsyncGenerator<PlacedCalls> {
  const { kinds, vendor, model, name } = query.filter;
  const conditions = [
    ...(kinds.length === 0 ? [] : [{ sql: `o.kind in (${kinds.map(() => "?").join(", ")})`, parameters: kinds }]),
    ...ifAny(callKeySql.vendor, vendor),
    ...ifAny(callKeySql.model, model),
    ...ifAny(callKeySql.name, name),
  ];
  const scope = { conditions, ...endsOf(buckets) };
  const bucketOf = createBucketFinder(buckets);
  const place = (row: ContributionRow): PlacedCalls[number] => {
    const session = row.session_key === null ? undefined : sessions.get(row.session_key);
    const contribution = contributionFrom(row);
    return {
      row: contribution,
      bucket: bucketOf(contribution.minute),
      values: query.groupBy.map((dimension) => callValues[dimension](row, session)),
    };
  };
  for (const portion of portionsOf([...sessions.values()])) {
    for await (const rows of readPortion(run, portion, scope)) yield rows.map(place);
  }
}

const callValues: Readonly<
  Record<CallDimension, (row: ContributionRow, session: Session | undefined) => string | null>
> = {
  agent: (_, session) => session?.agent_id ?? null,
  session: (_, session) => session?.session_id ?? null,
  kind: ({ kind }) => kind,
  vendor: ({ vendor }) => vendor || null,
  model: ({ model }) => model || null,
  tool: ({ name }) => name || null,
  name: ({ name }) => name || null,
};

/** Sessions that have few enough events together to be read by one statement; one with more is alone. */
function* portionsOf(sessions: readonly Session[]): Generator<readonly Session[]> {
  let portion: Session[] = [];
  let eventCount = 0;
  for (const session of sessions) {
    if (portion.length > 0 && eventCount + session.event_count > portionRows) {
      yield portion;
      portion = [];
      eventCount = 0;
    }
    portion.push(session);
    eventCount += session.event_count;
  }
  if (portion.length > 0) yield portion;
}

interface CallScope extends Ends {
  readonly conditions: readonly Condition[];
}

async function* readPortion(
  run: RunQuery,
  portion: readonly Session[],
  { conditions, fromMicros, beforeMicros }: CallScope,
): AsyncGenerator<readonly ContributionRow[]> {
  const [first, ...others] = portion;
  // By one key, the index gives the operations in their order; those of several sessions are few enough to be sorted.
  const [ofSessions, keys] =
    others.length === 0
      ? ["o.session_key = ?", first?.id]
      : ["o.session_key in (select value from json_each(?))", JSON.stringify(portion.map(({ id }) => id))];
  const sql = `${contributionsOfSessionsSql} and ${ofSessions} and (o.at_micros, o.id) > (?, ?) and o.at_micros < ?
    ${conditions.map((condition) => `and ${condition.sql}`).join(" ")} order by o.at_micros, o.id limit ${portionRows}`;
  let after = { at_micros: fromMicros, id: 0 };
  for (;;) {
    const place = [after.at_micros, after.id, beforeMicros];
    const rows = await run<ContributionRow>(sql, [keys, ...place, ...parametersOf(conditions)]);
    yield rows;
    const last = rows.at(-1);
    if (rows.length < portionRows || last === undefined) return;
    after = last;
  }
}

const contributionsOfSessionsSql = contributionSqlFrom("operations o indexed by operations_by_session");

interface Ends {
  readonly fromMicros: number;
  readonly beforeMicros: number;
}

/** Where buckets begin and end; an open end reaches as far as times go. */
function endsOf(buckets: readonly MetricBucket[]): Ends {
  return {
    fromMicros: buckets[0]?.startMicros ?? Number.MIN_SAFE_INTEGER,
    beforeMicros: buckets.at(-1)?.endMicros ?? Number.MAX_SAFE_INTEGER,
  };
}

/** Start of the minute of an event, also before 1970. */
const minuteSql = "(e.time_micros - ((e.time_micros % 60000000) + 60000000) % 60000000)";

interface EventRow extends EventCountRow {
  readonly session_key: number;
  readonly minute_micros: number;
  readonly name: string | null;
  readonly channel: string | null;
}

async function* readEvents(
  run: RunQuery,
  { query, sessions }: Asked<EventMetricQuery>,
  buckets: readonly MetricBucket[],
): AsyncGenerator<readonly PlacedRow<EventCountRow>[]> {
  const { groupBy, filter } = query;
  const conditions = [
    ...ifAny("e.name", filter.name),
    ...ifAny("e.level", filter.level),
    ...ifAny("e.channel", filter.channel),
  ];
  const isApart = (dimension: EventDimensionName) => groupBy.includes(dimension);
  const columns = {
    minute_micros: buckets.length > 1 ? minuteSql : "0",
    name: isApart("name") ? "e.name" : "null",
    channel: isApart("channel") ? "e.channel" : "null",
  };
  const { fromMicros, beforeMicros } = endsOf(buckets);
  const bucketOf = createBucketFinder(buckets);
  const rows = await run<EventRow>(
    `select e.session_key, e.level as event_level, ${Object.entries(columns)
      .map(([name, sql]) => `${sql} as ${name}`)
      .join(", ")}, count(*) as count, min(e.time_micros) as first, max(e.time_micros) as latest
    from json_each(?) k cross join events e indexed by events_by_session
      on e.session_key = k.value and e.time_micros >= ? and e.time_micros < ?
    ${whereSql(conditions)} group by 1, 2, 3, 4, 5`,
    [JSON.stringify([...sessions.keys()]), fromMicros, beforeMicros, ...parametersOf(conditions)],
  );
  yield rows.map((row) => ({
    row,
    bucket: bucketOf(minuteOf(row.minute_micros)),
    values: groupBy.map((dimension) => eventValues[dimension](row, sessions.get(row.session_key))),
  }));
}

const eventValues: Readonly<
  Record<EventDimensionName, (row: EventRow, session: Session | undefined) => string | null>
> = {
  agent: (_, session) => session?.agent_id ?? null,
  session: (_, session) => session?.session_id ?? null,
  name: ({ name }) => name || null,
  level: ({ event_level: level }) => level || null,
  channel: ({ channel }) => channel || null,
};
