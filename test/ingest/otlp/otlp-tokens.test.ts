import { assert, constantFrom, nat, property, record } from "fast-check";
import { describe, expect, test } from "vitest";
import { readOtlpTokens } from "../../../src/ingest/otlp/otlp-tokens.ts";
import { noTokens } from "../../../src/model/llm-call.ts";
import { logSource, spanSource } from "./fact-source.ts";

const read = (attributes: Readonly<Record<string, unknown>>) => readOtlpTokens(spanSource(attributes));

function usage(details: unknown) {
  return read({ "langfuse.observation.usage_details": JSON.stringify(details) }).tokens;
}

describe("the tokens of a call", () => {
  test("are those of the newest names", () => {
    const { tokens, caches, reasoning } = read({
      "gen_ai.usage.input_tokens": 100,
      "gen_ai.usage.prompt_tokens": 1,
      "gen_ai.usage.output_tokens": "50",
      "gen_ai.usage.cache_read.input_tokens": 60,
      "gen_ai.usage.cache_write.input_tokens": 10,
      "gen_ai.usage.cache_creation.input_tokens": 1,
      "gen_ai.usage.reasoning.output_tokens": 20,
    });
    expect(tokens).toEqual({ input: 100, output: 50, cacheRead: 60, cacheWrite: 10, reasoning: 20 });
    expect([caches, reasoning]).toEqual(["within", "within"]);
  });

  test("are not told where nothing tells them, nor where no number is", () => {
    expect(read({ "gen_ai.usage.cache_read.input_tokens": 3, "llm.token_count.total": 3 }).tokens).toEqual(noTokens);
    expect(read({ "gen_ai.usage.input_tokens": -1, "gen_ai.usage.output_tokens": "many" }).tokens).toEqual(noTokens);
    expect(read({ "gen_ai.usage.output_tokens": 0 }).tokens).toEqual({ ...noTokens, output: 0 });
  });

  test("of a cache are added where there are more of them than the input has", () => {
    const { tokens, caches } = read({
      "gen_ai.usage.input_tokens": 10,
      "gen_ai.usage.output_tokens": 5,
      "gen_ai.usage.cache_read_input_tokens": 100,
      "gen_ai.usage.cache_creation_input_tokens": 7,
    });
    expect([tokens, caches]).toEqual([
      { input: 117, output: 5, cacheRead: 100, cacheWrite: 7, reasoning: null },
      "apart",
    ]);
  });

  test("of a cache are added where the total says so", () => {
    const usage = {
      "gen_ai.usage.input_tokens": 1000,
      "gen_ai.usage.output_tokens": 5,
      "gen_ai.usage.cache_read_input_tokens": 100,
    };
    expect(read({ ...usage, "gen_ai.usage.total_tokens": 1105 }).tokens.input).toBe(1100);
    expect(read({ ...usage, "gen_ai.usage.total_tokens": 1005 }).tokens.input).toBe(1000);
  });

  test.for([
    // Neither, one or both of the parts are in the total beside input and output.
    [
      { cached: 30, reasoning: 10, total: 120 },
      { input: 100, output: 20 },
    ],
    [
      { cached: 30, reasoning: 10, total: 150 },
      { input: 130, output: 20 },
    ],
    [
      { cached: 30, reasoning: 10, total: 130 },
      { input: 100, output: 30 },
    ],
    [
      { cached: 30, reasoning: 10, total: 160 },
      { input: 130, output: 30 },
    ],
    // 25 tokens of reasoning do not fit into 20: it is them that the total has.
    [
      { reasoning: 25, cached: 25, total: 145 },
      { input: 100, output: 45 },
    ],
  ] as const)("are put together by what the total has: %j", ([{ cached, reasoning, total }, wholes]) => {
    const { tokens } = read({
      "llm.token_count.prompt": 100,
      "llm.token_count.completion": 20,
      "llm.token_count.total": total,
      "llm.token_count.prompt_details.cache_read": cached,
      "llm.token_count.completion_details.reasoning": reasoning,
    });
    expect(tokens).toMatchObject(wholes);
  });

  test("are counted apart by Claude Code, also where they would fit in", () => {
    const attributes = { input_tokens: 1000, output_tokens: 5, cache_read_tokens: 100 };
    expect(readOtlpTokens(logSource("claude_code.api_request", attributes)).tokens.input).toBe(1100);
    expect(readOtlpTokens(logSource("other.api_request", attributes)).tokens).toEqual(noTokens);
  });

  test("of reasoning are counted apart by Gemini CLI, and not by Codex", () => {
    const gemini = { input_token_count: 5, output_token_count: 100, thoughts_token_count: 20 };
    expect(readOtlpTokens(logSource("gemini_cli.api_response", gemini)).tokens.output).toBe(120);
    const codex = { input_token_count: 5, output_token_count: 100, reasoning_token_count: 20, cached_token_count: 2 };
    expect(readOtlpTokens(logSource("codex.sse_event", codex)).tokens).toMatchObject({ input: 5, output: 100 });
  });

  test("are counted apart by Langfuse under its own names, and not under the vendor's", () => {
    expect(usage({ input: 60, input_cached_tokens: 40, output: 50, output_reasoning_tokens: 30 })).toEqual({
      ...noTokens,
      input: 100,
      output: 80,
      cacheRead: 40,
      reasoning: 30,
    });
    const details = { prompt_tokens: 60, completion_tokens: 50, prompt_tokens_details: { cached_tokens: 40 } };
    expect(usage(details)).toEqual({ ...noTokens, input: 60, output: 50, cacheRead: 40 });
  });

  test("are counted apart in what the Vercel AI SDK hands on from Anthropic, unless it gives the details", () => {
    const usage = {
      "ai.model.provider": "anthropic.messages",
      "ai.usage.inputTokens": 1000,
      "ai.usage.outputTokens": 1,
      "ai.usage.cachedInputTokens": 100,
    };
    expect(read(usage).tokens.input).toBe(1100);
    expect(read({ ...usage, "ai.usage.inputTokenDetails.noCacheTokens": 900 }).tokens.input).toBe(1000);
    expect(read({ ...usage, "ai.model.provider": "openai.chat" }).tokens.input).toBe(1000);
  });

  test("never have a part that is greater than its whole", () => {
    const part = nat({ max: 1000 });
    assert(
      property(
        record({ input: part, output: part, read: part, write: part, reasoning: part }),
        constantFrom("gen_ai", "claude"),
        ({ input, output, read: cacheRead, write, reasoning }, by) => {
          const { tokens } =
            by === "gen_ai"
              ? read({
                  "gen_ai.usage.input_tokens": input,
                  "gen_ai.usage.output_tokens": output,
                  "gen_ai.usage.cache_read.input_tokens": cacheRead,
                  "gen_ai.usage.cache_write.input_tokens": write,
                  "gen_ai.usage.reasoning.output_tokens": reasoning,
                })
              : readOtlpTokens(
                  logSource("claude_code.api_request", {
                    input_tokens: input,
                    output_tokens: output,
                    cache_read_tokens: cacheRead,
                    cache_creation_tokens: write,
                  }),
                );
          expect(tokens.input).toBeGreaterThanOrEqual(cacheRead + write);
          expect(tokens.output).toBeGreaterThanOrEqual(tokens.reasoning ?? 0);
        },
      ),
    );
  });
});
