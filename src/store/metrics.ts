import type { OperationKind } from "../model/event.ts";
import type { AlertSeverity } from "../model/security-alert.ts";

/**
 * What the store tells in numbers over ranges of time. The cost of an answer depends on the length of the range and the number of
 * different agents, models, names, …, not on the number of events. Only where single sessions are asked about, what lies in them is
 * read.
 */
export interface MetricStore {
  /** Operations by the time of their start, else of their finish. Wrappers that a vendor's call covers are left out. */
  queryCalls(query: CallMetricQuery): Promise<MetricGroups<CallSums>>;

  /** Events by their time. */
  queryEvents(query: EventMetricQuery): Promise<MetricGroups<EventSums>>;

  /** Security alerts by the time of their event. */
  queryAlerts(query: AlertMetricQuery): Promise<MetricGroups<AlertSums>>;

  /** Sessions by the time of their start. */
  querySessions(query: SessionMetricQuery): Promise<MetricGroups<SessionSums>>;

  /** How many agents have an event in any of the buckets. */
  countAgents(query: AgentCountQuery): Promise<number>;
}

/** From `startMicros` on and before `endMicros`, both at full minutes; null is without end on that side. */
export interface MetricBucket {
  readonly startMicros: number | null;
  readonly endMicros: number | null;
}

/** The part that all questions share. */
export interface MetricQuery<Dimension extends string> {
  /** Empty: every agent. One that never reported has nothing. */
  readonly agentIds: readonly string[];
  /** At least one; in order, each beginning where the one before ends. */
  readonly buckets: readonly MetricBucket[];
  /** Each at most once. Empty: everything together. */
  readonly groupBy: readonly Dimension[];
  /** Groups that are told at most; the others are put together. */
  readonly groupsMax: number;
}

/** Sums by group. */
export interface MetricGroups<Sums> {
  /** Largest first, then by values. Without `groupBy` it is the one group of everything, also where nothing is there. */
  readonly groups: readonly MetricGroup<Sums>[];
  /** What the groups beyond `groupsMax` have together; null if there is none. */
  readonly other: OtherGroups<Sums> | null;
}

export interface MetricGroup<Sums> {
  /** In the order of `groupBy`. Null: not known. */
  readonly values: readonly (string | null)[];
  readonly total: Sums;
  /** By place of the bucket; those in which nothing is are left out. */
  readonly buckets: ReadonlyMap<number, Sums>;
}

export interface OtherGroups<Sums> extends Omit<MetricGroup<Sums>, "values"> {
  /** How many there are. */
  readonly groupCount: number;
}

/**
 * Groups of sessions are those of the sessions that started last in the range: `groupsMax` at most, and from the second one on only as
 * long as they have `sessionEventsMax` events together. So there are no others. What is in no session is in none of them, and a session
 * in which nothing is found is no group.
 */
export type CallDimension = "agent" | "kind" | "vendor" | "model" | "tool" | "name" | "session";

/** Events of all sessions that one answer tells apart. */
export const sessionEventsMax = 100_000;

/** By what groups of calls are ordered: their number, or the sum of what they say. */
export type CallSize = "count" | "tokens" | "cost";

/** What may be asked of calls beside their number: how they ended, their tokens, what they cost, how long they took. */
export type CallFact = "outcomes" | "tokens" | "cost" | "latency";

export interface CallMetricQuery extends MetricQuery<CallDimension> {
  readonly filter: CallMetricFilter;
  readonly size: CallSize;
  /** What is asked for, that of `size` among it; each takes time to add up. Sums of anything else may be 0, and `latency` is null. */
  readonly facts: readonly CallFact[];
}

/** Which operations; null means any. */
export interface CallMetricFilter {
  /** Empty: every kind. */
  readonly kinds: readonly OperationKind[];
  /** Only what lies in sessions of this id, whenever they started. */
  readonly sessionId: string | null;
  readonly vendor: string | null;
  /** The one that answered, else the one that was asked for. */
  readonly model: string | null;
  /** The tool's name, for calls of tools; else the operation's. */
  readonly name: string | null;
}

/** Tokens of one tier. */
export interface TokenSum {
  readonly sum: number;
  /** Calls that tell it. */
  readonly count: number;
}

export interface CallSums {
  readonly count: number;
  readonly runningCount: number;
  readonly errorCount: number;
  readonly blockedCount: number;
  /** Calls that tell any number of tokens. */
  readonly toldCount: number;
  readonly input: TokenSum;
  readonly output: TokenSum;
  readonly cacheRead: TokenSum;
  readonly cacheWrite: TokenSum;
  readonly reasoning: TokenSum;
  /** In 1e-12 USD, of the calls that have a price. */
  readonly costPicoUsd: number;
  readonly pricedCount: number;
  /** Calls that tell tokens and have no price. */
  readonly unpricedCount: number;
  /** Null where no duration is known, or none was asked for. */
  readonly latency: LatencySums | null;
}

/** Of the operations whose duration is known, in milliseconds. */
export interface LatencySums {
  readonly count: number;
  /** Of durations in whole microseconds. */
  readonly meanMs: number;
  readonly minMs: number;
  readonly maxMs: number;
  /** By nearest rank, within 1 % of the true value, and never outside of the least and the greatest. */
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

/** For `session` see `CallDimension`. */
export type EventDimensionName = "agent" | "name" | "level" | "channel" | "session";

export interface EventMetricQuery extends MetricQuery<EventDimensionName> {
  readonly filter: EventMetricFilter;
}

/** Which events; null means any. */
export interface EventMetricFilter {
  readonly name: string | null;
  /** As sent. */
  readonly level: string | null;
  readonly channel: string | null;
  /** Only those of sessions of this id, whenever they started. */
  readonly sessionId: string | null;
  /** Only those of the level error or worse. */
  readonly onlyErrors: boolean;
}

export interface EventSums {
  readonly count: number;
  /** Events of the level error or worse. */
  readonly errorCount: number;
  /** Null: there is no event. */
  readonly firstMicros: number | null;
  readonly latestMicros: number | null;
}

export type AlertDimension = "agent" | "severity" | "category";

export interface AlertMetricQuery extends MetricQuery<AlertDimension> {
  readonly filter: { readonly severity: AlertSeverity | null; readonly category: string | null };
}

export interface AlertSums {
  readonly count: number;
}

export type SessionMetricQuery = MetricQuery<"agent">;

/** Of which agents, and when. */
export type AgentCountQuery = Pick<MetricQuery<never>, "agentIds" | "buckets">;

export interface SessionSums {
  readonly count: number;
  /** Sessions with an event of the level error or worse. */
  readonly errorSessionCount: number;
  readonly eventCount: number;
  /** Of the times between the earliest and the latest event of each. */
  readonly durationSumMicros: number;
}
