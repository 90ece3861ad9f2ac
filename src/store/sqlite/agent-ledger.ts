import type { Database, Statement } from "better-sqlite3";
import type { Event } from "../../model/event.ts";
import { isErrorLevel } from "../../model/level.ts";
import { eventIdFromBytes, eventIdToBytes } from "./event-row.ts";
import type { RollupWriter } from "./rollup-writer.ts";
import type { SessionNumbers } from "./session-rollups.ts";

/** Gives agents and sessions their keys, and adds up what one transaction changes about them. */
export interface AgentLedger {
  /** Keys of the agent and session of an event that is about to be stored. An agent or session that is new gets a row at once. */
  keysOf(event: Event): EventKeys;
  /** The same without making a row; null if the agent or the session may be new. */
  knownKeysOf(event: Event): EventKeys | null;
  /** Counts a stored event in. */
  count(event: Event, keys: EventKeys): void;
  /** Writes what was counted. Call once, at the end of the transaction. */
  flush(): void;
  /** Forgets everything that was not flushed and every key. Call after a rollback. */
  forget(): void;
}

export interface EventKeys {
  readonly agentKey: number;
  readonly sessionKey: number | null;
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
  first: Event | null;
  last: Event | null;
  provider: Event | null;
}

interface SessionChange {
  eventCount: number;
  errorCount: number;
  startMicros: number;
  endMicros: number;
}

interface AgentRow {
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

  const agentKeyOf = (event: Event): number =>
    cached(agentKeys, event.agentId, () => {
      const known = keyFrom(statements.findAgent.get(event.agentId));
      if (known !== undefined) return known;
      const id = eventIdToBytes(event.id);
      const place = [event.timeMicros, id, event.name];
      return Number(statements.insertAgent.run(event.agentId, ...place, ...place).lastInsertRowid);
    });

  const sessionKeyOf = (event: Event, agentKey: number): number | null => {
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
      if (sessionKey !== null) countForSession(sessionChanges, sessionKey, event);
    },
    flush() {
      for (const [key, change] of agentChanges) writeAgent(statements, key, change);
      for (const [key, change] of sessionChanges) writeSession(statements, watcher, key, change);
      for (const map of [agentChanges, sessionChanges]) map.clear();
    },
    forget() {
      for (const map of [agentKeys, sessionKeys, agentChanges, sessionChanges]) map.clear();
    },
  };
}

function countForAgent(change: AgentChange, event: Event): void {
  change.eventCount += 1;
  if (change.first === null || isBefore(placeOf(event), placeOf(change.first))) change.first = event;
  if (change.last === null || isBefore(placeOf(change.last), placeOf(event))) change.last = event;
  if (event.llmProvider === null) return;
  if (change.provider === null || isBefore(placeOf(event), placeOf(change.provider))) change.provider = event;
}

function countForSession(changes: Map<number, SessionChange>, key: number, event: Event): void {
  const { timeMicros, level } = event;
  const errorCount = isErrorLevel(level) ? 1 : 0;
  const endMicros = Math.max(timeMicros, event.operation?.endMicros ?? timeMicros);
  const change = changes.get(key);
  if (change === undefined) {
    changes.set(key, { eventCount: 1, errorCount, startMicros: timeMicros, endMicros });
    return;
  }
  change.eventCount += 1;
  change.errorCount += errorCount;
  change.startMicros = Math.min(change.startMicros, timeMicros);
  change.endMicros = Math.max(change.endMicros, endMicros);
}

function writeAgent(statements: Statements, key: number, change: AgentChange): void {
  // The row is there: `keysOf` made it. The statement selects exactly these columns.
  const row = statements.readAgent.get(key) as AgentRow;
  const { first, last, provider } = change;
  statements.countAgent.run(change.eventCount, change.sessionCount, key);
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
}

function writeSession(
  { readSession, updateSession }: Statements,
  watcher: Pick<RollupWriter, "sessionChanged">,
  key: number,
  change: SessionChange,
): void {
  // The row is there: `keysOf` made it. The statement selects exactly these columns.
  const before = readSession.get(key) as SessionNumbers;
  const after: SessionNumbers = {
    agentKey: before.agentKey,
    startMicros: Math.min(before.startMicros, change.startMicros),
    endMicros: Math.max(before.endMicros, change.endMicros),
    eventCount: before.eventCount + change.eventCount,
    errorCount: before.errorCount + change.errorCount,
  };
  updateSession.run(after.eventCount, after.errorCount, after.startMicros, after.endMicros, key);
  // A row that was made in this transaction has no events yet.
  watcher.sessionChanged(before.eventCount === 0 ? null : before, after);
}

function placeOf(event: Event): Place {
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
  const change: AgentChange = { eventCount: 0, sessionCount: 0, first: null, last: null, provider: null };
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
  | "findSession"
  | "insertSession"
  | "readSession"
  | "updateSession",
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
      `select first_seen_micros, first_event_id, last_seen_micros, last_event_id, llm_provider_micros, llm_provider_event_id
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
  };
}
