import { describe, expect, test } from "vitest";
import { findOtlpFacts } from "../../../src/ingest/otlp/otlp-facts.ts";
import { limitsDefault } from "../../../src/model/limits.ts";
import { logSource, spanSource } from "./fact-source.ts";

const factsOf = (source: Parameters<typeof findOtlpFacts>[0]) => findOtlpFacts(source, limitsDefault);

describe("the kind of a span", () => {
  test.for([
    [{ "gen_ai.operation.name": "chat" }, "llm"],
    [{ "gen_ai.operation.name": "text_completion" }, "llm"],
    [{ "gen_ai.operation.name": "generate_content" }, "llm"],
    [{ "gen_ai.operation.name": "embeddings" }, "llm"],
    [{ "gen_ai.operation.name": "execute_tool" }, "tool"],
    [{ "gen_ai.operation.name": "invoke_agent" }, "agent"],
    [{ "gen_ai.operation.name": "create_agent" }, "agent"],
    [{ "gen_ai.operation.name": "invoke_workflow" }, "chain"],
    [{ "gen_ai.operation.name": "retrieval" }, "retriever"],
    [{ "gen_ai.operation.name": "create_memory" }, "other"],
    [{ "gen_ai.operation.name": "custom", "openinference.span.kind": "LLM" }, "llm"],
    [{ "openinference.span.kind": "RERANKER" }, "retriever"],
    [{ "openinference.span.kind": "GUARDRAIL" }, "other"],
    [{ "traceloop.span.kind": "task" }, "chain"],
    [{ "llm.request.type": "completion" }, "llm"],
    [{ "ai.operationId": "ai.streamText.doStream" }, "llm"],
    [{ "ai.operationId": "ai.toolCall" }, "tool"],
    [{ "langfuse.observation.type": "generation" }, "llm"],
    [{ "langfuse.observation.type": "span" }, "other"],
    [{ "mlflow.spanType": '"RETRIEVER"' }, "retriever"],
    [{ "mcp.method.name": "tools/call" }, "tool"],
    [{ "mcp.method.name": "ping" }, "other"],
    [{ "gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o" }, "llm"],
    [{ "openinference.span.kind": "constructor" }, "other"],
    [{ agent_name: "not of Pydantic AI" }, "other"],
    [{ "http.request.method": "GET" }, "other"],
  ] as const)("%j is %s", ([attributes, kind]) => {
    expect(factsOf(spanSource(attributes)).operation).toMatchObject({ kind, isAlone: true, outcome: "ok" });
  });
});

describe("a span that repeats a call", () => {
  const call = {
    "gen_ai.system": "anthropic",
    "gen_ai.request.model": "claude-sonnet-4-5",
    "gen_ai.operation.name": "chat",
  };
  const served = { "mcp.method.name": "tools/call", "gen_ai.operation.name": "execute_tool" };
  const parentSpanId = "00f067aa0ba902b8";
  test.for([
    ["of Claude Code", spanSource(call, { name: "claude_code.llm_request" }), "other"],
    ["of Gemini CLI", spanSource(call, { extensions: { scope: { name: "gemini-cli" } } }), "other"],
    ["of another library", spanSource(call, { extensions: { scope: { name: "gemini" } } }), "llm"],
    ["at its server", spanSource(served, { parentSpanId, extensions: { kind: "server" } }), "other"],
    [
      "at its server, as flags say",
      spanSource(served, { parentSpanId, extensions: { kind: "server", flags: 0x301 } }),
      "other",
    ],
    [
      "under the server's own span",
      spanSource(served, { parentSpanId, extensions: { kind: "server", flags: 0x101 } }),
      "tool",
    ],
    ["at its server alone", spanSource(served, { extensions: { kind: "server" } }), "tool"],
    ["at its client", spanSource(served, { parentSpanId, extensions: { kind: "client", flags: 0x301 } }), "tool"],
    ["of another protocol", spanSource(call, { parentSpanId, extensions: { kind: "server" } }), "llm"],
  ] as const)("%s", ([, source, kind]) => {
    expect(factsOf(source).operation?.kind).toBe(kind);
  });
});

describe("who a span belongs to", () => {
  test("is what the newest name says", () => {
    const attributes = {
      "session.id": "older",
      "gen_ai.conversation.id": "newer",
      "agent.name": "older",
      "gen_ai.agent.name": "newer",
    };
    expect(factsOf(spanSource(attributes)).ownership).toEqual({ agentId: "newer", sessionId: "newer" });
  });

  test("is the agent's id where it has no name", () => {
    expect(factsOf(spanSource({ "gen_ai.agent.id": "a1" })).ownership).toEqual({ agentId: "a1", sessionId: null });
  });

  test("is null where the span itself does not tell, whatever the service", () => {
    expect(factsOf(spanSource({})).ownership).toEqual({ agentId: null, sessionId: null });
  });

  test("is not the connection's session where a span above may know better", () => {
    const attributes = { "mcp.session.id": "m" };
    expect(factsOf(spanSource(attributes)).ownership?.sessionId).toBe("m");
    expect(factsOf(spanSource(attributes, { parentSpanId: "00f067aa0ba902b8" })).ownership?.sessionId).toBeNull();
  });

  test.for(["", "  ", { a: 1 }, true, null, "x".repeat(limitsDefault.idMaxBytes + 1)])("is not %j", (value) => {
    expect(factsOf(spanSource({ "gen_ai.conversation.id": value })).ownership?.sessionId).toBeNull();
  });

  test("may be a number", () => {
    expect(factsOf(spanSource({ "gen_ai.conversation.id": 17 })).ownership?.sessionId).toBe("17");
  });
});

