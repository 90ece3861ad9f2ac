import { noTokens, type TokenCounts } from "../../model/llm-call.ts";
import { readCount } from "../token-count.ts";
import { type Alias, findFact, type OtlpFactSource } from "./alias.ts";
import { attributeTable } from "./attribute-table.ts";

/** Tokens of a call, and how their source counts. */
export interface TokenReport {
  readonly tokens: TokenCounts;
  /** Whether the source's input has the tokens of caches in it; null where it tells of none. */
  readonly caches: "within" | "apart" | null;
  /** Whether its output has those of reasoning in it. */
  readonly reasoning: "within" | "apart" | null;
}

/**
 * The tokens that an event tells, in the convention of `TokenCounts`, whatever the source's. What it does not tell is null, never 0.
 *
 * OpenTelemetry counts caches within the input and reasoning within the output. A source counts apart where the table says so, or
 * where its numbers leave no other reading: the part is greater than the whole, or the total is the sum of all.
 */
export function readOtlpTokens(source: OtlpFactSource): TokenReport {
  const count = (aliases: readonly Alias[]) => findFact(source, aliases, readCount);
  const input = count(attributeTable.inputTokens);
  const output = count(attributeTable.outputTokens);
  if (input === null && output === null) return { tokens: noTokens, caches: null, reasoning: null };
  const cacheRead = count(attributeTable.cacheReadTokens)?.value ?? null;
  const cacheWrite = count(attributeTable.cacheWriteTokens)?.value ?? null;
  const reasoning = count(attributeTable.reasoningTokens)?.value ?? null;
  const total = count(attributeTable.totalTokens)?.value ?? null;
  const cached = cacheRead === null && cacheWrite === null ? null : (cacheRead ?? 0) + (cacheWrite ?? 0);
  const sum = (input?.value ?? 0) + (output?.value ?? 0);
  const areCachesApart =
    input !== null && isApart({ whole: input.value, part: cached, isSaid: input.alias.counts === "apart", sum, total });
  const isReasoningApart =
    output !== null &&
    isApart({ whole: output.value, part: reasoning, isSaid: output.alias.counts === "apart", sum, total });
  return {
    tokens: {
      input: input === null ? null : safe(input.value + (areCachesApart ? (cached ?? 0) : 0)),
      output: output === null ? null : safe(output.value + (isReasoningApart ? (reasoning ?? 0) : 0)),
      cacheRead,
      cacheWrite,
      reasoning,
    },
    caches: cached === null ? null : areCachesApart ? "apart" : "within",
    reasoning: reasoning === null ? null : isReasoningApart ? "apart" : "within",
  };
}

interface PartOfWhole {
  readonly whole: number;
  readonly part: number | null;
  readonly isSaid: boolean;
  /** Input and output as the source has them, and the total that it tells. */
  readonly sum: number;
  readonly total: number | null;
}

function isApart({ whole, part, isSaid, sum, total }: PartOfWhole): boolean {
  if (part === null || part === 0) return false;
  return isSaid || part > whole || (total !== null && total === sum + part);
}

function safe(count: number): number | null {
  return Number.isSafeInteger(count) ? count : null;
}
