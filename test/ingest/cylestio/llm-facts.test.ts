import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findLlmFacts } from "../../../src/ingest/cylestio/llm-facts.ts";
import { findOperation } from "../../../src/ingest/cylestio/operation.ts";
import { type JsonObject, parseExactJson } from "../../../src/model/exact-json.ts";
import { type LlmFacts, noTokens } from "../../../src/model/llm-call.ts";

function factsOf(name: string, attributes: JsonObject = {}, extensions: JsonObject | null = null): LlmFacts | null {
  const operation = findOperation({ name, attributes, idMaxBytes: 256 });
  return findLlmFacts({ name, attributes, extensions, operation, idMaxBytes: 256 });
}

const nothing: LlmFacts = {
  vendor: null,
  requestedModel: null,
  usedModel: null,
  stopReason: null,
  tokens: noTokens,
  isWrapper: false,
};

describe("what each shape tells", () => {
  test.each<[string, string, JsonObject, Partial<LlmFacts>]>([
    ["legacy A, start", "LLM_call_start", { prompt: "[]", alert: "none" }, {}],
    [
      "legacy A, finish",
      "LLM_call_finish",
      {
        duration: 1.4,
        response: "Let me look.",
        model: "claude-3-haiku-20240307",
        usage: { prompt_tokens: 48, completion_tokens: 14, total_tokens: 62 },
      },
      { usedModel: "claude-3-haiku-20240307", tokens: { ...noTokens, input: 48, output: 14 } },
    ],
    [
      "legacy A, finish that knows nothing",
      "LLM_call_finish",
      { model: null, usage: { prompt_tokens: null, completion_tokens: null, total_tokens: null } },
      {},
    ],
    ["legacy A, error", "LLM_call_error", { error: "RateLimitError: 429" }, {}],
    ["legacy A, block", "LLM_call_blocked", { reason: "dangerous prompt", prompt: "[]" }, {}],
    ["Anthropic's patcher of legacy B, start", "LLM_call_start", { method: "messages.create", prompt: [] }, {}],
    [
      "Anthropic's patcher of legacy B, finish",
      "LLM_call_finish",
      {
        method: "messages.create",
        response: {
          id: "msg_01",
          model: "claude-3-5-sonnet-20241022",
          stop_reason: "end_turn",
          usage: {
            input_tokens: 95,
            output_tokens: 12,
            cache_creation_input_tokens: 200,
            cache_read_input_tokens: 1000,
          },
        },
      },
      {
        usedModel: "claude-3-5-sonnet-20241022",
        stopReason: "end_turn",
        tokens: { input: 1295, output: 12, cacheRead: 1000, cacheWrite: 200, reasoning: null },
      },
    ],
    [
      "LangChain of legacy B, request: the name of a class is no model",
      "model_request",
      {
        llm_type: "ChatAnthropic",
        model: { name: "ChatAnthropic", type: "chat", provider: null, metadata: {} },
        messages: [[{ type: "human", content: "Which form?" }]],
      },
      { isWrapper: true },
    ],
    [
      "LangChain of legacy B, request with a provider",
      "model_request",
      { llm_type: "ChatOpenAI", model: { name: "gpt-4o", provider: "OpenAI" } },
      { vendor: "openai", requestedModel: "gpt-4o", isWrapper: true },
    ],
    [
      "LangChain of legacy B, request with a provider and a class",
      "model_request",
      { llm_type: "ChatOpenAI", model: { name: "ChatOpenAI", provider: "openai" } },
      { vendor: "openai", isWrapper: true },
    ],
    [
      "LangChain of legacy B, response",
      "model_response",
      {
        response: {
          text: "Use form R-12.",
          llm_output: {
            id: "msg_01",
            model: "claude-3-haiku-20240307",
            stop_reason: "end_turn",
            usage: { input_tokens: 211, output_tokens: 9, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 },
          },
          token_usage: { prompt_tokens: 211, completion_tokens: 9, total_tokens: 220 },
          model: "claude-3-haiku-20240307",
        },
      },
      {
        usedModel: "claude-3-haiku-20240307",
        stopReason: "end_turn",
        tokens: { input: 211, output: 9, cacheRead: 0, cacheWrite: 0, reasoning: null },
        isWrapper: true,
      },
    ],
    [
      "LangChain of legacy B, response of OpenAI",
      "model_response",
      {
        response: {
          llm_output: { model_name: "gpt-4o-2024-08-06" },
          token_usage: { prompt_tokens: 30, completion_tokens: 5 },
        },
      },
      { usedModel: "gpt-4o-2024-08-06", tokens: { ...noTokens, input: 30, output: 5 }, isWrapper: true },
    ],
    [
      "LangChain of legacy B, response with a message",
      "model_response",
      {
        response: {
          message: {
            content: "Yes.",
            response_metadata: { model_name: "gpt-4o", finish_reason: "length" },
            usage_metadata: {
              input_tokens: 300,
              output_tokens: 40,
              total_tokens: 340,
              input_token_details: { cache_read: 128, cache_creation: 64 },
              output_token_details: { reasoning: 16 },
            },
          },
        },
      },
      {
        usedModel: "gpt-4o",
        stopReason: "length",
        tokens: { input: 300, output: 40, cacheRead: 128, cacheWrite: 64, reasoning: 16 },
        isWrapper: true,
      },
    ],
    ["LangChain of legacy B, error", "model_error", { error: "overloaded_error" }, { isWrapper: true }],
    [
      "LangChain of an early SDK, which turned every value into a text",
      "llm_finish",
      {
        response: {
          generations: [["text='Yes.'"]],
          llm_output: {
            model: "None",
            token_usage: { prompt_tokens: "30", completion_tokens: "5", total_tokens: "35" },
          },
        },
      },
      { tokens: { ...noTokens, input: 30, output: 5 }, isWrapper: true },
    ],
    ["the application's request", "llm_request", { prompt: "Summarise", alert: "none" }, { isWrapper: true }],
    [
      "the application's response",
      "llm_response",
      { prompt: "Summarise", response: "One seat.", processing_time: 1.1 },
      { isWrapper: true },
    ],
    [
      "v1 Anthropic, start",
      "llm.call.start",
      {
        "llm.vendor": "anthropic",
        "llm.model": "claude-3-haiku-20240307",
        "llm.request.data": { messages: [], model: "claude-3-haiku-20240307", max_tokens: 1000 },
      },
      { vendor: "anthropic", requestedModel: "claude-3-haiku-20240307" },
    ],
    [
      "v1 Anthropic, finish",
      "llm.call.finish",
      {
        "llm.vendor": "anthropic",
        "llm.model": "claude-3-haiku-20240307",
        "llm.response.stop_reason": "tool_use",
        "llm.usage.input_tokens": 412,
        "llm.usage.output_tokens": 58,
      },
      {
        vendor: "anthropic",
        usedModel: "claude-3-haiku-20240307",
        stopReason: "tool_use",
        tokens: { ...noTokens, input: 412, output: 58 },
      },
    ],
    [
      "v1 Anthropic, degraded finish",
      "llm.call.finish",
      {
        "llm.vendor": "anthropic",
        "llm.model": "claude-3-haiku-20240307",
        "llm.response.duration_ms": 5,
        error: "Error logging response",
      },
      { vendor: "anthropic", usedModel: "claude-3-haiku-20240307" },
    ],
    [
      "v1 Anthropic, error: no answer, so no model that gave it",
      "llm.call.error",
      { "llm.vendor": "anthropic", "llm.model": "claude-3-haiku-20240307", "error.type": "OverloadedError" },
      { vendor: "anthropic", requestedModel: "claude-3-haiku-20240307" },
    ],
    [
      "v1 OpenAI, start",
      "llm.call.start",
      { "llm.vendor": "openai", "llm.model": "gpt-4o", "llm.request.data": { prompt: "Finish:", model: "gpt-4o" } },
      { vendor: "openai", requestedModel: "gpt-4o" },
    ],
    [
      "v1 OpenAI, end",
      "llm.call.end",
      {
        "llm.vendor": "openai",
        "llm.model": "gpt-4o-2024-08-06",
        "llm.response.stop_reason": "length",
        "llm.usage.input_tokens": 1480,
        "llm.usage.output_tokens": 220,
        "llm.usage.total_tokens": 1700,
      },
      {
        vendor: "openai",
        usedModel: "gpt-4o-2024-08-06",
        stopReason: "length",
        tokens: { ...noTokens, input: 1480, output: 220 },
      },
    ],
    [
      "v1 OpenAI, end of a stream",
      "llm.call.end",
      {
        "llm.vendor": "openai",
        "llm.model": "gpt-3.5-turbo",
        "llm.usage.input_tokens": 9,
        "llm.usage.output_tokens": 0,
      },
      { vendor: "openai", usedModel: "gpt-3.5-turbo", tokens: { ...noTokens, input: 9, output: 0 } },
    ],
    [
      "v1 LangChain, request",
      "llm.request",
      { "llm.name": "ChatOpenAI", "framework.name": "langchain", "llm.model": "gpt-4o-mini" },
      { requestedModel: "gpt-4o-mini", isWrapper: true },
    ],
    [
      "v1 LangChain, request without a model",
      "llm.request",
      { "llm.name": "ChatOpenAI", "framework.name": "langchain", "framework.type": "chat_model" },
      { isWrapper: true },
    ],
    [
      "v1 LangChain, response",
      "llm.response",
      {
        "llm.name": "ChatOpenAI",
        "framework.name": "langchain",
        "llm.model": "gpt-4o-mini",
        "llm.status": "success",
        "llm.response.usage.output_tokens": 42,
        "llm.response.usage.input_tokens": 611,
        "llm.response.usage.total_tokens": 653,
      },
      { usedModel: "gpt-4o-mini", tokens: { ...noTokens, input: 611, output: 42 }, isWrapper: true },
    ],
    [
      "v1 LangChain, error",
      "llm.error",
      { "llm.name": "OpenAI", "llm.model": "gpt-3.5-turbo-instruct", "error.type": "RateLimitError" },
      { requestedModel: "gpt-3.5-turbo-instruct", isWrapper: true },
    ],
    [
      "factory, request",
      "llm.request",
      { "llm.provider": "OpenAI", "llm.model": "gpt-4o", "llm.request.prompt": "Hi" },
      { vendor: "openai", requestedModel: "gpt-4o", isWrapper: true },
    ],
    [
      "factory, response",
      "llm.response",
      {
        "llm.vendor": "openai",
        "llm.model": "gpt-4o",
        "llm.response.content": "Hello",
        "llm.response.usage": { input_tokens: 3, output_tokens: 1 },
      },
      { vendor: "openai", usedModel: "gpt-4o", tokens: { ...noTokens, input: 3, output: 1 }, isWrapper: true },
    ],
    [
      "in-between form",
      "llm.call.finish",
      { source: "LLM", model: "claude-3-haiku-20240307", usage: { prompt_tokens: 48, completion_tokens: 14 } },
      { usedModel: "claude-3-haiku-20240307", tokens: { ...noTokens, input: 48, output: 14 } },
    ],
  ])("%s", (_shape, name, attributes, told) => {
    expect(factsOf(name, attributes)).toEqual({ ...nothing, ...told });
  });

  test("an object beside the attributes may name the model, with its provider", () => {
    const model = { name: "command-r", provider: "Cohere" };
    expect(factsOf("llm.request", {}, { model })).toMatchObject({ vendor: "cohere", requestedModel: "command-r" });
    expect(factsOf("llm.request", {}, { model: { name: "command-r" } })?.requestedModel).toBeNull();
  });

  test("what the answer says of its model goes before what the client says", () => {
    const attributes = { "llm.model": "gpt-4o", "llm.response.model": "gpt-4o-2024-08-06" };
    expect(factsOf("llm.call.end", attributes)?.usedModel).toBe("gpt-4o-2024-08-06");
    const asked = { "llm.model": "gpt-4o-2024-08-06", "llm.request.data": { model: "gpt-4o" } };
    expect(factsOf("llm.call.end", asked)).toMatchObject({ requestedModel: "gpt-4o", usedModel: "gpt-4o-2024-08-06" });
  });

  test("a start tells of no answer", () => {
    const attributes = { usage: { input_tokens: 1 }, "llm.response.model": "m", stop_reason: "stop" };
    expect(factsOf("llm.call.start", attributes)).toEqual(nothing);
  });
});

