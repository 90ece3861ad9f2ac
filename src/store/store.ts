import type { AgentRecord } from "../model/agent.ts";
import type { Event, StoredEvent } from "../model/event.ts";
import type { EventFilter, TimeRange } from "../model/event-filter.ts";
import type { LatencyRecord } from "../model/latency.ts";

export type { AgentRecord, EventFilter, LatencyRecord, StoredEvent, TimeRange };

/**
 * Keeps telemetry and gives it back. The one interface between the rest of the server and a database.
 *
 * For every method: arguments and results are plain data that the other side may keep. A method rejects with a
 * `TelemetryError` of reason `STORE_UNAVAILABLE` when the database cannot serve it now and trying again can help;
 * any other rejection is a fault. After `close` every method rejects with `SHUTTING_DOWN`.
 */
export interface TelemetryStore {
  /**
   * Stores events, and brings agents, sessions and operations up to date in the same transaction.
   *
   * Durability: resolves after the commit; what it reports as stored survives the death of the process at any later moment,
   * and with durability `full` a power cut. If it rejects, nothing of the call was stored.
   * Order: outcomes stand in the order of `events`; sequences increase in that order. The empty list resolves to the empty list.
   * The result of everything derived depends on the set of stored events only, not on the order in which they came.
   */
  append(events: readonly Event[]): Promise<readonly AppendOutcome[]>;

  /** The agent, or null if it never reported. */
  findAgent(agentId: string): Promise<AgentRecord | null>;

  /** Agents in descending order of (last seen, id); at most `limit`. Empty if there is none. */
  listAgents(query: AgentQuery): Promise<readonly AgentRecord[]>;

  /** The event with this id (32 hexadecimal digits), or null. */
  findEvent(eventId: string): Promise<StoredEvent | null>;

  /**
   * Events in order of (time, sequence), descending or ascending. Reads at most a bounded number of rows: with a filter that no
   * index serves, a page may be shorter than `limit` without being the last one; `next` says where to go on.
   */
  listEvents(query: EventQuery): Promise<EventPage>;

  /** An agent's events in numbers, by `dimension`, in no particular order. Empty if there is none in the range. */
  countEvents(query: EventCountQuery): Promise<readonly EventCount[]>;

  /** How long an agent's finished operations took, one entry per kind, by kind. Empty if none finished in the range. */
  measureLatency(query: LatencyQuery): Promise<readonly LatencyRecord[]>;

  /**
   * Proves that events can be stored: resolves after the commit of a small write that none of the other methods can see. For a
   * caller whose last `append` rejected with `STORE_UNAVAILABLE`, and who would know when the next one is worth while.
   * Waits for no other program's lock. Rejects also where a small write succeeds but the cause of that rejection is
   * known to remain: a disk without room for more, a file that is damaged.
   */
  probe(): Promise<void>;

  /** Resolves if the database answers. */
  ping(): Promise<void>;

  /** Finishes the writes that are under way, then lets go of the database. May be called again. */
  close(): Promise<void>;
}

/** What became of one event: stored now, known already, or refused because another event has its id. */
export type AppendOutcome =
  | { readonly status: "stored"; readonly sequence: number }
  | { readonly status: "duplicate" }
  | { readonly status: "conflict" };

/** Where a list of agents goes on: after this agent. */
export interface AgentCursor {
  readonly lastSeenMicros: number;
  readonly agentId: string;
}

export interface AgentQuery {
  readonly after: AgentCursor | null;
  /** Agents to pass over first. */
  readonly offset: number;
  readonly limit: number;
}

/** Where a list of events goes on: after this place, in the direction of the list. */
export interface EventCursor {
  readonly timeMicros: number;
  readonly sequence: number;
}

export interface EventQuery {
  readonly filter: EventFilter;
  readonly ascending: boolean;
  readonly after: EventCursor | null;
  /** Events to pass over first. */
  readonly offset: number;
  readonly limit: number;
}

export interface EventPage {
  readonly events: readonly StoredEvent[];
  /** Null: there is nothing further. */
  readonly next: EventCursor | null;
  /** The `offset` to go on with at `next`: what is left where this page could not yet pass over all of it, else 0. */
  readonly nextOffset: number;
}

/** What events can be counted by. */
export type EventDimension = "name" | "level" | "channel";

export interface EventCountQuery extends TimeRange {
  readonly agentId: string;
  readonly dimension: EventDimension;
}

export interface EventCount {
  /** Null: the events have no such value. */
  readonly value: string | null;
  readonly count: number;
  readonly firstMicros: number;
  readonly latestMicros: number;
}

export interface LatencyQuery extends TimeRange {
  readonly agentId: string;
}
