import type { Database, Statement } from "better-sqlite3";
import type { Event } from "../../model/event.ts";
import { isErrorLevel } from "../../model/level.ts";
import { eventIdFromBytes, eventIdToBytes } from "./event-row.ts";
import { createProviderLedger, type ProviderLedger } from "./provider-ledger.ts";
import type { RollupWriter } from "./rollup-writer.ts";
import type { SessionNumbers } from "./session-rollups.ts";
import { isMovable } from "./span-owners.ts";

/** Gives agents and sessions their keys, and adds up what one transaction changes about them. */
export interface AgentLedger {
  /** Keys of the agent and session of an event that is about to be stored. An agent or session that is new gets a row at once. */
  keysOf(event: NamedEvent): EventKeys;
  /** The same without making a row; null if the agent or the session may be new. */
  knownKeysOf(event: NamedEvent): EventKeys | null;
  /** Counts a stored event in. */
  count(event: CountedEvent, keys: EventKeys): void;
  /** Takes back what an event was counted for that goes elsewhere: its row has its new keys by then. */
  uncount(event: CountedEvent, keys: EventKeys): void;
  /**
   * Writes what was counted. Agents and sessions that are left without events are removed. Call once, at the end of the transaction,
   * when nothing else refers to them.
   */
  flush(): void;
  /** Forgets everything that was not flushed and every key. Call after a rollback. */
  forget(): void;
}

export interface EventKeys {
  readonly agentKey: number;
  readonly sessionKey: number | null;
}

/** An event as far as it makes an agent and a session known. */
export type NamedEvent = Pick<Event, "id" | "agentId" | "sessionId" | "timeMicros" | "name">;

/** An event as far as it counts for its agent and session. */
export interface CountedEvent
  extends Pick<Event, "id" | "timeMicros" | "name" | "level" | "llmProvider" | "ownership" | "traceId"> {
  readonly operation: { readonly endMicros: number | null } | null;
}

/** Keys that are kept in memory at most; beyond that they are looked up again. */
const cachedKeysMax = 20_000;

/** A place in the order of events: by time, then by id, so that it does not depend on the order of arrival. */
interface Place {
  readonly micros: number;
  readonly eventId: string;
}

interface AgentChange {
  eventCount: number;
  sessionCount: number;
  first: CountedEvent | null;
  last: CountedEvent | null;
  provider: CountedEvent | null;
  /** The same of events that stay with the agent. */
  fixedProvider: CountedEvent | null;
  /** Whether an event left it, so that what is known of its first and last event may not hold. */
  isLeft: boolean;
}

interface SessionChange {
  eventCount: number;
  errorCount: number;
  startMicros: number;
  endMicros: number;
  /** The latest end of those events that left it; null where none did. */
  leftMicros: number | null;
}

interface AgentRow {
  readonly agent_id: string;
  readonly event_count: number;
  readonly first_seen_micros: number;
  readonly first_event_id: Uint8Array;
  readonly last_seen_micros: number;
  readonly last_event_id: Uint8Array;
  readonly llm_provider_micros: number | null;
  readonly llm_provider_event_id: Uint8Array | null;
}

