import { expect, test } from "vitest";
import { findLlmProvider } from "../../../src/ingest/cylestio/llm-provider.ts";

function providerOf(name: string, attributes: Record<string, unknown>, extensions = {}): string | null {
  return findLlmProvider({ name, attributes, extensions, idMaxBytes: 256 });
}

test.each([
  ["llm.call.start", { "llm.vendor": "openai" }, {}, "openai"],
  ["llm.request", { "llm.provider": "Anthropic" }, {}, "anthropic"],
  ["monitoring_enabled", { LLM_provider: "Anthropic/Python 0.49.0" }, {}, "anthropic"],
  ["monitor_init", { llm_provider: "Anthropic" }, {}, "anthropic"],
  ["LLM_patch", { provider: "Anthropic/Python 0.49.0" }, {}, "anthropic"],
  ["chat_exchange", { model: { provider: "anthropic" } }, {}, "anthropic"],
  ["disk.report", {}, { model: { provider: " Cohere " } }, "cohere"],
  ["llm.call.start", { "llm.vendor": "unknown", "llm.provider": "mistral" }, {}, "mistral"],
])("%s %j %j names %s", (name, attributes, extensions, provider) => {
  expect(providerOf(name, attributes, extensions)).toBe(provider);
});

test.each([
  ["tool.start", { provider: "acme" }],
  ["llm.call.start", { "llm.vendor": "" }],
  ["llm.call.start", { "llm.vendor": "Unknown" }],
  ["llm.call.start", { "llm.vendor": 5 }],
  ["llm.call.start", { "llm.vendor": "x".repeat(257) }],
  ["model_request", { model: { provider: null } }],
  ["LLM_call_finish", { model: "claude-3-haiku-20240307" }],
])("%s %j names none", (name, attributes) => {
  expect(providerOf(name, attributes)).toBeNull();
});
