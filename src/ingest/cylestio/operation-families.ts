import type { OperationKind } from "../../model/event.ts";

/**
 * A family of events that tell the start and the end of one kind of operation. An event's family is its name in lower case, with `.`
 * for `_`, without the last word; that word is the phase. Every family knows `start`, `end`, `finish` and `error`;
 * the families of this table also know `blocked`.
 */
export interface OperationFamily {
  readonly kind: OperationKind;
  /** Further last words that start an operation. */
  readonly starts?: readonly string[];
  /** Further last words that finish one. */
  readonly finishes?: readonly string[];
  /** The attribute that tells calls apart; only one that start, finish and error all carry. */
  readonly subject?: string;
  /** The attributes that name a tool, the first that is a text counts. */
  readonly toolNames?: readonly string[];
  /** The attribute whose first quoted word is the tool's name: arguments as Python prints them. */
  readonly quotedToolName?: string;
  /** `duration` is in seconds. */
  readonly isDurationInSeconds?: true;
  /** The attribute with a tool's answer, which is the only place where these clients tell that the tool failed. */
  readonly answer?: string;
}

const requests = { starts: ["request"], finishes: ["response"] } as const;

/** The families that the Cylestio SDKs know, legacy and v1. Where the two spell a name alike, one row serves both. */
export const operationFamilies: ReadonlyMap<string, OperationFamily> = new Map<string, OperationFamily>([
  // Calls of a model: of a vendor's client (LLM_call_*, llm.call.*), of LangChain (model_*, llm.*), of an application (llm_*).
  ["llm.call", { kind: "llm", isDurationInSeconds: true }],
  ["llm", { kind: "llm", ...requests, subject: "llm.name" }],
  ["model", { kind: "llm", ...requests }],

  // Calls of a tool: MCP (call_*, MCP_tool_call_*, mcp_*, tool.execution), LangChain (tool_*, tool.*, agent_tool.*).
  ["call", { kind: "tool", subject: "function", quotedToolName: "args", isDurationInSeconds: true, answer: "result" }],
  [
    "mcp.tool.call",
    { kind: "tool", subject: "tool", toolNames: ["tool"], isDurationInSeconds: true, answer: "result" },
  ],
  ["mcp", { kind: "tool", ...requests, subject: "method", answer: "response" }],
  [
    "tool",
    {
      kind: "tool",
      starts: ["execution", "call"],
      finishes: ["result"],
      subject: "tool.name",
      toolNames: ["tool.name", "tool_type"],
    },
  ],
  ["agent.tool", { kind: "tool", subject: "tool.name", toolNames: ["tool.name"] }],

  // Steps around calls.
  ["chain", { kind: "chain", finishes: ["response"], subject: "chain.name" }],
  ["retriever", { kind: "retriever" }],
  ["retrieval", { kind: "retriever", starts: ["query"], finishes: ["result"], subject: "retriever.name" }],
  ["graph", { kind: "graph", subject: "graph_id" }],
  ["langgraph.graph", { kind: "graph", subject: "graph_id" }],
  ["langgraph.invoke", { kind: "graph" }],
  ["node", { kind: "node" }],
  ["langgraph.node", { kind: "node", subject: "node.name" }],
  ["agent.invoke", { kind: "agent" }],
  ["agent.run", { kind: "agent" }],
  ["agent.execution", { kind: "agent" }],
  ["function", { kind: "other", subject: "function.name" }],
  ["method", { kind: "other", subject: "function.name" }],
]);

/** Any other name that ends in a phase that every family knows, as `save_plan.start`: what the SDK's spans and users send. */
export const otherFamily: OperationFamily = { kind: "other" };

/** Names, in lower case with `.` for `_`, that end like a phase and yet belong to no operation. */
export const standaloneNames: ReadonlySet<string> = new Set(["agent.error", "langgraph.transition.error"]);

/** First words, with their dot, of names that belong to no operation: what the SDK says about itself, and its findings. */
export const standalonePrefixes: readonly string[] = ["framework.", "monitoring.", "security."];

/** Attributes that tell how an operation ended. */
export const statusAttributes: readonly string[] = [
  "tool.status",
  "llm.status",
  "chain.status",
  "retriever.status",
  "agent.status",
  "graph.status",
  "node.status",
  "function.status",
  "session.status",
  "status",
];

/** What those attributes say of an operation that failed. */
export const failureStatuses: ReadonlySet<unknown> = new Set(["error", "failed", "failure"]);
