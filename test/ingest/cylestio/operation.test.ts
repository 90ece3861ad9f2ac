import { describe, expect, test } from "vitest";
import { findOperation } from "../../../src/ingest/cylestio/operation.ts";
import type { OperationPart } from "../../../src/model/event.ts";
import type { JsonObject } from "../../../src/model/exact-json.ts";
import { readSampleEvents } from "../../samples.ts";

function operationOf(name: string, attributes: JsonObject = {}): OperationPart | null {
  return findOperation({ name, attributes, idMaxBytes: 256 });
}

function briefly(name: string, attributes?: JsonObject): string {
  const part = operationOf(name, attributes);
  return part === null ? "none" : `${part.kind} ${part.family} ${part.outcome ?? "start"}`;
}

describe("the name tells kind, family and phase", () => {
  test.each([
    ["LLM_call_start", "llm llm.call start"],
    ["LLM_call_finish", "llm llm.call ok"],
    ["LLM_call_error", "llm llm.call error"],
    ["LLM_call_blocked", "llm llm.call blocked"],
    ["llm.call.start", "llm llm.call start"],
    ["llm.call.finish", "llm llm.call ok"],
    ["llm.call.end", "llm llm.call ok"],
    ["llm.call.error", "llm llm.call error"],
    ["llm.request", "llm llm start"],
    ["llm_response", "llm llm ok"],
    ["llm.error", "llm llm error"],
    ["model_request", "llm model start"],
    ["model_response", "llm model ok"],
    ["model_error", "llm model error"],
    ["call_start", "tool call start"],
    ["call_finish", "tool call ok"],
    ["call_error", "tool call error"],
    ["MCP_tool_call_start", "tool mcp.tool.call start"],
    ["mcp.tool.call.finish", "tool mcp.tool.call ok"],
    ["MCP_tool_call_blocked", "tool mcp.tool.call blocked"],
    ["mcp_request", "tool mcp start"],
    ["mcp_response", "tool mcp ok"],
    ["mcp_error", "tool mcp error"],
    ["tool_start", "tool tool start"],
    ["tool_finish", "tool tool ok"],
    ["tool.start", "tool tool start"],
    ["tool.end", "tool tool ok"],
    ["tool.execution", "tool tool start"],
    ["tool.result", "tool tool ok"],
    ["tool.call", "tool tool start"],
    ["tool.error", "tool tool error"],
    ["agent_tool.start", "tool agent.tool start"],
    ["agent.tool.end", "tool agent.tool ok"],
    ["chain_start", "chain chain start"],
    ["chain_response", "chain chain ok"],
    ["chain.end", "chain chain ok"],
    ["chain.error", "chain chain error"],
    ["retriever_start", "retriever retriever start"],
    ["retriever_finish", "retriever retriever ok"],
    ["retrieval.query", "retriever retrieval start"],
    ["retrieval.result", "retriever retrieval ok"],
    ["retrieval.error", "retriever retrieval error"],
    ["graph_start", "graph graph start"],
    ["langgraph.graph_finish", "graph langgraph.graph ok"],
    ["langgraph.invoke.error", "graph langgraph.invoke error"],
    ["node_finish", "node node ok"],
    ["langgraph.node_end", "node langgraph.node ok"],
    ["langgraph.node.end", "node langgraph.node ok"],
    ["langgraph.node_start", "node langgraph.node start"],
    ["agent.invoke.start", "agent agent.invoke start"],
    ["agent.run.end", "agent agent.run ok"],
    ["agent.execution.error", "agent agent.execution error"],
    ["function.start", "other function start"],
    ["method.end", "other method ok"],
    ["session.start", "other session start"],
    ["session_end", "other session ok"],
    ["conversation_start", "other conversation start"],
    ["save_plan.error", "other save.plan error"],
    ["My.Own_Thing.Finish", "other my.own.thing ok"],
  ])("%s", (name, expected) => {
    expect(briefly(name)).toBe(expected);
  });

  test.each([
    "error",
    "start",
    ".start",
    "restart",
    "agent.error",
    "agent.startup",
    "agent_action",
    "chat_exchange",
    "disk.report",
    "disk.query",
    "http.request",
    "http.response",
    "request.blocked",
    "framework.patch.error",
    "framework_patch_error",
    "framework.unpatch.error",
    "langgraph.transition",
    "langgraph.transition.error",
    "langgraph.react_agent.create",
    "llm.call",
    "LLM_patch",
    "monitor_init",
    "monitoring.start",
    "monitoring.stop",
    "security.content.dangerous",
    "security.scan.error",
    "security_alert",
    "session_end_requested",
    "state_update",
    "system.health",
    "tool.inferred",
    "tool.schema.generated",
    "user_message",
    "x.start ",
  ])("%s is no part of an operation", (name) => {
    expect(operationOf(name)).toBeNull();
  });
});

