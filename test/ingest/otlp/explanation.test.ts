import { describe, expect, test } from "vitest";
import { explainOtlpEvent } from "../../../src/ingest/otlp/explanation.ts";
import { logSource, spanSource } from "./fact-source.ts";

function by(attribute: string, convention = "openinference") {
  return { attribute, convention };
}

describe("the explanation of an event", () => {
  test("names the attribute of each fact, and its convention", () => {
    const { fields, counting, missing } = explainOtlpEvent(
      spanSource({
        "openinference.span.kind": "LLM",
        "session.id": "s",
        "agent.name": "a",
        "llm.provider": "openai",
        "llm.model_name": "gpt-4o",
        "llm.token_count.prompt": 10,
        "llm.token_count.completion": 1,
        "llm.token_count.prompt_details.cache_read": 5,
        "llm.input_messages.0.message.content": "Hi",
        "langfuse.observation.cost_details": '{"total":1}',
      }),
    );
    expect(Object.fromEntries(fields.map(({ field, ...rest }) => [field, rest]))).toEqual({
      kind: by("openinference.span.kind"),
      session: by("session.id"),
      agentName: by("agent.name"),
      provider: by("llm.provider"),
      requestedModel: by("llm.model_name"),
      inputTokens: by("llm.token_count.prompt"),
      outputTokens: by("llm.token_count.completion"),
      cacheReadTokens: by("llm.token_count.prompt_details.cache_read"),
      inputMessages: by("llm.input_messages.N"),
      reportedCostUsd: by("langfuse.observation.cost_details > total", "langfuse"),
    });
    expect(counting).toEqual({ caches: "within", reasoning: null });
    expect(missing).toEqual([]);
  });

  test("tells how the source counts", () => {
    const attributes = { input_tokens: 1, output_tokens: 1, cache_read_tokens: 1 };
    expect(explainOtlpEvent(logSource("claude_code.api_request", attributes)).counting).toEqual({
      caches: "apart",
      reasoning: null,
    });
  });

  test("lists names for which there are newer ones, and such as no convention has", () => {
    const { deprecated, unknown } = explainOtlpEvent(
      spanSource({
        "gen_ai.system": "openai",
        "gen_ai.usage.prompt_tokens": 1,
        "gen_ai.usage.input_tokens": 1,
        "gen_ai.conversation_id": "misspelt",
        "gen_ai.request.anything": 1,
        "gen_ai.evaluation.score.value": 1,
        "traceloop.association.properties.mine": 1,
        "llm.input_messages.0.message.role": "user",
        "llm.models": "misspelt",
        "http.request.method": "GET",
        "my.own": 1,
      }),
    );
    expect(deprecated).toEqual(["gen_ai.system", "gen_ai.usage.prompt_tokens"]);
    expect(unknown).toEqual(["gen_ai.conversation_id", "llm.models"]);
  });

  test("says what is missing, and how it can be told", () => {
    expect(explainOtlpEvent(spanSource({ "gen_ai.operation.name": "chat" })).missing).toEqual([
      "agent: set gen_ai.agent.name, here or on a span above",
      "session: set gen_ai.conversation.id, here or on a span above",
      "provider: set gen_ai.provider.name",
      "cost: no model told, set gen_ai.request.model",
      "cost: no tokens told, set gen_ai.usage.input_tokens and gen_ai.usage.output_tokens",
      "messages: set gen_ai.input.messages and gen_ai.output.messages",
    ]);
    expect(explainOtlpEvent(spanSource({ "gen_ai.usage.input_tokens": 1 })).missing).toEqual([
      "kind: set gen_ai.operation.name",
    ]);
    expect(explainOtlpEvent(spanSource({}, { extensions: { resource: { attributes: {} } } })).missing).toEqual([
      "agent: set service.name in the resource",
    ]);
    expect(explainOtlpEvent(spanSource({ "http.request.method": "GET" })).missing).toEqual([]);
  });

  test("misses no tokens of a call that failed", () => {
    const attributes = { "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o" };
    const failed = spanSource(attributes, { extensions: { status: { code: "error" } } });
    const told = logSource("claude_code.api_error", { model: "claude-sonnet-4-5", error: "Overloaded" });
    expect(explainOtlpEvent(spanSource(attributes)).warnings.join()).toContain("cost: no tokens told");
    expect([failed, told].map((source) => explainOtlpEvent(source).missing.join())).toEqual([
      expect.not.stringContaining("cost:"),
      expect.not.stringContaining("cost:"),
    ]);
  });

  test("misses no provider of a client that talks to one only", () => {
    const { missing } = explainOtlpEvent(logSource("claude_code.api_request", { model: "claude-sonnet-4-5" }));
    expect(missing).toContain("cost: no tokens told, set gen_ai.usage.input_tokens and gen_ai.usage.output_tokens");
    expect(missing.join()).not.toContain("provider:");
  });

  test("misses no kind of a span that tells who it belongs to, or repeats a call", () => {
    const request = { "http.route": "/chat", "gen_ai.conversation.id": "c", "gen_ai.agent.name": "a", "llm.user": "u" };
    expect(explainOtlpEvent(spanSource(request)).missing).toEqual([]);
    const repeating = spanSource({ "gen_ai.tool.call.id": "t" }, { name: "claude_code.tool" });
    expect(explainOtlpEvent(repeating).missing).toEqual([]);
  });
});
