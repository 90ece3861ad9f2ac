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
  const [areCachesApart, isReasoningApart] = findApart(
    [
      { whole: input?.value ?? null, part: cached, isSaid: input?.alias.counts === "apart" },
      { whole: output?.value ?? null, part: reasoning, isSaid: output?.alias.counts === "apart" },
    ],
    total === null ? null : total - sum,
  );
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
  readonly whole: number | null;
  readonly part: number | null;
  readonly isSaid: boolean;
}

/** Which of the parts are counted apart. `rest` is what a total that is told has beyond the wholes; null where there is none. */
function findApart([caches, reasoning]: readonly [PartOfWhole, PartOfWhole], rest: number | null): [boolean, boolean] {
  const sure = [isSurelyApart(caches), isSurelyApart(reasoning)] as const;
  if (rest === null) return [...sure];
  const sizes = [sizeOf(caches), sizeOf(reasoning)] as const;
  // What is left of the total once the parts are in it of which it is known; the others may be what makes it up.
  const left = rest - (sure[0] ? sizes[0] : 0) - (sure[1] ? sizes[1] : 0);
  const open = [sure[0] ? 0 : sizes[0], sure[1] ? 0 : sizes[1]] as const;
  const isLeft = (size: number): boolean => size > 0 && (left === size || left === open[0] + open[1]);
  return [sure[0] || isLeft(open[0]), sure[1] || isLeft(open[1])];
}

function isSurelyApart({ whole, part, isSaid }: PartOfWhole): boolean {
  return whole !== null && part !== null && part > 0 && (isSaid || part > whole);
}

function sizeOf({ whole, part }: PartOfWhole): number {
  return whole === null ? 0 : (part ?? 0);
}

function safe(count: number): number | null {
  return Number.isSafeInteger(count) ? count : null;
}