describe("an end that says it failed is an error", () => {
  test.each([
    ["tool.end", { "tool.status": "error" }],
    ["llm.response", { "llm.status": "error" }],
    ["langgraph.invoke.end", { "graph.status": "failed" }],
    ["save_plan.end", { status: "failure" }],
    ["call_finish", { result: "Error: requested quantity 500 exceeds available 128" }],
    ["call_finish", { result: "Error executing tool reserve_stock" }],
    ["call_finish", { result: "meta=None content=[TextContent(text='no')] isError=True" }],
    ["MCP_tool_call_finish", { result: "Error" }],
    ["mcp_response", { response: { isError: true } }],
  ])("%s %j", (name, attributes) => {
    expect(operationOf(name, attributes)?.outcome).toBe("error");
  });

  test.each([
    ["tool.end", { "tool.status": "success" }],
    ["tool.end", { "tool.result": "Error: in a text that a function returned" }],
    ["llm.call.finish", { "llm.response.content": "Error: none" }],
    ["LLM_call_finish", { response: "Error" }],
    ["call_finish", { result: "content=[TextContent(text='no error')] isError=False" }],
    ["call_finish", { result: "There was an Error in line 3" }],
    ["call_finish", { result: "Errors found: 0" }],
    ["call_finish", { result: null }],
    ["mcp_response", { response: { isError: false } }],
    ["mcp_response", { response: { error: null } }],
  ])("and %s %j is none", (name, attributes) => {
    expect(operationOf(name, attributes)?.outcome).toBe("ok");
  });

  test("a start and a block stay what they are", () => {
    expect(operationOf("tool.start", { "tool.status": "error" })?.outcome).toBeNull();
    expect(operationOf("LLM_call_blocked", { status: "error" })?.outcome).toBe("blocked");
  });
});

describe("what ties parts together is read", () => {
  test("run, chain and node ids, as texts or numbers", () => {
    expect(
      operationOf("node_start", { run_id: "r", chain_id: 7, node_id: JSON.rawJSON("12345678901234567890") }),
    ).toMatchObject({
      runId: "r",
      chainId: "7",
      nodeId: "12345678901234567890",
    });
    expect(operationOf("chain.start", { "chain.id": "4391" })?.chainId).toBe("4391");
    expect(operationOf("langgraph.node.end", { "node.exec_id": "act:1" })?.runId).toBe("act:1");
    expect(operationOf("tool_start", { run_id: "", chain_id: null, node_id: {} })).toMatchObject({
      runId: null,
      chainId: null,
      nodeId: null,
    });
  });

  test.each([
    ["call_start", { function: "call_tool" }, "call_tool"],
    ["MCP_tool_call_start", { tool: "search" }, "search"],
    ["mcp_error", { method: "list_tools" }, "list_tools"],
    ["tool.error", { "tool.name": "disk" }, "disk"],
    ["agent_tool.end", { "tool.name": "disk" }, "disk"],
    ["chain.start", { "chain.name": "QA" }, "QA"],
    ["llm.request", { "llm.name": "ChatOpenAI" }, "ChatOpenAI"],
    ["retrieval.query", { "retriever.name": "FAISS" }, "FAISS"],
    ["langgraph.node.start", { "node.name": "act" }, "act"],
    ["graph_start", { graph_id: "g-1" }, "g-1"],
    ["function.end", { "function.name": "plan" }, "plan"],
    // Only one of the two parts carries these.
    ["LLM_call_start", { method: "messages.create" }, null],
    ["tool_start", { tool_type: "calendar" }, null],
    ["model_request", { llm_type: "ChatAnthropic" }, null],
  ])("%s %j has the subject %s", (name, attributes, subject) => {
    expect(operationOf(name, attributes)?.subject).toBe(subject);
  });

  test.each([
    ["tool.execution", { "tool.name": "get_stock" }, "get_stock"],
    ["agent_tool.start", { "tool.name": "calendar" }, "calendar"],
    ["MCP_tool_call_start", { tool: "search" }, "search"],
    ["tool_start", { tool_type: "calendar" }, "calendar"],
    ["call_start", { args: "(<ClientSession at 0x7f>, 'get_stock_level', {'sku': 'A'})" }, "get_stock_level"],
    ["call_start", { args: "(<ClientSession at 0x7f>,)" }, null],
    ["call_start", { args: "('open" }, null],
    ["call_start", { args: "('')" }, null],
    ["call_start", { args: ["'x'"] }, null],
    ["call_finish", { result: "'x'" }, null],
    ["mcp_request", { method: "list_tools" }, null],
    ["llm.call.start", { "tool.name": "x" }, null],
  ])("%s %j calls the tool %s", (name, attributes, toolName) => {
    expect(operationOf(name, attributes)?.toolName).toBe(toolName);
  });

  test("what is too long to be an id, or no Unicode, counts as not told", () => {
    expect(operationOf("tool.start", { run_id: "x".repeat(256), "tool.name": "ä".repeat(128) })).toMatchObject({
      runId: "x".repeat(256),
      toolName: "ä".repeat(128),
    });
    expect(operationOf("tool.start", { run_id: "x".repeat(257), "tool.name": `${"ä".repeat(128)}x` })).toMatchObject({
      runId: null,
      subject: null,
      toolName: null,
    });
    expect(operationOf("tool.start", { run_id: "\ud800" })?.runId).toBeNull();
  });
});

test("in the samples, start and end of one span or run are of one family and have the same subject", () => {
  const groups = new Map<string, OperationPart[]>();
  for (const event of [...readSampleEvents("v1-events.json"), ...readSampleEvents("legacy-events.json")]) {
    const attributes = (event["attributes"] ?? event["data"]) as JsonObject;
    const part = operationOf(String(event["name"] ?? event["event_type"]), attributes);
    const key = event["span_id"] ?? part?.runId;
    if (part && key && attributes["run_id"] !== "77aa0b5e-12f1-4c2f-8f8e-a1b1c1d17788") {
      groups.set(String(key), [...(groups.get(String(key)) ?? []), part]);
    }
  }
  const pairs = [...groups.values()].filter((parts) => parts.length > 1);
  expect(pairs.length).toBeGreaterThan(30);
  for (const parts of pairs) {
    expect(new Set(parts.map(({ kind, family, subject }) => `${kind} ${family} ${subject}`)).size).toBe(1);
  }
});