/** Prepares the statements on the writer's connection. The watcher is told of every session that a transaction changes. */
export function createAgentLedger(database: Database, watcher: Pick<RollupWriter, "sessionChanged">): AgentLedger {
  const statements = prepare(database);
  const agentKeys = new Map<string, number>();
  const sessionKeys = new Map<string, number>();
  const agentChanges = new Map<number, AgentChange>();
  const sessionChanges = new Map<number, SessionChange>();

  const providers = createProviderLedger(database);
  const agentKeyOf = (event: NamedEvent): number =>
    cached(agentKeys, event.agentId, () => {
      const known = keyFrom(statements.findAgent.get(event.agentId));
      if (known !== undefined) return known;
      const id = eventIdToBytes(event.id);
      const place = [event.timeMicros, id, event.name];
      return Number(statements.insertAgent.run(event.agentId, ...place, ...place).lastInsertRowid);
    });

  const sessionKeyOf = (event: NamedEvent, agentKey: number): number | null => {
    if (event.sessionId === null) return null;
    const { sessionId } = event;
    return cached(sessionKeys, `${agentKey} ${sessionId}`, () => {
      const known = keyFrom(statements.findSession.get(agentKey, sessionId));
      if (known !== undefined) return known;
      const { lastInsertRowid } = statements.insertSession.run(agentKey, sessionId, event.timeMicros, event.timeMicros);
      changeOf(agentChanges, agentKey).sessionCount += 1;
      return Number(lastInsertRowid);
    });
  };

  return {
    keysOf(event) {
      const agentKey = agentKeyOf(event);
      return { agentKey, sessionKey: sessionKeyOf(event, agentKey) };
    },
    knownKeysOf({ agentId, sessionId }) {
      const agentKey = agentKeys.get(agentId);
      if (agentKey === undefined) return null;
      if (sessionId === null) return { agentKey, sessionKey: null };
      const sessionKey = sessionKeys.get(`${agentKey} ${sessionId}`);
      return sessionKey === undefined ? null : { agentKey, sessionKey };
    },
    count(event, { agentKey, sessionKey }) {
      countForAgent(changeOf(agentChanges, agentKey), event);
      if (event.llmProvider !== null && isMovable(event)) providers.add(agentKey, event, event.llmProvider);
      if (sessionKey !== null) countForSession(sessionChangeOf(sessionChanges, sessionKey), event);
    },
    uncount(event, { agentKey, sessionKey }) {
      const change = changeOf(agentChanges, agentKey);
      change.eventCount -= 1;
      change.isLeft = true;
      if (event.llmProvider !== null && isMovable(event)) providers.remove(agentKey, event);
      if (sessionKey !== null) uncountForSession(sessionChangeOf(sessionChanges, sessionKey), event);
    },
    flush() {
      for (const [key, change] of sessionChanges) {
        if (writeSession(statements, watcher, key, change)) continue;
        const { agent_key: agentKey, session_id: sessionId } = removedSession(statements, key);
        changeOf(agentChanges, agentKey).sessionCount -= 1;
        sessionKeys.delete(`${agentKey} ${sessionId}`);
      }
      for (const [key, change] of agentChanges) {
        const removedId = writeAgent(statements, providers, key, change);
        if (removedId !== null) agentKeys.delete(removedId);
      }
      for (const map of [agentChanges, sessionChanges]) map.clear();
    },
    forget() {
      for (const map of [agentKeys, sessionKeys, agentChanges, sessionChanges]) map.clear();
    },
  };
}

function countForAgent(change: AgentChange, event: CountedEvent): void {
  change.eventCount += 1;
  if (change.first === null || isBefore(placeOf(event), placeOf(change.first))) change.first = event;
  if (change.last === null || isBefore(placeOf(change.last), placeOf(event))) change.last = event;
  if (event.llmProvider === null) return;
  if (change.provider === null || isBefore(placeOf(event), placeOf(change.provider))) change.provider = event;
  if (isMovable(event)) return;
  const { fixedProvider: fixed } = change;
  if (fixed === null || isBefore(placeOf(event), placeOf(fixed))) change.fixedProvider = event;
}

function countForSession(change: SessionChange, event: CountedEvent): void {
  change.eventCount += 1;
  if (isErrorLevel(event.level)) change.errorCount += 1;
  change.startMicros = Math.min(change.startMicros, event.timeMicros);
  change.endMicros = Math.max(change.endMicros, endOf(event));
}

function uncountForSession(change: SessionChange, event: CountedEvent): void {
  change.eventCount -= 1;
  if (isErrorLevel(event.level)) change.errorCount -= 1;
  change.leftMicros = Math.max(change.leftMicros ?? Number.NEGATIVE_INFINITY, endOf(event));
}

function endOf({ timeMicros, operation }: CountedEvent): number {
  return Math.max(timeMicros, operation?.endMicros ?? timeMicros);
}

