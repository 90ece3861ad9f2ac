import { isJsonObject, type JsonObject } from "../../model/exact-json.ts";
import { noTokens, type TokenCounts } from "../../model/llm-call.ts";
import { readCount } from "../token-count.ts";
import { firstAt, type Place, valueAt } from "./places.ts";

/** What vendors call their counts of tokens, as places inside a report of usage. */
interface CountNames {
  /** Anthropic's: without what was read from or written to a cache, if the two below stand beside it; else all that went in. */
  readonly input: readonly Place[];
  /** OpenAI's: all that went in. */
  readonly wholeInput: readonly Place[];
  readonly output: readonly Place[];
  /** Counted apart from `input`. */
  readonly cacheReadApart: readonly Place[];
  readonly cacheWriteApart: readonly Place[];
  /** Counted within the input. */
  readonly cacheReadWithin: readonly Place[];
  readonly cacheWriteWithin: readonly Place[];
  readonly reasoning: readonly Place[];
}

const countNames: CountNames = {
  input: [["input_tokens"]],
  wholeInput: [["prompt_tokens"]],
  output: [["output_tokens"], ["completion_tokens"]],
  cacheReadApart: [["cache_read_input_tokens"]],
  cacheWriteApart: [["cache_creation_input_tokens"]],
  // OpenAI's chat completions and responses, then LangChain's own form.
  cacheReadWithin: [
    ["prompt_tokens_details", "cached_tokens"],
    ["input_tokens_details", "cached_tokens"],
    ["input_token_details", "cache_read"],
  ],
  cacheWriteWithin: [["input_token_details", "cache_creation"]],
  reasoning: [
    ["completion_tokens_details", "reasoning_tokens"],
    ["output_tokens_details", "reasoning_tokens"],
    ["output_token_details", "reasoning"],
  ],
};

/** A report of usage: where it is, and what its counts are called there. */
interface UsageReport {
  readonly at: Place;
  readonly names: CountNames;
}

/** The first that tells what went in or came out is taken, and taken whole, because two reports may count in different ways. */
const usageReports: readonly UsageReport[] = [
  { at: [], names: prefixed("llm.usage.") },
  { at: [], names: prefixed("llm.response.usage.") },
  ...[
    ["llm.usage"],
    ["llm.response.usage"],
    ["response", "llm_output", "usage"],
    ["response", "message", "usage_metadata"],
    ["response", "usage"],
    ["response", "usage_metadata"],
    ["response", "token_usage"],
    ["response", "llm_output", "token_usage"],
    ["usage"],
    ["usage_metadata"],
    ["token_usage"],
  ].map((at) => ({ at, names: countNames })),
];

/** The names as v1 spells them: flat, with everything before the last key, or only the first key, in one. */
function prefixed(prefix: string): CountNames {
  const spell = (places: readonly Place[]): readonly Place[] =>
    places.flatMap(([first = "", ...rest]) =>
      rest.length === 0 ? [[prefix + first]] : [[prefix + [first, ...rest].join(".")], [prefix + first, ...rest]],
    );
  return {
    input: spell(countNames.input),
    wholeInput: spell(countNames.wholeInput),
    output: spell(countNames.output),
    cacheReadApart: spell(countNames.cacheReadApart),
    cacheWriteApart: spell(countNames.cacheWriteApart),
    cacheReadWithin: spell(countNames.cacheReadWithin),
    cacheWriteWithin: spell(countNames.cacheWriteWithin),
    reasoning: spell(countNames.reasoning),
  };
}

/**
 * The tokens that the attributes of an event report, in the convention of `TokenCounts`. A count is a whole number from 0 to
 * 2^53 − 1, or the text of one; anything else is not told. Nor is a part that is greater than its whole.
 */
export function readTokens(attributes: JsonObject): TokenCounts {
  for (const { at, names } of usageReports) {
    const report = at.length === 0 ? attributes : valueAt(attributes, at);
    const tokens = isJsonObject(report) ? readReport(report, names) : null;
    if (tokens !== null) {
      return tokens;
    }
  }
  return noTokens;
}

/** Null if the report tells neither what went in nor what came out. */
function readReport(report: JsonObject, names: CountNames): TokenCounts | null {
  const countAt = (places: readonly Place[]): number | null => firstAt(report, places, readCount);
  const counted = countAt(names.input);
  const whole = counted === null ? countAt(names.wholeInput) : null;
  const output = countAt(names.output);
  if ((counted ?? whole ?? output) === null) {
    return null;
  }
  const readApart = countAt(names.cacheReadApart);
  const writeApart = countAt(names.cacheWriteApart);
  // LiteLLM gives caches under Anthropic's names beside OpenAI's `prompt_tokens`, which count them already.
  const input = counted === null ? whole : sum(counted, readApart, writeApart);
  const cacheRead = readApart ?? countAt(names.cacheReadWithin);
  const cacheWrite = writeApart ?? countAt(names.cacheWriteWithin);
  const reasoning = countAt(names.reasoning);
  const areCachesWithin = input === null || (cacheRead ?? 0) + (cacheWrite ?? 0) <= input;
  return {
    input,
    output,
    cacheRead: areCachesWithin ? cacheRead : null,
    cacheWrite: areCachesWithin ? cacheWrite : null,
    reasoning: output !== null && reasoning !== null && reasoning > output ? null : reasoning,
  };
}

function sum(...counts: readonly (number | null)[]): number | null {
  const total = counts.reduce<number>((total, count) => total + (count ?? 0), 0);
  return Number.isSafeInteger(total) ? total : null;
}
