/*
 * Calls of a language model: what single events say about them. A call is an operation (see `pairing.ts`) of kind `llm`; what its
 * start and its finish say is put together by `mergeLlmFacts`.
 */

/**
 * Tokens of one call by tier; null is not told, which is not zero. One convention, whatever the source's: `input` counts every
 * token that went in, with those read from or written to a cache, and `output` every token that came out, with those of reasoning.
 */
export interface TokenCounts {
  readonly input: number | null;
  readonly output: number | null;
  /** Part of `input`. */
  readonly cacheRead: number | null;
  /** Part of `input`. */
  readonly cacheWrite: number | null;
  /** Part of `output`. */
  readonly reasoning: number | null;
}

/** What one event says about the call that it is part of. Absent is null. */
export interface LlmFacts {
  /** Vendor in lower case, as `anthropic`. */
  readonly vendor: string | null;
  /** Model as the client asked for it. */
  readonly requestedModel: string | null;
  /** Model as the answer names it. */
  readonly usedModel: string | null;
  /** Why the model stopped, as sent: `end_turn`, `tool_use`, `stop`, `length`, … None of them is an error. */
  readonly stopReason: string | null;
  readonly tokens: TokenCounts;
  /**
   * Whether a framework reports the call (LangChain), not the vendor's client: then a vendor's call inside it may be the same one.
   */
  readonly isWrapper: boolean;
}

/** Nothing is told. */
export const noTokens: TokenCounts = { input: null, output: null, cacheRead: null, cacheWrite: null, reasoning: null };

/** What start and finish say together: of each fact the finish's word, else the start's. Null where neither says anything. */
export function mergeLlmFacts(start: LlmFacts | null, finish: LlmFacts | null): LlmFacts | null {
  if (start === null || finish === null) return finish ?? start;
  return {
    vendor: finish.vendor ?? start.vendor,
    requestedModel: start.requestedModel ?? finish.requestedModel,
    usedModel: finish.usedModel ?? start.usedModel,
    stopReason: finish.stopReason ?? start.stopReason,
    tokens: {
      input: finish.tokens.input ?? start.tokens.input,
      output: finish.tokens.output ?? start.tokens.output,
      cacheRead: finish.tokens.cacheRead ?? start.tokens.cacheRead,
      cacheWrite: finish.tokens.cacheWrite ?? start.tokens.cacheWrite,
      reasoning: finish.tokens.reasoning ?? start.tokens.reasoning,
    },
    isWrapper: start.isWrapper || finish.isWrapper,
  };
}