/** Returns the id of the agent where it is left without events and was removed. */
function writeAgent(
  statements: Statements,
  providers: ProviderLedger,
  key: number,
  change: AgentChange,
): string | null {
  // The row is there: `keysOf` made it. The statement selects exactly these columns.
  const row = statements.readAgent.get(key) as AgentRow;
  const { first, last, provider, fixedProvider: fixed } = change;
  if (row.event_count + change.eventCount === 0) {
    statements.removeAgent.run(key);
    return row.agent_id;
  }
  statements.countAgent.run(change.eventCount, change.sessionCount, key);
  if (fixed !== null && fixed.llmProvider !== null) providers.addEarliest(key, fixed, fixed.llmProvider);
  if (change.isLeft) {
    statements.findFirst.run(key, key);
    statements.findLast.run(key, key);
    statements.setProvider.run(...providers.earliest(key), key);
    return null;
  }
  if (first !== null && isBefore(placeOf(first), placeFrom(row.first_seen_micros, row.first_event_id))) {
    statements.setFirst.run(first.timeMicros, eventIdToBytes(first.id), first.name, key);
  }
  if (last !== null && isBefore(placeFrom(row.last_seen_micros, row.last_event_id), placeOf(last))) {
    statements.setLast.run(last.timeMicros, eventIdToBytes(last.id), last.name, key);
  }
  const known =
    row.llm_provider_micros !== null && row.llm_provider_event_id !== null
      ? placeFrom(row.llm_provider_micros, row.llm_provider_event_id)
      : null;
  if (provider !== null && (known === null || isBefore(placeOf(provider), known))) {
    statements.setProvider.run(provider.llmProvider, provider.timeMicros, eventIdToBytes(provider.id), key);
  }
  return null;
}

/** Returns whether the session has events. */
function writeSession(
  statements: Statements,
  watcher: Pick<RollupWriter, "sessionChanged">,
  key: number,
  change: SessionChange,
): boolean {
  // The row is there: `keysOf` made it. The statement selects exactly these columns.
  const row = statements.readSession.get(key) as SessionNumbers;
  // A row that was made in this transaction has no events yet.
  const before = row.eventCount === 0 ? null : row;
  const eventCount = row.eventCount + change.eventCount;
  if (eventCount === 0) {
    watcher.sessionChanged(before, null);
    return false;
  }
  const after: SessionNumbers = {
    agentKey: row.agentKey,
    ...spanOfSession(statements, { key, row, change }),
    eventCount,
    errorCount: row.errorCount + change.errorCount,
  };
  statements.updateSession.run(after.eventCount, after.errorCount, after.startMicros, after.endMicros, key);
  watcher.sessionChanged(before, after);
  return true;
}

interface ChangedSession {
  readonly key: number;
  readonly row: SessionNumbers;
  readonly change: SessionChange;
}

/** From when until when the session is, by its events where one of them left that may have been the first or the last. */
function spanOfSession(
  statements: Statements,
  { key, row, change: { startMicros, endMicros, leftMicros } }: ChangedSession,
): Pick<SessionNumbers, "startMicros" | "endMicros"> {
  const ends = Math.max(row.endMicros, endMicros);
  if (leftMicros === null) return { startMicros: Math.min(row.startMicros, startMicros), endMicros: ends };
  // The statement selects exactly these columns.
  const found = statements.findTimes.get(key, key) as { readonly first: number; readonly latest: number };
  if (leftMicros < row.endMicros) return { startMicros: found.first, endMicros: ends };
  const operations = statements.findEnd.get(key) as { readonly latest: number | null };
  return { startMicros: found.first, endMicros: Math.max(found.latest, operations.latest ?? found.latest, endMicros) };
}

function removedSession({ removeSession }: Statements, key: number): RemovedSession {
  // The row is there, and the statement returns exactly these columns.
  return removeSession.get(key) as RemovedSession;
}

interface RemovedSession {
  readonly agent_key: number;
  readonly session_id: string;
}

function placeOf(event: CountedEvent): Place {
  return { micros: event.timeMicros, eventId: event.id };
}

function placeFrom(micros: number, eventId: Uint8Array): Place {
  return { micros, eventId: eventIdFromBytes(eventId) };
}

function isBefore(a: Place, b: Place): boolean {
  return a.micros < b.micros || (a.micros === b.micros && a.eventId < b.eventId);
}

function changeOf(changes: Map<number, AgentChange>, key: number): AgentChange {
  const known = changes.get(key);
  if (known !== undefined) return known;
  const events = { first: null, last: null, provider: null, fixedProvider: null };
  const change: AgentChange = { eventCount: 0, sessionCount: 0, ...events, isLeft: false };
  changes.set(key, change);
  return change;
}

