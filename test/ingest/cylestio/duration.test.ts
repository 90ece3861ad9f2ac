import { expect, test } from "vitest";
import { findDurationMs } from "../../../src/ingest/cylestio/duration.ts";
import { findOperation } from "../../../src/ingest/cylestio/operation.ts";
import type { JsonObject } from "../../../src/model/exact-json.ts";

function durationOf(name: string, attributes: JsonObject, extensions: JsonObject | null = null): number | null {
  const operation = findOperation({ name, attributes, idMaxBytes: 256 });
  return findDurationMs({ explicitMs: null, attributes, extensions, operation });
}

test.each([
  ["llm.call.finish", { "llm.response.duration_ms": 912 }, 912],
  ["agent_tool.end", { "tool.duration_ms": 210.04 }, 210.04],
  ["function.end", { "function.duration_ms": 3832 }, 3832],
  ["session.end", { "session.duration_ms": 3884 }, 3884],
  ["save_plan.end", { duration_ms: 7 }, 7],
  ["save_plan.end", { duration_ms: "7.5" }, 7.5],
  ["save_plan.end", { duration_ms: 0 }, 0],
  ["save_plan.end", { duration_ms: JSON.rawJSON("7.00000000000000000001") }, 7],
  ["LLM_call_finish", { duration: 1.412345 }, 1412.345],
  ["LLM_call_finish", { duration: "0.5" }, 500],
  ["call_finish", { duration: 0.2315 }, 231.5],
  ["MCP_tool_call_finish", { duration: 0.7 }, 700],
  ["mcp.tool.call.finish", { duration: 0.7 }, 700],
  ["LLM_call_error", { duration: 2 }, 2000],
  ["model_response", { performance: { duration_ms: 1300.5 } }, 1300.5],
  ["llm.call.finish", { "llm.response.duration_ms": 912, duration_ms: 1, duration: 2 }, 912],
  ["LLM_call_finish", { duration: "abc", performance: { duration_ms: 3 } }, 3],
])("%s %j took %s ms", (name, attributes, duration) => {
  expect(durationOf(name, attributes)).toBe(duration);
});

test.each([
  ["LLM_call_start", { duration: 1 }],
  ["tool.end", { duration: 1 }],
  ["video.report", { duration: 1 }],
  ["llm_response", { processing_time: 1.1 }],
  ["LLM_call_finish", { duration: -1 }],
  ["LLM_call_finish", { duration: "" }],
  ["LLM_call_finish", { duration: " " }],
  ["LLM_call_finish", { duration: "NaN" }],
  ["LLM_call_finish", { duration: "Infinity" }],
  ["LLM_call_finish", { duration: null }],
  ["LLM_call_finish", { duration: [1] }],
  ["LLM_call_finish", { duration: true }],
  ["x.end", { duration_ms: -0.001 }],
  ["x.end", { duration_ms: JSON.rawJSON("1e400") }],
  ["x.end", { performance: [1] }],
  ["x.end", {}],
])("%s %j tells no duration", (name, attributes) => {
  expect(durationOf(name, attributes)).toBeNull();
});

test("a performance member beside the attributes counts last", () => {
  const extensions = { performance: { duration_ms: 4.4 } };
  expect(durationOf("disk.report", {}, extensions)).toBe(4.4);
  expect(durationOf("disk.report", { duration_ms: 5 }, extensions)).toBe(5);
});

test("what the client gives as the event's duration counts first", () => {
  expect(findDurationMs({ explicitMs: 0, attributes: { duration_ms: 5 }, extensions: null, operation: null })).toBe(0);
});