describe("the vendor of a call", () => {
  test.for([
    ["gen_ai.provider.name", "openai", "openai"],
    ["gen_ai.system", "OpenAI", "openai"],
    ["gen_ai.system", "az.ai.openai", "azure"],
    ["gen_ai.provider.name", "azure.ai.inference", "azure"],
    ["gen_ai.provider.name", "gcp.gemini", "google"],
    ["gen_ai.provider.name", "gcp.vertex_ai", "gcp.vertex_ai"],
    ["gen_ai.system", "vertex_ai", "gcp.vertex_ai"],
    ["gen_ai.provider.name", "aws.bedrock", "aws.bedrock"],
    ["gen_ai.provider.name", "x_ai", "xai"],
    ["gen_ai.provider.name", "mistral_ai", "mistral"],
    ["gen_ai.system", "Ollama", "ollama"],
    ["ai.model.provider", "anthropic.messages", "anthropic"],
  ] as const)("%s %s is %s", ([attribute, value, vendor]) => {
    const facts = factsOf(spanSource({ "gen_ai.operation.name": "chat", [attribute]: value }));
    expect([facts.llmProvider, facts.operation?.llm?.vendor]).toEqual([vendor, vendor]);
  });
});

describe("a call reported from further out than the vendor's client", () => {
  test.for([
    ["openinference.instrumentation.langchain", true],
    ["@traceloop/instrumentation-llamaindex", true],
    ["opentelemetry.instrumentation.crewai", true],
    ["Microsoft.SemanticKernel.Diagnostics", true],
    ["openinference.instrumentation.agno", true],
    ["opentelemetry.instrumentation.openai_agents", true],
    ["Acme.Diagnostics", false],
    ["opentelemetry.instrumentation.openai.v1", false],
    ["openinference.instrumentation.anthropic", false],
  ] as const)("by %s: %s", ([name, isWrapper]) => {
    const source = spanSource({ "gen_ai.operation.name": "chat" }, { extensions: { scope: { name } } });
    expect(factsOf(source).operation?.llm?.isWrapper).toBe(isWrapper);
  });

  test.for([
    ["ai.generateText", true],
    ["ai.streamText", true],
    ["ai.generateText.doGenerate", false],
    ["ai.streamText.doStream", false],
  ] as const)("%s: %s", ([operation, isWrapper]) => {
    expect(factsOf(spanSource({ "ai.operationId": operation })).operation?.llm?.isWrapper).toBe(isWrapper);
  });
});

describe("how a span ended", () => {
  test("is the error of its status, and open without an end", () => {
    const failed = spanSource({}, { extensions: { status: { code: "error" } } });
    expect(factsOf(failed).operation).toMatchObject({ outcome: "error", endMicros: 1_795_168_800_000_000 });
    const open = spanSource({}, { extensions: { end_time_unix_nano: undefined } });
    expect(factsOf(open).operation).toMatchObject({ outcome: null, endMicros: null });
  });

  test.for([
    [{ "error.type": "timeout" }, undefined, "error"],
    [{ "error.type": "timeout" }, "ok", "ok"],
    [{ "error.type": "" }, undefined, "ok"],
    [{ "error.type": null }, undefined, "ok"],
    [{ "langfuse.observation.level": "ERROR" }, "ok", "error"],
    [{ "langfuse.observation.level": "WARNING" }, undefined, "ok"],
  ] as const)("is what %j and the status %s say: %s", ([attributes, code, outcome]) => {
    const status = code === undefined ? undefined : { code };
    expect(factsOf(spanSource(attributes, { extensions: { status } })).operation?.outcome).toBe(outcome);
  });

  test("has tokens only where it is a call", () => {
    const attributes = { "gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 5 };
    expect(factsOf(spanSource(attributes)).operation?.llm).toBeNull();
  });
});

describe("a log record", () => {
  test("is no operation unless it tells a whole call", () => {
    expect(factsOf(logSource("claude_code.user_prompt", {})).operation).toBeNull();
    expect(factsOf(logSource("gen_ai.user.message", {})).operation).toBeNull();
    expect(factsOf(logSource("codex.sse_event", { "event.kind": "response.completed" })).operation).toBeNull();
    expect(factsOf(spanSource({}, { name: "claude_code.api_request" })).operation?.kind).toBe("other");
  });

  test.for([
    ["claude_code.api_request", {}, "llm", "ok"],
    ["claude_code.api_error", {}, "llm", "error"],
    ["claude_code.tool_result", { success: "true" }, "tool", "ok"],
    ["claude_code.tool_result", { success: "False" }, "tool", "error"],
    ["codex.tool_result", { success: false }, "tool", "error"],
    ["gemini_cli.tool_call", { success: true }, "tool", "ok"],
    ["gemini_cli.api_error", {}, "llm", "error"],
    ["gen_ai.client.inference.operation.details", { "error.type": "timeout" }, "llm", "error"],
  ] as const)("%s %j is a call of kind %s that ended %s", ([name, attributes, kind, outcome]) => {
    const { operation } = factsOf(logSource(name, attributes));
    expect(operation).toMatchObject({ family: name, kind, outcome, isAlone: true, endMicros: null });
  });

  test("in a span leaves the call to the span where that tells it", () => {
    const name = "gen_ai.client.inference.operation.details";
    expect(factsOf(logSource(name, {}, { spanId: "00f067aa0ba902b7" })).operation).toBeNull();
    expect(factsOf(logSource("claude_code.api_request", {}, { spanId: "00f067aa0ba902b7" })).operation).not.toBeNull();
  });
});
