import type { Database, Statement } from "better-sqlite3";
import { isErrorLevel } from "../../model/level.ts";
import type { CountedEvent, NamedEvent } from "./agent-ledger.ts";
import { createKeyCache } from "./key-cache.ts";
import type { RollupWriter } from "./rollup-writer.ts";
import type { SessionNumbers } from "./session-rollups.ts";

/** Gives sessions their keys, and adds up what one transaction changes about them. */
export interface SessionLedger {
  /** Key of the session of an event that is about to be stored, null where it has none. A session that is new gets a row at once. */
  keyOf(event: NamedEvent, agentKey: number): number | null;
  /** The same without making a row; undefined if the session may be new. */
  knownKey(agentKey: number, sessionId: string): number | undefined;
  /** Counts a stored event in. */
  count(event: CountedEvent, key: number): void;
  /** Takes back what an event was counted for that goes elsewhere: its row has its new keys by then. */
  uncount(event: CountedEvent, key: number): void;
  /** Writes what was counted, and removes sessions that are left without events. */
  flush(): void;
  /** Forgets everything that was not flushed and every key. */
  forget(): void;
}

/** Is told what becomes of sessions. */
export interface SessionWatcher extends Pick<RollupWriter, "sessionChanged"> {
  /** An agent has so many sessions more. */
  readonly sessionCountChanged: (agentKey: number, difference: 1 | -1) => void;
}

interface SessionChange {
  eventCount: number;
  errorCount: number;
  startMicros: number;
  endMicros: number;
  /** The latest end of those events that left it; null where none did. */
  leftMicros: number | null;
}

/** Prepares the statements on the writer's connection. */
export function createSessionLedger(database: Database, watcher: SessionWatcher): SessionLedger {
  const statements = prepare(database);
  const keys = createKeyCache();
  const changes = new Map<number, SessionChange>();
  return {
    keyOf({ sessionId, timeMicros }, agentKey) {
      if (sessionId === null) return null;
      return keys.getOr(nameOf(agentKey, sessionId), () => {
        // The statement selects exactly this column.
        const known = statements.findSession.get(agentKey, sessionId) as { readonly id: number } | undefined;
        if (known !== undefined) return known.id;
        watcher.sessionCountChanged(agentKey, 1);
        return Number(statements.insertSession.run(agentKey, sessionId, timeMicros, timeMicros).lastInsertRowid);
      });
    },
    knownKey: (agentKey, sessionId) => keys.get(nameOf(agentKey, sessionId)),
    count: (event, key) => countForSession(sessionChangeOf(changes, key), event),
    uncount: (event, key) => uncountForSession(sessionChangeOf(changes, key), event),
    flush() {
      for (const [key, change] of changes) {
        if (writeSession(statements, watcher, key, change)) continue;
        // The row is there, and the statement returns exactly these columns.
        const removed = statements.removeSession.get(key) as { readonly agentKey: number; readonly sessionId: string };
        watcher.sessionCountChanged(removed.agentKey, -1);
        keys.delete(nameOf(removed.agentKey, removed.sessionId));
      }
      changes.clear();
    },
    forget() {
      keys.clear();
      changes.clear();
    },
  };
}

function nameOf(agentKey: number, sessionId: string): string {
  return `${agentKey} ${sessionId}`;
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

/** Returns whether the session has events. */
function writeSession(
  statements: Statements,
  watcher: Pick<RollupWriter, "sessionChanged">,
  key: number,
  change: SessionChange,
): boolean {
  // The row is there: `keyOf` made it. The statement selects exactly these columns.
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

function sessionChangeOf(changes: Map<number, SessionChange>, key: number): SessionChange {
  const known = changes.get(key);
  if (known !== undefined) return known;
  const times = { startMicros: Number.POSITIVE_INFINITY, endMicros: Number.NEGATIVE_INFINITY, leftMicros: null };
  const change: SessionChange = { eventCount: 0, errorCount: 0, ...times };
  changes.set(key, change);
  return change;
}

type Statements = Record<
  "findSession" | "insertSession" | "readSession" | "updateSession" | "findTimes" | "findEnd" | "removeSession",
  Statement
>;

function prepare(database: Database): Statements {
  return {
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
    removeSession: database.prepare(
      "delete from sessions where id = ? returning agent_key as agentKey, session_id as sessionId",
    ),
  };
}
