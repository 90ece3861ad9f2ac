import { expect, test } from "vitest";
import { readToolContent, type ToolContent } from "../../../src/ingest/cylestio/tool-content.ts";
import type { JsonObject } from "../../../src/model/exact-json.ts";

const args = "(<ClientSession object at 0x7f11aa20>, 'get_stock_level', {'sku': 'LEMON-10KG', 'depot': 7})";
const answer = "meta=None content=[TextContent(type='text', text='128 crates')] isError=False";

test.each<[string, JsonObject | null, JsonObject | null, ToolContent]>([
  [
    "legacy A",
    { function: "call_tool", args, kwargs: "{}" },
    { function: "call_tool", duration: 0.2, result: answer },
    { arguments: args, result: answer, error: null },
  ],
  [
    "legacy A, error",
    { function: "call_tool", args, kwargs: "{}" },
    { function: "call_tool", error: "Connection lost" },
    { arguments: args, result: null, error: "Connection lost" },
  ],
  [
    "legacy A, an answer that tells the failure",
    null,
    { function: "call_tool", result: "Error: quantity exceeds 128" },
    { arguments: null, result: "Error: quantity exceeds 128", error: null },
  ],
  [
    "legacy B, MCP",
    { method: "list_tools", args: "()", kwargs: { cursor: "a" } },
    { method: "list_tools", response: { tools: [] } },
    { arguments: { cursor: "a" }, result: { tools: [] }, error: null },
  ],
  [
    "legacy B, MCP without arguments",
    { method: "list_tools", args: "()", kwargs: {} },
    null,
    { arguments: "()", result: null, error: null },
  ],
  [
    "legacy B, MCP tool",
    { tool: "search", args: '["LIS"]', kwargs: '{"max": 3}', alert: "none" },
    { tool: "search", result: '["TP123"]', alert: "none" },
    { arguments: { args: '["LIS"]', kwargs: '{"max": 3}' }, result: '["TP123"]', error: null },
  ],
  [
    "legacy B, blocked MCP tool",
    null,
    { tool: "run_sql", args: '["DELETE"]', kwargs: "{}", reason: "dangerous content" },
    { arguments: '["DELETE"]', result: null, error: "dangerous content" },
  ],
  [
    "legacy B, LangChain",
    { tool_type: "calendar", input: "{'day': 'friday'}" },
    { output: "3 free slots", performance: { duration_ms: 210 } },
    { arguments: "{'day': 'friday'}", result: "3 free slots", error: null },
  ],
  [
    "legacy B, LangChain error",
    null,
    { error: "calendar backend timed out", error_type: "TimeoutError" },
    { arguments: null, result: null, error: "calendar backend timed out" },
  ],
  [
    "v1 AgentExecutor",
    { "tool.name": "calendar", "tool.input": { day: "friday" } },
    { "tool.name": "calendar", "tool.input": { day: "friday" }, "tool.output": "3 free slots" },
    { arguments: { day: "friday" }, result: "3 free slots", error: null },
  ],
  [
    "v1 AgentExecutor, error",
    { "tool.input": "sunday" },
    {
      "tool.input": "sunday",
      "tool.error": "timed out",
      "error.type": "TimeoutError",
      "error.message": "it timed out",
    },
    { arguments: "sunday", result: null, error: "it timed out" },
  ],
  [
    "v1 MCP: names of parameters are no arguments",
    { "tool.name": "stock", "tool.params": ["sku"] },
    { "tool.params": ["sku"], "tool.result.type": "CallToolResult", "tool.result.keys": ["stock"] },
    { arguments: null, result: null, error: null },
  ],
  [
    "v1 decorated function",
    { "tool.name": "disk", "tool.args": "()", "tool.kwargs": "{'mount': '/var'}" },
    { "tool.args": "()", "tool.kwargs": "{'mount': '/var'}", "tool.result": "93", "tool.result.type": "int" },
    { arguments: "{'mount': '/var'}", result: "93", error: null },
  ],
  [
    "factory",
    { "tool.name": "notify", "tool.call.inputs": { who: "ines" } },
    { "tool.name": "notify", "tool.call.inputs": { who: "ines" }, "tool.result.output": { sent: true } },
    { arguments: { who: "ines" }, result: { sent: true }, error: null },
  ],
  [
    "what is false, zero or empty is told",
    { input: 0 },
    { output: false, error: null },
    { arguments: 0, result: false, error: null },
  ],
  ["nothing", null, null, { arguments: null, result: null, error: null }],
])("%s", (_shape, start, finish, content) => {
  expect(readToolContent({ start, finish })).toEqual(content);
});

test.each([null, undefined, "text", 5, [], [{}], JSON.rawJSON("1e999"), {}])("%j tells nothing", (value) => {
  expect(readToolContent({ start: value, finish: value })).toEqual({ arguments: null, result: null, error: null });
});
