import { expect, test } from "vitest";
import { findErrorMessage } from "../../../src/ingest/cylestio/error-message.ts";
import type { JsonObject } from "../../../src/model/exact-json.ts";

function messageOf(name: string, attributes: JsonObject, level = "INFO"): string | null {
  return findErrorMessage({ name, level, attributes, textMaxBytes: 100 });
}

test.each<[string, JsonObject, string, string]>([
  ["llm.call.error", { "error.type": "OverloadedError", "error.message": "529 overloaded" }, "ERROR", "529 overloaded"],
  ["LLM_call_error", { error: "RateLimitError: 429" }, "ERROR", "RateLimitError: 429"],
  ["LLM_call_blocked", { error: "AuthenticationError: key", error_type: "A" }, "ERROR", "AuthenticationError: key"],
  ["LLM_call_blocked", { reason: "dangerous prompt" }, "WARNING", "dangerous prompt"],
  ["mcp.tool.call.blocked", { reason: "dangerous content" }, "INFO", "dangerous content"],
  ["llm.call.finish", { error: "Error logging response" }, "INFO", "Error logging response"],
  ["agent_tool.error", { "tool.error": "timed out", "tool.error_type": "TimeoutError" }, "ERROR", "timed out"],
  [
    "node_error",
    { error: "seat no longer available", error_type: "BookingError" },
    "ERROR",
    "seat no longer available",
  ],
  ["error", { "error.message": "stream closed", "error.stack_trace": "…" }, "ERROR", "stream closed"],
  ["tool_error", { error: { type: "overloaded", message: "Overloaded" } }, "ERROR", "Overloaded"],
  ["tool_error", { error: { type: "error", error: { type: "api", message: "Bad" } } }, "ERROR", "Bad"],
  ["tool_error", { error: { error: "bad", type: "x" } }, "ERROR", "bad"],
  ["tool_error", { error: { type: "overloaded" } }, "ERROR", "overloaded"],
  ["tool_error", { error: 404 }, "ERROR", "404"],
  ["tool_error", { error_message: "bad" }, "ERROR", "bad"],
  ["tool_error", { error: "", error_type: "TimeoutError" }, "INFO", "TimeoutError"],
  ["disk.report", { message: "disk full" }, "error", "disk full"],
  ["disk.report", { message: "disk full" }, "CRITICAL", "disk full"],
  ["tool.error", { message: "from the name" }, "INFO", "from the name"],
  ["call_finish", { result: "Error: quantity exceeds 128" }, "INFO", "Error: quantity exceeds 128"],
  ["MCP_tool_call_finish", { result: { isError: true, content: [{ type: "image" }, { text: "no" }] } }, "INFO", "no"],
  ["mcp_response", { response: { isError: true, content: [{ text: "no such tool" }] } }, "INFO", "no such tool"],
])("%s %j at %s says %s", (name, attributes, level, message) => {
  expect(messageOf(name, attributes, level)).toBe(message);
});

test.each<[string, JsonObject, string]>([
  ["llm.call.finish", { "llm.response.content": "Error" }, "INFO"],
  ["call_finish", { result: "content=[TextContent(text='no error')] isError=False" }, "INFO"],
  ["tool.end", { "tool.status": "error", "tool.result": "x" }, "INFO"],
  ["mcp_response", { response: { isError: true } }, "INFO"],
  ["mcp_response", { response: { isError: true, content: "x" } }, "INFO"],
  ["session_end", { reason: "user left" }, "INFO"],
  ["session_end", { reason: "user left" }, "ERROR"],
  ["MCP_patch", { message: "MCP client patched" }, "INFO"],
  ["restart", { error: null }, "INFO"],
  ["restart", { error: false }, "INFO"],
  ["restart", { error: 0 }, "INFO"],
  ["restart", { error: " " }, "INFO"],
  ["restart", { error: "None" }, "INFO"],
  ["restart", { error: [] }, "INFO"],
  ["restart", { error: {} }, "INFO"],
  ["restart", { "error.type": "TimeoutError" }, "INFO"],
  ["terror", { message: "x" }, "INFO"],
])("%s %j at %s says nothing", (name, attributes, level) => {
  expect(messageOf(name, attributes, level)).toBeNull();
});

test("of a long message the beginning is taken, as well-formed text", () => {
  expect(messageOf("error", { error: "x".repeat(100) })).toBe("x".repeat(100));
  expect(messageOf("error", { error: "x".repeat(1_000_000) })).toBe("x".repeat(100));
  expect(messageOf("error", { error: `${"x".repeat(99)}ä` })).toBe("x".repeat(99));
  expect(messageOf("error", { error: "a\ud800b" })).toBe("a\ufffdb");
});