test.each(["tool.start", "chain_start", "chat_exchange", "LLM_patch", "security.content.dangerous", "save_plan.end"])(
  "%s is no call of a model",
  (name) => {
    expect(factsOf(name, { "llm.model": "gpt-4o", "llm.usage.input_tokens": 1 })).toBeNull();
  },
);

describe("names", () => {
  test.each(["", " ", "unknown", "Unknown", "none", "None", "x".repeat(257), "\ud800", 5, null, ["m"], true, {}])(
    "%j is no model, no vendor and no stop reason",
    (value) => {
      const attributes = { "llm.vendor": value, "llm.model": value, "llm.response.stop_reason": value };
      expect(factsOf("llm.call.finish", attributes)).toEqual(nothing);
      expect(factsOf("llm.call.start", { "llm.request.data": { model: value } })).toEqual(nothing);
    },
  );

  test("are taken up to the limit, as sent", () => {
    const name = `${"ä".repeat(127)}Aa`;
    expect(factsOf("llm.call.finish", { "llm.model": name })?.usedModel).toBe(name);
  });

  test("an unknown one gives way to the next place", () => {
    const attributes = { "llm.request.data": { model: "unknown" }, "llm.model": "gpt-4o" };
    expect(factsOf("llm.call.start", attributes)?.requestedModel).toBe("gpt-4o");
  });
});

