import type { Event, OperationPart } from "../../src/model/event.ts";
import { type LlmFacts, noTokens, type TokenCounts } from "../../src/model/llm-call.ts";
import type { AlertFacts } from "../../src/model/security-alert.ts";
import type { Cursor, Page, PageQuery } from "../../src/store/store.ts";
import { buildEvent, buildPart, builtFromMicros } from "./event-builder.ts";

/** The one model whose price a store under test knows. */
export const pricedModel = { vendor: "anthropic", requestedModel: "claude-3-haiku" } as const;

/** That price. */
export const priceTable = JSON.stringify({
  version: "test",
  unit: "USD per 1,000,000 tokens",
  prices: [
    { vendor: pricedModel.vendor, model: pricedModel.requestedModel, input: 0.25, output: 1.25, source: "test" },
  ],
});

/** Facts of a call of a language model; by default nothing is told. */
export function buildLlm({
  tokens,
  ...overrides
}: Partial<Omit<LlmFacts, "tokens">> & Partial<{ tokens: Partial<TokenCounts> }> = {}): LlmFacts {
  return {
    vendor: null,
    requestedModel: null,
    usedModel: null,
    stopReason: null,
    isWrapper: false,
    ...overrides,
    tokens: { ...noTokens, ...tokens },
  };
}

/** An event so many milliseconds after the time of built events. */
export function eventAt(ms: number, overrides: Partial<Event> = {}): Event {
  return buildEvent({ ...overrides, timeMicros: builtFromMicros + ms * 1000 });
}

/** The start and the finish of one operation in a span of its own, `ms` apart. */
export function buildOperation(
  { atMs, ms, outcome = "ok", ...fields }: Partial<Event> & OperationTimes,
  part: Partial<OperationPart> = {},
): readonly [start: Event, finish: Event] {
  spans += 1;
  const event = { spanId: `span ${spans}`, ...fields };
  return [
    eventAt(atMs, { ...event, operation: buildPart({ ...part, outcome: null }) }),
    eventAt(atMs + ms, { ...event, operation: buildPart({ ...part, outcome }) }),
  ];
}

let spans = 0;

interface OperationTimes {
  readonly atMs: number;
  readonly ms: number;
  readonly outcome?: NonNullable<OperationPart["outcome"]>;
}

/** A security finding. */
export function buildAlert(overrides: Partial<AlertFacts> = {}): AlertFacts {
  return {
    severity: "medium",
    category: "sensitive_data",
    keywords: [],
    sample: null,
    description: null,
    ...overrides,
  };
}

/** Reads a list by time page by page to its end. Throws if that takes more pages than there can be. */
export async function readListPages<Item>(
  limit: number,
  list: (page: PageQuery) => Promise<Page<Item>>,
): Promise<readonly (readonly Item[])[]> {
  const pages: (readonly Item[])[] = [];
  let after: Cursor | null = null;
  do {
    const page: Page<Item> = await list({ after, limit });
    pages.push(page.items);
    after = page.next;
    if (pages.length > 2_000) throw new Error("the list does not end");
  } while (after !== null);
  return pages;
}
