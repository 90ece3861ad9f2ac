import type { AgentRecord } from "../model/agent.ts";
import type { Event, OperationKind, StoredEvent } from "../model/event.ts";
import type { EventFilter, TimeRange } from "../model/event-filter.ts";
import type { FilterExpression, FilterField, ListFilter } from "../model/filter.ts";
import type { LatencyRecord } from "../model/latency.ts";
import type { OperationRecord, OperationStatus } from "../model/operation.ts";
import type { AlertRecord, AlertSeverity, AlertStatus } from "../model/security-alert.ts";
import type { SessionRecord } from "../model/session.ts";
import type { TraceRecord } from "../model/trace.ts";
import type { MetricPointStore } from "./metric-points.ts";
import type { MetricStore } from "./metrics.ts";
import type { SearchStore } from "./search.ts";

export type * from "./metric-points.ts";
export type * from "./metrics.ts";
export type * from "./search.ts";
export type {
  AgentRecord,
  AlertRecord,
  EventFilter,
  FilterExpression,
  LatencyRecord,
  OperationRecord,
  SessionRecord,
  StoredEvent,
  TimeRange,
  TraceRecord,
};

/**
 * Keeps telemetry and gives it back. The one interface between the rest of the server and a database.
 *
 * For every method: arguments and results are plain data that the other side may keep. A method rejects with a
 * `TelemetryError` of reason `STORE_UNAVAILABLE` when the database cannot serve it now and trying again can help;
 * any other rejection is a fault. After `close` every method rejects with `SHUTTING_DOWN`.
 */
export interface TelemetryStore extends MetricStore, SearchStore, MetricPointStore {
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

  /**
   * Events that were stored after another one, in order of sequence, which is the order in which they were stored. Empty if there is
   * none; an `afterSequence` that was never given, or whose event was deleted, is a place like any other.
   *
   * There is one writer, so sequences become visible at the commit of their events, and in order: who reads to `throughSequence`, and
   * next time goes on after it, misses no event and sees none twice, whatever is stored or deleted meanwhile.
   * Reads a bounded number of rows: a page may have few events, or none, without being the last one; `hasMore` says so.
   */
  listEventsAfter(query: EventTailQuery): Promise<EventTailPage>;

  /**
   * The end of all that is stored: no event has, or had before it was deleted, a greater sequence, and what is stored from now on has
   * one. 0 before the first event. Sequences between two events need not all be taken.
   */
  getLastSequence(): Promise<number>;

  /**
   * Tells `listener` that events were stored: those up to this sequence can be read now. At most once per turn of the event loop, with
   * the greatest sequence, in increasing order, and never before the commit. Of a commit whose outcome is lost, because the thread that
   * made it died, nobody is told before the next one; who depends on it looks for itself now and then. A listener must not throw.
   * The result ends it: the listener is not called any more. `close` ends all.
   */
  onStored(listener: (throughSequence: number) => void): () => void;

  /** An agent's events in numbers, by `dimension`, in no particular order. Empty if there is none in the range. */
  countEvents(query: EventCountQuery): Promise<readonly EventCount[]>;

  /**
   * How long an agent's operations took, by the time of their start, else of their finish; one entry per kind of which any duration is
   * known, by kind. Wrappers that a vendor's call covers are left out.
   */
  measureLatency(query: LatencyQuery): Promise<readonly LatencyRecord[]>;

  /**
   * Sessions by the time of their start, then by their key, both descending; with what happened in them in numbers. The range is
   * that of the start. Reads at most a bounded number of rows: a page may be shorter than `limit` without being the last one; `next`
   * says where to go on.
   */
  listSessions(query: SessionQuery): Promise<Page<SessionRecord>>;

  /**
   * Operations by time (`OperationRecord.atMicros`), then by id, descending or ascending. Bounded and paged as `listSessions`.
   * `failure` is null where the event's attributes are longer than 64 KiB.
   */
  listOperations(query: OperationQuery): Promise<Page<OperationRecord>>;

  /** The operation with this id and its two events, whole; null if there is none. */
  findOperation(id: number): Promise<OperationDetail | null>;

  /** Traces by the time of their start, then by their key, both descending. The range is that of the start. Bounded and paged as `listSessions`. */
  listTraces(query: TraceQuery): Promise<Page<TraceRecord>>;

  /**
   * The operations of a trace, of one agent or of all that take part (at most 100 agents), in no particular order. Of more than
   * `limit` operations it gives that many, the earliest of those that it examined, and says so. No traces: there is no such trace.
   */
  findTraceOperations(query: TraceOperationQuery): Promise<TraceOperations>;

  /** Alerts by time, then by position of their event, both descending. Bounded and paged as `listSessions`. */
  listAlerts(query: AlertQuery): Promise<Page<AlertRecord>>;

