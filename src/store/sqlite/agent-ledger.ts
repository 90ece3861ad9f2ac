import type { Database, Statement } from "better-sqlite3";
import type { Event } from "../../model/event.ts";
import { eventIdFromBytes, eventIdToBytes } from "./event-row.ts";
import { createKeyCache } from "./key-cache.ts";
import { createProviderLedger, type ProviderLedger } from "./provider-ledger.ts";
import type { RollupWriter } from "./rollup-writer.ts";
import { createSessionLedger } from "./session-ledger.ts";
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
  const agentKeys = createKeyCache();
  const changes = new Map<number, AgentChange>();
  const providers = createProviderLedger(database);
  const sessions = createSessionLedger(database, {
    ...watcher,
    sessionCountChanged: (agentKey, difference) => void (changeOf(changes, agentKey).sessionCount += difference),
  });
  const agentKeyOf = (event: NamedEvent): number =>
    agentKeys.getOr(event.agentId, () => {
      // The statement selects exactly this column.
      const known = statements.findAgent.get(event.agentId) as { readonly id: number } | undefined;
      if (known !== undefined) return known.id;
      const id = eventIdToBytes(event.id);
      const place = [event.timeMicros, id, event.name];
      return Number(statements.insertAgent.run(event.agentId, ...place, ...place).lastInsertRowid);
    });
  return {
    keysOf(event) {
      const agentKey = agentKeyOf(event);
      return { agentKey, sessionKey: sessions.keyOf(event, agentKey) };
    },
    knownKeysOf({ agentId, sessionId }) {
      const agentKey = agentKeys.get(agentId);
      if (agentKey === undefined) return null;
      if (sessionId === null) return { agentKey, sessionKey: null };
      const sessionKey = sessions.knownKey(agentKey, sessionId);
      return sessionKey === undefined ? null : { agentKey, sessionKey };
    },
    count(event, { agentKey, sessionKey }) {
      countForAgent(changeOf(changes, agentKey), event);
      if (event.llmProvider !== null && isMovable(event)) providers.add(agentKey, event, event.llmProvider);
      if (sessionKey !== null) sessions.count(event, sessionKey);
    },
    uncount(event, { agentKey, sessionKey }) {
      const change = changeOf(changes, agentKey);
      change.eventCount -= 1;
      change.isLeft = true;
      if (event.llmProvider !== null && isMovable(event)) providers.remove(agentKey, event);
      if (sessionKey !== null) sessions.uncount(event, sessionKey);
    },
    flush() {
      // First, because it may change how many sessions an agent has, and an agent goes after its sessions.
      sessions.flush();
      for (const [key, change] of changes) {
        const removedId = writeAgent(statements, providers, key, change);
        if (removedId !== null) agentKeys.delete(removedId);
      }
      changes.clear();
    },
    forget() {
      sessions.forget();
      agentKeys.clear();
      changes.clear();
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
  | "removeAgent",
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
  };
}

/** Sets the first or last event of an agent by its events. */
function extremeSql(end: "first" | "last", direction: "asc" | "desc"): string {
  return `update agents set (${end}_seen_micros, ${end}_event_id, ${end}_event_name) = (
      select time_micros, event_id, name from events indexed by events_by_agent where agent_key = ?
      order by time_micros ${direction}, event_id ${direction} limit 1
    ) where id = ?`;
}