function sessionChangeOf(changes: Map<number, SessionChange>, key: number): SessionChange {
  const known = changes.get(key);
  if (known !== undefined) return known;
  const times = { startMicros: Number.POSITIVE_INFINITY, endMicros: Number.NEGATIVE_INFINITY, leftMicros: null };
  const change: SessionChange = { eventCount: 0, errorCount: 0, ...times };
  changes.set(key, change);
  return change;
}

function cached(keys: Map<string, number>, name: string, look: () => number): number {
  const known = keys.get(name);
  if (known !== undefined) return known;
  const key = look();
  if (keys.size >= cachedKeysMax) keys.clear();
  keys.set(name, key);
  return key;
}

function keyFrom(row: unknown): number | undefined {
  // Both statements that lead here select one column, the primary key.
  return (row as { readonly id: number } | undefined)?.id;
}

type Statements = Record<
  | "findAgent"
  | "insertAgent"
  | "readAgent"
  | "countAgent"
  | "setFirst"
  | "setLast"
  | "setProvider"
  | "findFirst"
  | "findLast"
  | "removeAgent"
  | "findSession"
  | "insertSession"
  | "readSession"
  | "updateSession"
  | "findTimes"
  | "findEnd"
  | "removeSession",
  Statement
>;

function prepare(database: Database): Statements {
  return {
    findAgent: database.prepare("select id from agents where agent_id = ?"),
    insertAgent: database.prepare(
      `insert into agents (agent_id, first_seen_micros, first_event_id, first_event_name, last_seen_micros, last_event_id,
        last_event_name) values (?, ?, ?, ?, ?, ?, ?)`,
    ),
    readAgent: database.prepare(
      `select agent_id, event_count, first_seen_micros, first_event_id, last_seen_micros, last_event_id, llm_provider_micros, llm_provider_event_id
      from agents where id = ?`,
    ),
    countAgent: database.prepare(
      "update agents set event_count = event_count + ?, session_count = session_count + ? where id = ?",
    ),
    setFirst: database.prepare(
      "update agents set first_seen_micros = ?, first_event_id = ?, first_event_name = ? where id = ?",
    ),
    setLast: database.prepare(
      "update agents set last_seen_micros = ?, last_event_id = ?, last_event_name = ? where id = ?",
    ),
    setProvider: database.prepare(
      "update agents set llm_provider = ?, llm_provider_micros = ?, llm_provider_event_id = ? where id = ?",
    ),
    findFirst: database.prepare(extremeSql("first", "asc")),
    findLast: database.prepare(extremeSql("last", "desc")),
    removeAgent: database.prepare("delete from agents where id = ?"),
    findSession: database.prepare("select id from sessions where agent_key = ? and session_id = ?"),
    insertSession: database.prepare(
      "insert into sessions (agent_key, session_id, start_micros, end_micros) values (?, ?, ?, ?)",
    ),
    readSession: database.prepare(
      `select agent_key as agentKey, start_micros as startMicros, end_micros as endMicros, event_count as eventCount,
        error_count as errorCount from sessions where id = ?`,
    ),
    updateSession: database.prepare(
      "update sessions set event_count = ?, error_count = ?, start_micros = ?, end_micros = ? where id = ?",
    ),
    findTimes: database.prepare(
      `select (select min(time_micros) from events indexed by events_by_session where session_key = ?) as first,
        (select max(time_micros) from events indexed by events_by_session where session_key = ?) as latest`,
    ),
    // Of operations that one event tells alone: others end with an event of their own.
    findEnd: database.prepare(
      `select max(finish_micros) as latest from operations indexed by operations_by_session
      where session_key = ? and start_sequence = finish_sequence`,
    ),
    removeSession: database.prepare("delete from sessions where id = ? returning agent_key, session_id"),
  };
}

/** Sets the first or last event of an agent by its events. */
function extremeSql(end: "first" | "last", direction: "asc" | "desc"): string {
  return `update agents set (${end}_seen_micros, ${end}_event_id, ${end}_event_name) = (
      select time_micros, event_id, name from events indexed by events_by_agent where agent_key = ?
      order by time_micros ${direction}, event_id ${direction} limit 1
    ) where id = ?`;
}