  /** The alert that the event with this id (32 hexadecimal digits) reports, or null. */
  findAlert(eventId: string): Promise<AlertRecord | null>;

  /**
   * Sets the status of the alert that the event with this id reports. False: there is none. `atMicros` is kept as the time of the
   * change; to set the status that it has already changes nothing. Durable when it resolves, as `append`.
   */
  setAlertStatus(change: AlertStatusChange): Promise<boolean>;

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

export interface EventTailQuery {
  /** 0: from the first event on. */
  readonly afterSequence: number;
  readonly filter: EventFilter;
  /** Events on the page at most, whatever their size. */
  readonly limit: number;
  /** Bytes of attributes and extensions on the page at most; the first event may have more. */
  readonly bytesMax: number;
  /** Events that are looked at, at most, to find those that pass the filter. */
  readonly examinedRowsMax: number;
}

export interface EventTailPage {
  readonly events: readonly StoredEvent[];
  /** Everything up to here was looked at: the next page is after it. At least `afterSequence`. */
  readonly throughSequence: number;
  /** Whether something was stored after it already. */
  readonly hasMore: boolean;
}

/** What events can be counted by. */
export type EventDimension = "name" | "level" | "channel";

export interface EventCountQuery extends TimeRange {
  readonly agentId: string;
  readonly dimension: EventDimension;
}

export interface EventCount {
  /** Empty: the events have no such value. */
  readonly value: string;
  readonly count: number;
  readonly firstMicros: number;
  readonly latestMicros: number;
}

export interface LatencyQuery extends TimeRange {
  readonly agentId: string;
}

/** Where a list by time goes on: after this place, in the direction of the list. */
export interface Cursor {
  readonly micros: number;
  /** The store's key, which orders what has the same time. */
  readonly key: number;
}

/** A page of a list by time. */
export interface Page<Item> {
  readonly items: readonly Item[];
  /** Null: there is nothing further. */
  readonly next: Cursor | null;
}

/** Which page of a list by time. */
export interface PageQuery {
  readonly after: Cursor | null;
  readonly limit: number;
}

/** Which sessions; null means any. */
export interface SessionFilter extends TimeRange {
  readonly agentId: string | null;
  readonly sessionId: string | null;
  /** What else has to be true of them. */
  readonly expression?: ListFilter<"sessions"> | null;
}

export interface SessionQuery extends PageQuery {
  readonly filter: SessionFilter;
}

/** Operations of one kind, everywhere or in a session; or those of every kind in a session. */
export type OperationScope =
  | { readonly kind: OperationKind; readonly sessionId: string | null }
  | { readonly kind: null; readonly sessionId: string };

/** Which operations; null means any. */
export type OperationFilter = OperationScope &
  TimeRange & {
    readonly agentId: string | null;
    readonly status: OperationStatus | null;
    readonly toolName: string | null;
    /** Of calls of a language model. */
    readonly vendor: string | null;
    /** The model that answered, else the one that was asked for, exactly. */
    readonly model: string | null;
    /** What else has to be true of them. */
    readonly expression?: FilterExpression<CallField> | null;
  };

/** What filters of calls of either kind ask about. */
export type CallField = FilterField<"llm_calls"> | FilterField<"tool_calls">;

export interface OperationQuery extends PageQuery {
  readonly filter: OperationFilter;
  readonly ascending: boolean;
}

/** An operation with its events. */
export interface OperationDetail {
  readonly operation: OperationRecord;
  readonly start: StoredEvent | null;
  readonly finish: StoredEvent | null;
}

/** Which traces; null means any. */
export interface TraceFilter extends TimeRange {
  readonly agentId: string | null;
  readonly traceId: string | null;
  /** What else has to be true of them. */
  readonly expression?: ListFilter<"traces"> | null;
}

export interface TraceQuery extends PageQuery {
  readonly filter: TraceFilter;
}

export interface TraceOperationQuery {
  readonly traceId: string;
  /** Null: of every agent that takes part. */
  readonly agentId: string | null;
  readonly limit: number;
}

export interface TraceOperations {
  /** One for each agent that takes part, by agent id. */
  readonly traces: readonly TraceRecord[];
  readonly operations: readonly OperationRecord[];
  /** There may be more operations than these. */
  readonly truncated: boolean;
}

/** Which alerts; null means any. */
export interface AlertFilter extends TimeRange {
  readonly agentId: string | null;
  readonly sessionId: string | null;
  readonly severity: AlertSeverity | null;
  readonly category: string | null;
  readonly status: AlertStatus | null;
  /** What else has to be true of them. */
  readonly expression?: ListFilter<"alerts"> | null;
}

export interface AlertQuery extends PageQuery {
  readonly filter: AlertFilter;
}

export interface AlertStatusChange {
  readonly eventId: string;
  readonly status: AlertStatus;
  /** When it is changed: microseconds since 1970 UTC. */
  readonly atMicros: number;
}