test("whatever JSON a client sends, the facts keep their types", () => {
  const keys = ["llm.model", "llm.request.data", "llm.usage", "llm.usage.input_tokens", "model", "response", "usage"];
  const members = ["model", "usage", "llm_output", "message", "usage_metadata", "input_tokens", "name", "provider"];
  const hostile = ["1e400", "9007199254740993", "-0", "1.5", "-7", "[]", "true"].map((text) => parseExactJson(text));
  const leaf = fc.oneof(fc.constantFrom(...hostile), fc.string(), fc.double(), fc.nat(), fc.constant(null));
  const json = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      leaf,
      fc.dictionary(fc.constantFrom(...members), tie("value"), { maxKeys: 4 }),
      fc.array(tie("value"), { maxLength: 2 }),
    ),
  })).value;
  const names = fc.constantFrom("llm.call.start", "LLM_call_finish", "model_response", "llm.error", "LLM_call_blocked");
  fc.assert(
    fc.property(names, fc.dictionary(fc.constantFrom(...keys), json), (name, attributes) => {
      const facts = factsOf(name, attributes);
      for (const text of [facts?.vendor, facts?.requestedModel, facts?.usedModel, facts?.stopReason]) {
        expect(text === null || (typeof text === "string" && text !== "")).toBe(true);
      }
      for (const count of Object.values(facts?.tokens ?? {})) {
        expect(count === null || (Number.isSafeInteger(count) && count >= 0)).toBe(true);
      }
    }),
  );
});
