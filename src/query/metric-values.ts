import type { TokenCounts } from "../model/llm-call.ts";
import type { AlertSums, CallSums, EventSums, LatencySums, SessionSums, TokenSum } from "../store/store.ts";

/*
 * What metrics tell, and the formulas. Null: nothing is known of it, which is not 0.
 */

/** How calls ended. */
export interface OutcomeValues {
  readonly callCount: number;
  /** Of which no finish has come. */
  readonly runningCount: number;
  /** Failed or blocked. */
  readonly failedCount: number;
  readonly blockedCount: number;
  /** Failed or blocked, as a share of those that ended, 0 to 1; null where none has. */
  readonly errorRate: number | null;
}

export interface ToolValues extends OutcomeValues {
  readonly latency: LatencySums | null;
}

export interface TokenValues {
  readonly callCount: number;
  /** Calls that tell any number of tokens. */
  readonly toldCount: number;
  /** Sums over the calls that tell; null where none does. */
  readonly tokens: TokenCounts;
  /** For each call that tells it. */
  readonly meanInput: number | null;
  readonly meanOutput: number | null;
}

export interface CostValues {
  readonly callCount: number;
  /** In 1e-12 USD, of the calls whose cost is known; null where there is none. */
  readonly costPicoUsd: number | null;
  /** Calls whose cost is known. */
  readonly pricedCount: number;
  /** Calls that tell tokens and whose price is not known. */
  readonly unpricedCount: number;
  /** For each call whose cost is known. */
  readonly meanCostPicoUsd: number | null;
}

export interface SessionValues {
  readonly sessionCount: number;
  /** Sessions with an event of the level error or worse. */
  readonly errorSessionCount: number;
  readonly eventCount: number;
  /** Of the times between the earliest and the latest event of each. */
  readonly meanDurationMs: number | null;
  readonly meanEventCount: number | null;
}

export type EventValues = EventSums;
export type AlertValues = AlertSums;

const noTokens: TokenSum = { sum: 0, count: 0 };

/** Sums of nothing. */
export const noCalls: CallSums = {
  count: 0,
  runningCount: 0,
  errorCount: 0,
  blockedCount: 0,
  toldCount: 0,
  input: noTokens,
  output: noTokens,
  cacheRead: noTokens,
  cacheWrite: noTokens,
  reasoning: noTokens,
  costPicoUsd: 0,
  pricedCount: 0,
  unpricedCount: 0,
  latency: null,
};
export const noEvents: EventSums = { count: 0, errorCount: 0, firstMicros: null, latestMicros: null };
export const noAlerts: AlertSums = { count: 0 };
export const noSessions: SessionSums = { count: 0, errorSessionCount: 0, eventCount: 0, durationSumMicros: 0 };

/** How calls ended. */
export function outcomesOf({ count, runningCount, errorCount, blockedCount }: CallSums): OutcomeValues {
  const failedCount = errorCount + blockedCount;
  return {
    callCount: count,
    runningCount,
    failedCount,
    blockedCount,
    errorRate: ratio(failedCount, count - runningCount),
  };
}

/** How calls ended and how long they took. */
export function toolsOf(sums: CallSums): ToolValues {
  return { ...outcomesOf(sums), latency: sums.latency };
}

/** The tokens of calls. */
export function tokensOf({ count, toldCount, ...tiers }: CallSums): TokenValues {
  return {
    callCount: count,
    toldCount,
    tokens: {
      input: sumOf(tiers.input),
      output: sumOf(tiers.output),
      cacheRead: sumOf(tiers.cacheRead),
      cacheWrite: sumOf(tiers.cacheWrite),
      reasoning: sumOf(tiers.reasoning),
    },
    meanInput: ratio(tiers.input.sum, tiers.input.count),
    meanOutput: ratio(tiers.output.sum, tiers.output.count),
  };
}

/** What calls cost. */
export function costsOf({ count, costPicoUsd, pricedCount, unpricedCount }: CallSums): CostValues {
  return {
    callCount: count,
    costPicoUsd: pricedCount === 0 ? null : costPicoUsd,
    pricedCount,
    unpricedCount,
    meanCostPicoUsd: ratio(costPicoUsd, pricedCount),
  };
}

/** How many sessions, and how long. */
export function sessionsOf({ count, errorSessionCount, eventCount, durationSumMicros }: SessionSums): SessionValues {
  return {
    sessionCount: count,
    errorSessionCount,
    eventCount,
    meanDurationMs: ratio(durationSumMicros / 1000, count),
    meanEventCount: ratio(eventCount, count),
  };
}

function sumOf({ sum, count }: TokenSum): number | null {
  return count === 0 ? null : sum;
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}
