import type { EventFilter, EventTailPage, EventTailQuery } from "../store.ts";
import { type Condition, ifAny, parametersOf, whereSql, within } from "./condition.ts";
import { type EventRow, eventFromRow, eventRowSql } from "./event-row.ts";
import { eventFilterColumns, filterConditions } from "./filter-condition.ts";
import type { RunQuery } from "./reader.ts";

/** The greatest sequence that was ever given. SQLite keeps it for the table, so that it outlives its event; a duplicate uses one up. */
const lastSequenceSql = "select seq from sqlite_sequence where name = 'events'";

/** 0 before the first event. */
export async function getLastSequence(run: RunQuery): Promise<number> {
  const [row] = await run<{ readonly seq: number }>(lastSequenceSql, []);
  return row?.seq ?? 0;
}

/**
 * Events in order of sequence. The window that is examined begins at the first event that is there, so that a gap that deletions
 * left costs nothing, and its end is a matter of numbers: it cannot hold more events than sequences.
 */
export async function listEventsAfter(run: RunQuery, query: EventTailQuery): Promise<EventTailPage> {
  const { afterSequence, filter, limit, bytesMax, examinedRowsMax } = query;
  const { first, last } = await findEnds(run, afterSequence);
  if (first === null) return { events: [], throughSequence: Math.max(afterSequence, last), hasMore: false };
  // What is committed up to `last` only changes by deletion from here on, so the statements need not see the same moment.
  const windowEnd = Math.min(last, first + examinedRowsMax - 1);
  const conditions = conditionsOf(filter);
  const examined = [windowCondition(first, windowEnd), ...conditions];
  const sizes = await run<EventSize>(
    `select e.sequence, octet_length(e.attributes_json) + coalesce(octet_length(e.extensions_json), 0) as bytes
      from events e not indexed ${whereSql(examined)} order by e.sequence limit ?`,
    [...parametersOf(examined), limit],
  );
  const given = takeWithin(sizes, bytesMax);
  const isCut = given.length < sizes.length || given.length === limit;
  const throughSequence = isCut ? (given.at(-1)?.sequence ?? windowEnd) : windowEnd;
  const events =
    given.length === 0 ? [] : await readWindow(run, [windowCondition(first, throughSequence), ...conditions]);
  return { events, throughSequence, hasMore: throughSequence < last };
}

interface EventSize {
  readonly sequence: number;
  readonly bytes: number;
}

/** The first sequence after a place, null if there is none, and the last of all, as they are in one moment. */
async function findEnds(
  run: RunQuery,
  afterSequence: number,
): Promise<{ readonly first: number | null; readonly last: number }> {
  const [ends] = await run<{ readonly first: number | null; readonly last: number | null }>(
    `select (select min(e.sequence) from events e where e.sequence > ?) as first, (${lastSequenceSql}) as last`,
    [afterSequence],
  );
  return { first: ends?.first ?? null, last: ends?.last ?? 0 };
}

async function readWindow(run: RunQuery, conditions: readonly Condition[]) {
  const sql = `${eventRowSql(null)} ${whereSql(conditions)} order by e.sequence`;
  return (await run<EventRow>(sql, parametersOf(conditions))).map(eventFromRow);
}

/** The events before the one that would go beyond the bytes; the first one in any case. */
function takeWithin(sizes: readonly EventSize[], bytesMax: number): readonly EventSize[] {
  let sum = 0;
  const end = sizes.findIndex(({ bytes }, index) => {
    sum += bytes;
    return index > 0 && sum > bytesMax;
  });
  return end === -1 ? sizes : sizes.slice(0, end);
}

function windowCondition(from: number, to: number): Condition {
  return { sql: "e.sequence between ? and ?", parameters: [from, to] };
}

/** Agents and sessions by subqueries: one that is not there yet has no event in the window. */
function conditionsOf(filter: EventFilter): readonly Condition[] {
  const { agentId, sessionId, name, channel, level, expression } = filter;
  const conditions = [
    ...ifAny("e.name", name),
    ...ifAny("e.channel", channel),
    ...ifAny("e.level", level),
    ...within("e.time_micros", filter),
    ...filterConditions(eventFilterColumns, expression),
  ];
  if (agentId !== null) {
    conditions.push({ sql: "e.agent_key = (select id from agents where agent_id = ?)", parameters: [agentId] });
  }
  if (sessionId !== null) {
    conditions.push({
      sql: "e.session_key in (select id from sessions where session_id = ?)",
      parameters: [sessionId],
    });
  }
  return conditions;
}
