import { describe, expect, test } from "vitest";
import { readTokens } from "../../../src/ingest/cylestio/llm-tokens.ts";
import type { JsonObject } from "../../../src/model/exact-json.ts";
import { noTokens, type TokenCounts } from "../../../src/model/llm-call.ts";

describe("tokens are counted in one convention", () => {
  test.each<[string, JsonObject, Partial<TokenCounts>]>([
    [
      "OpenAI counts caches within the prompt",
      {
        usage: {
          prompt_tokens: 2006,
          completion_tokens: 300,
          prompt_tokens_details: { cached_tokens: 1920 },
          completion_tokens_details: { reasoning_tokens: 192 },
        },
      },
      { input: 2006, output: 300, cacheRead: 1920, reasoning: 192 },
    ],
    [
      "and so do its responses",
      {
        usage: {
          input_tokens: 328,
          output_tokens: 52,
          input_tokens_details: { cached_tokens: 100 },
          output_tokens_details: { reasoning_tokens: 50 },
        },
      },
      { input: 328, output: 52, cacheRead: 100, reasoning: 50 },
    ],
    [
      "v1 may spell details flat",
      {
        "llm.usage.input_tokens": 328,
        "llm.usage.prompt_tokens_details": { cached_tokens: 100 },
        "llm.usage.completion_tokens_details.reasoning_tokens": 0,
      },
      { input: 328, cacheRead: 100, reasoning: 0 },
    ],
    [
      "Anthropic counts caches apart",
      {
        "llm.usage.input_tokens": 21,
        "llm.usage.output_tokens": 393,
        "llm.usage.cache_read_input_tokens": 188_086,
        "llm.usage.cache_creation_input_tokens": 0,
      },
      { input: 188_107, output: 393, cacheRead: 188_086, cacheWrite: 0 },
    ],
    [
      "LiteLLM counts them within, under Anthropic's names",
      { usage: { prompt_tokens: 500, completion_tokens: 9, cache_read_input_tokens: 400 } },
      { input: 500, output: 9, cacheRead: 400 },
    ],
    ["what went in may be missing", { usage: { output_tokens: 9 } }, { output: 9 }],
    ["and what came out, in Anthropic's words", { usage: { input_tokens: 9 } }, { input: 9 }],
    ["and in OpenAI's", { usage: { prompt_tokens: 9 } }, { input: 9 }],
    [
      "the first report that tells what went in or came out is taken whole",
      { response: { usage: { output_tokens: 9 }, token_usage: { prompt_tokens: 500, completion_tokens: 10 } } },
      { output: 9 },
    ],
    [
      "a report that tells neither is passed over",
      {
        "llm.usage.total_tokens": 5,
        "llm.usage.cache_read_input_tokens": 3,
        usage: { prompt_tokens: 4, completion_tokens: 1 },
      },
      { input: 4, output: 1 },
    ],
    [
      "a part that is greater than its whole is not told",
      {
        usage: {
          prompt_tokens: 10,
          completion_tokens: 5,
          prompt_tokens_details: { cached_tokens: 11 },
          completion_tokens_details: { reasoning_tokens: 6 },
        },
      },
      { input: 10, output: 5 },
    ],
    [
      "a sum that cannot be held is not told",
      { usage: { input_tokens: Number.MAX_SAFE_INTEGER, cache_read_input_tokens: 1, output_tokens: 1 } },
      { cacheRead: 1, output: 1 },
    ],
  ])("%s", (_what, attributes, told) => {
    expect(readTokens(attributes)).toEqual({ ...noTokens, ...told });
  });

  test.each<[unknown, number | null]>([
    [0, 0],
    [-0, 0],
    [211, 211],
    ["211", 211],
    ["0", 0],
    ["211.0", 211],
    [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    ["9007199254740991", Number.MAX_SAFE_INTEGER],
    [JSON.rawJSON("211"), 211],
    [JSON.rawJSON("9007199254740993"), null],
    ["9007199254740992", null],
    [Number.MAX_SAFE_INTEGER + 1, null],
    [-1, null],
    ["-1", null],
    [1.5, null],
    ["1.5", null],
    [JSON.rawJSON("1.00000000000000000001"), null],
    [JSON.rawJSON("1e400"), null],
    [Number.NaN, null],
    [Number.POSITIVE_INFINITY, null],
    ["Infinity", null],
    ["NaN", null],
    ["None", null],
    ["", null],
    [" 5", null],
    ["0x10", null],
    ["1e3", null],
    ["9".repeat(1_000_000), null],
    [true, null],
    [null, null],
    [[5], null],
    [{ value: 5 }, null],
  ])("%j counts as %j", (value, count) => {
    expect(readTokens({ "llm.usage.input_tokens": value }).input).toBe(count);
    expect(Object.is(readTokens({ usage: { completion_tokens: value } }).output, count)).toBe(true);
  });
});
