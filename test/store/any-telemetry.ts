import * as fc from "fast-check";
import type { Event, OperationOutcome } from "../../src/model/event.ts";
import { type LlmFacts, noTokens, type TokenCounts } from "../../src/model/llm-call.ts";
import type { Price, PriceBook } from "../../src/pricing/price-table.ts";
import { buildPart, builtFromMicros } from "./event-builder.ts";

const minuteMicros = 60_000_000;

/** Times in few minutes, quarters of an hour and days, at and around where these begin. */
const anyTime = fc
  .tuple(fc.constantFrom(0, 0, 1, 2, 14, 15, 16, 1439, 1440, 2 * 1440), fc.constantFrom(-1, 0, 1, 2, 29_999_999))
  .map(([minute, micros]) => builtFromMicros + minute * minuteMicros + micros);

const anyDuration = fc.oneof(
  fc.constantFrom(null, 0, 1, 1, 2.5, 2.5, 1234.5678),
  fc.double({ min: 0.001, max: 1e6, noNaN: true }),
);

const anyCount = fc.constantFrom(null, null, 0, 7, 1000);

const anyTokens: fc.Arbitrary<TokenCounts> = fc.oneof(
  fc.constant(noTokens),
  fc.record({ input: anyCount, output: anyCount, cacheRead: anyCount, cacheWrite: anyCount, reasoning: anyCount }),
);

const anyLlm: fc.Arbitrary<LlmFacts> = fc.record({
  vendor: fc.constantFrom(null, "openai", "anthropic"),
  requestedModel: fc.constantFrom(null, "priced", "unpriced"),
  usedModel: fc.constantFrom(null, null, "priced", "other"),
  stopReason: fc.constant(null),
  tokens: anyTokens,
  isWrapper: fc.boolean(),
});

const anyOutcome = fc.constantFrom<OperationOutcome | null>(null, null, "ok", "ok", "error", "blocked");

/** Few ids, so that starts and finishes meet, and wrappers cover calls. */
const anyPart: fc.Arbitrary<Partial<Event>> = fc
  .record({
    kind: fc.constantFrom("llm" as const, "llm" as const, "llm" as const, "tool" as const, "chain" as const),
    outcome: anyOutcome,
    runId: fc.constantFrom(null, null, "r1", "r2"),
    toolName: fc.constantFrom(null, "search", "fetch"),
    llm: fc.option(anyLlm, { freq: 6 }),
    spanId: fc.constantFrom(null, "x", "x", "y"),
    parentSpanId: fc.constantFrom(null, "x", "x", "y"),
    durationMs: anyDuration,
  })
  .map(({ spanId, parentSpanId, durationMs, kind, ...part }) => ({
    spanId,
    parentSpanId,
    durationMs: part.outcome === null ? null : durationMs,
    operation: buildPart({
      kind,
      family: kind === "llm" ? `llm.${part.llm?.isWrapper ?? false}` : kind,
      ...part,
      toolName: kind === "tool" ? part.toolName : null,
      llm: kind === "llm" ? part.llm : null,
    }),
  }));

const anyAlert: fc.Arbitrary<Partial<Event>> = fc
  .record({
    severity: fc.constantFrom("low" as const, "high" as const),
    category: fc.constantFrom(null, "", "sensitive_data"),
  })
  .map((alert) => ({ alert: { ...alert, keywords: [], sample: null, description: null } }));

/** Events of every kind that the metrics speak about, of few agents, names and times. To be built by `buildArrival`. */
export const anyTelemetry: fc.Arbitrary<readonly Partial<Event>[]> = fc.array(
  fc
    .tuple(
      fc.record({
        agentId: fc.constantFrom("one", "one", "two"),
        sessionId: fc.constantFrom("s1", "s2", null),
        name: fc.constantFrom("a", "b", "__proto__"),
        level: fc.constantFrom("INFO", "error", "CRITICAL", ""),
        channel: fc.constantFrom(null, "", "LLM"),
        timeMicros: anyTime,
      }),
      fc.oneof({ weight: 5, arbitrary: anyPart }, { weight: 1, arbitrary: anyAlert }),
    )
    .map(([fields, part]) => ({ ...fields, ...part })),
  { minLength: 1, maxLength: 30 },
);

/** One picodollar for a token, of the model `priced` alone. */
export const anyTelemetryPrices: PriceBook = {
  version: "test",
  find({ model, vendor }): Price | null {
    if (model !== "priced") return null;
    const rates = { inputPicoUsd: 1, outputPicoUsd: 1, cacheReadPicoUsd: 1, cacheWritePicoUsd: 1, reasoningPicoUsd: 1 };
    return { ...rates, vendor: vendor ?? "", model, validFrom: null, source: "test", longInput: null };
  },
};
