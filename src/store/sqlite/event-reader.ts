import type { EventCursor, EventFilter, EventPage, EventQuery, StoredEvent } from "../store.ts";
import { type Condition, equals, ifAny, parametersOf, whereSql, within } from "./condition.ts";
import { type EventIndex, type EventRow, eventFromRow, eventIdToBytes, eventRowSql } from "./event-row.ts";
import { eventFilterColumns, filterConditions } from "./filter-condition.ts";
import { findAgentKey, findSessionCondition } from "./owner.ts";
import type { RunQuery } from "./reader.ts";

/**
 * Where the events of a filter are found: along an index, by conditions that it serves. The index is named in the statements,
 * because by its own estimates SQLite would walk all of an agent's events in a range of time for those of one name.
 */
interface Walk {
  readonly index: EventIndex;
  readonly conditions: readonly Condition[];
}

/** How a direction is spelled in SQL, and what lies beyond a place, or up to it, in that direction. */
const ascending = { order: "asc", beyond: ">", upTo: "<=" } as const;
const descending = { order: "desc", beyond: "<", upTo: ">=" } as const;

/** The event with this id, or null. */
export async function findEvent(run: RunQuery, eventId: string): Promise<StoredEvent | null> {
  const [row] = await run<EventRow>(`${eventRowSql("events_event_id")} where e.event_id = ?`, [
    eventIdToBytes(eventId),
  ]);
  return row === undefined ? null : eventFromRow(row);
}

/**
 * A page of events in order of (time, sequence). With a filter that no index serves, it is picked out of at most
 * `examinedRowsMax` events.
 */
export async function listEvents(run: RunQuery, query: EventQuery, examinedRowsMax: number): Promise<EventPage> {
  const { filter, after, offset, limit } = query;
  const owner = await findOwner(run, filter);
  if (owner === null) return { events: [], next: null, nextOffset: 0 };
  const { index } = owner;
  const { order, beyond, upTo } = query.ascending ? ascending : descending;
  const place = after === null ? [] : [placeCondition(beyond, after)];
  const walk = { index, conditions: [...owner.conditions, ...within("e.time_micros", filter), ...place] };
  const picked = pickConditions(filter);
  const windowEnd = picked.length === 0 ? null : await findWindowEnd(run, { walk, order, examinedRowsMax });
  const conditions = [...walk.conditions, ...picked, ...(windowEnd === null ? [] : [placeCondition(upTo, windowEnd)])];
  // One row more than asked for says whether there are more.
  const rows = await run<EventRow>(
    `${eventRowSql(index)} ${whereSql(conditions)} order by e.time_micros ${order}, e.sequence ${order} limit ? offset ?`,
    [...parametersOf(conditions), limit + 1, offset],
  );
  const events = rows.slice(0, limit).map(eventFromRow);
  if (rows.length > limit) return { events, next: cursorOf(events.at(-1)), nextOffset: 0 };
  const isStillPassing = windowEnd !== null && offset > 0 && rows.length === 0;
  const passed = isStillPassing ? await countMatches(run, { index, conditions }) : offset;
  return { events, next: windowEnd, nextOffset: offset - passed };
}

/** Restricts events to the filter's session, or to its agent and name, by key; null if there is no such session or agent. */
async function findOwner(run: RunQuery, { agentId, sessionId, name }: EventFilter): Promise<Walk | null> {
  if (sessionId !== null) {
    const session = await findSessionCondition(run, "e.session_key", { sessionId, agentId });
    return session === null ? null : { index: "events_by_session", conditions: [session] };
  }
  if (agentId === null) return { index: "events_by_time", conditions: [] };
  const agentKey = await findAgentKey(run, agentId);
  if (agentKey === null) return null;
  const index = name === null ? "events_by_agent" : "events_by_agent_name";
  return { index, conditions: [equals("e.agent_key", agentKey), ...ifAny("e.name", name)] };
}

/** What no index serves: channel, level, the name of events that are not one agent's, and expressions. */
function pickConditions({ agentId, sessionId, name, channel, level, expression }: EventFilter): Condition[] {
  const isNameIndexed = agentId !== null && sessionId === null;
  return [
    ...ifAny("e.name", isNameIndexed ? null : name),
    ...ifAny("e.channel", channel),
    ...ifAny("e.level", level),
    ...filterConditions(eventFilterColumns, expression),
  ];
}

function placeCondition(operator: "<" | "<=" | ">" | ">=", { timeMicros, sequence }: EventCursor): Condition {
  return { sql: `(e.time_micros, e.sequence) ${operator} (?, ?)`, parameters: [timeMicros, sequence] };
}

/** Place of the last event that a page may examine; null if there are fewer. Reads the index alone. */
async function findWindowEnd(
  run: RunQuery,
  { walk, order, examinedRowsMax }: { readonly walk: Walk; readonly order: string; readonly examinedRowsMax: number },
): Promise<EventCursor | null> {
  const [row] = await run<EventCursor>(
    `select e.time_micros as timeMicros, e.sequence from events e indexed by ${walk.index} ${whereSql(walk.conditions)}
      order by e.time_micros ${order}, e.sequence ${order} limit 1 offset ?`,
    [...parametersOf(walk.conditions), examinedRowsMax - 1],
  );
  return row ?? null;
}

async function countMatches(run: RunQuery, { index, conditions }: Walk): Promise<number> {
  const [row] = await run<{ readonly count: number }>(
    `select count(*) as count from events e indexed by ${index} ${whereSql(conditions)}`,
    parametersOf(conditions),
  );
  return row?.count ?? 0;
}

function cursorOf(event: StoredEvent | undefined): EventCursor | null {
  return event === undefined ? null : { timeMicros: event.timeMicros, sequence: event.sequence };
}
