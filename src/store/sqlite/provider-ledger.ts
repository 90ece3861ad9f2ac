import type { Database } from "better-sqlite3";
import type { Event } from "../../model/event.ts";
import { eventIdToBytes } from "./event-row.ts";

/**
 * Keeps which events of an agent name a vendor of language models, as far as it takes to know the earliest also when one goes to
 * another agent. Every call must run inside the transaction that stores the events.
 */
export interface ProviderLedger {
  /** Adds an event that may go to another agent. */
  add(agentKey: number, event: Reporter, provider: string): void;
  /** Removes such an event. */
  remove(agentKey: number, event: Reporter): void;
  /** Adds an event that stays, unless one of those that stay is earlier. */
  addEarliest(agentKey: number, event: Reporter, provider: string): void;
  /** The earliest: what it names, its time and its id; nulls where there is none. */
  earliest(agentKey: number): readonly [provider: string | null, micros: number | null, eventId: Uint8Array | null];
}

type Reporter = Pick<Event, "id" | "timeMicros">;

interface Row {
  readonly provider: string;
  readonly time_micros: number;
  readonly event_id: Uint8Array;
}

/** Prepares the statements on the writer's connection. */
export function createProviderLedger(database: Database): ProviderLedger {
  const add = database.prepare(
    "insert into provider_reports (agent_key, is_movable, time_micros, event_id, provider) values (?, ?, ?, ?, ?)",
  );
  const remove = database.prepare(
    "delete from provider_reports where agent_key = ? and is_movable = 1 and time_micros = ? and event_id = ?",
  );
  const removeFixed = database.prepare("delete from provider_reports where agent_key = ? and is_movable = 0");
  const firstFixed = database.prepare<[number], Row>(firstSql(0));
  const firstMovable = database.prepare<[number], Row>(firstSql(1));
  return {
    add: (agentKey, { id, timeMicros }, provider) => add.run(agentKey, 1, timeMicros, eventIdToBytes(id), provider),
    remove: (agentKey, { id, timeMicros }) => remove.run(agentKey, timeMicros, eventIdToBytes(id)),
    addEarliest(agentKey, { id, timeMicros }, provider) {
      const eventId = eventIdToBytes(id);
      const known = firstFixed.get(agentKey);
      if (known !== undefined && !isBefore({ time_micros: timeMicros, event_id: eventId }, known)) return;
      removeFixed.run(agentKey);
      add.run(agentKey, 0, timeMicros, eventId, provider);
    },
    earliest(agentKey) {
      const fixed = firstFixed.get(agentKey);
      const movable = firstMovable.get(agentKey);
      const row = fixed === undefined || (movable !== undefined && isBefore(movable, fixed)) ? movable : fixed;
      return row === undefined ? [null, null, null] : [row.provider, row.time_micros, row.event_id];
    },
  };
}

function firstSql(isMovable: 0 | 1): string {
  return `select provider, time_micros, event_id from provider_reports
    where agent_key = ? and is_movable = ${isMovable} order by time_micros, event_id limit 1`;
}

type Place = Pick<Row, "time_micros" | "event_id">;

function isBefore(a: Place, b: Place): boolean {
  return (
    a.time_micros < b.time_micros || (a.time_micros === b.time_micros && Buffer.compare(a.event_id, b.event_id) < 0)
  );
}
