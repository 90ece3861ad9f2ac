import type { TokenCounts } from "./llm-call.ts";

/**
 * A session of one agent in numbers. A call of a language model that is reported twice counts once: a wrapper that is covered by
 * a vendor's call counts nowhere.
 */
export interface SessionRecord {
  readonly agentId: string;
  readonly sessionId: string;
  /** Times of its earliest and its latest event. */
  readonly startMicros: number;
  readonly endMicros: number;
  readonly eventCount: number;
  /** Events of the level error or worse. */
  readonly errorCount: number;
  readonly llmCallCount: number;
  /** Calls that failed or were blocked. */
  readonly failedLlmCallCount: number;
  readonly toolCallCount: number;
  /** Calls that failed or were blocked. */
  readonly failedToolCallCount: number;
  readonly alertCount: number;
  /** Sums over the calls that tell; null where none tells. */
  readonly tokens: TokenCounts;
  /** Sum over the calls whose cost is known, in 1e-12 USD; null where there is none. */
  readonly costPicoUsd: number | null;
  /** Calls that tell tokens and whose price is not known, as metrics count them. */
  readonly unpricedCallCount: number;
  /** The tool call that took the longest; null where none finished in a known time. */
  readonly slowestTool: SlowestTool | null;
}

export interface SlowestTool {
  /** Null: the call does not name its tool. */
  readonly name: string | null;
  readonly durationMs: number;
}
