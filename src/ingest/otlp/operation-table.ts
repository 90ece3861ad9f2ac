import type { OperationKind } from "../../model/event.ts";
import { type Alias, type Convention, namesOf } from "./alias.ts";

/** A name of an attribute that tells what kind of work a span is. */
export interface KindAlias {
  readonly alias: Alias;
  /** Kinds by the attribute's value in lower case; a value that is not here tells nothing. */
  readonly kinds?: Readonly<Record<string, OperationKind>>;
  /** The kind of every span that has the attribute, whatever its value. */
  readonly any?: OperationKind;
}

/** Where spans tell what kind of work they are; the first that tells counts, and a span of which nothing tells is `other`. */
export const kindTable: readonly KindAlias[] = [
  {
    alias: namesOf("gen_ai")("gen_ai.operation.name"),
    kinds: {
      chat: "llm",
      text_completion: "llm",
      generate_content: "llm",
      embeddings: "llm",
      retrieval: "retriever",
      search_memory: "retriever",
      execute_tool: "tool",
      create_agent: "agent",
      invoke_agent: "agent",
      invoke_workflow: "chain",
      plan: "chain",
    },
  },
  {
    alias: namesOf("openinference")("openinference.span.kind"),
    kinds: {
      llm: "llm",
      embedding: "llm",
      chain: "chain",
      retriever: "retriever",
      reranker: "retriever",
      tool: "tool",
      agent: "agent",
      guardrail: "other",
      evaluator: "other",
      prompt: "other",
    },
  },
  {
    alias: namesOf("vercel")("ai.operationId"),
    kinds: {
      "ai.generatetext": "llm",
      "ai.generatetext.dogenerate": "llm",
      "ai.streamtext": "llm",
      "ai.streamtext.dostream": "llm",
      "ai.generateobject": "llm",
      "ai.generateobject.dogenerate": "llm",
      "ai.streamobject": "llm",
      "ai.streamobject.dostream": "llm",
      "ai.embed": "llm",
      "ai.embed.doembed": "llm",
      "ai.embedmany": "llm",
      "ai.embedmany.doembed": "llm",
      "ai.toolcall": "tool",
    },
  },
  {
    alias: namesOf("langfuse")("langfuse.observation.type"),
    kinds: {
      generation: "llm",
      embedding: "llm",
      tool: "tool",
      agent: "agent",
      chain: "chain",
      retriever: "retriever",
      evaluator: "other",
      guardrail: "other",
    },
  },
  {
    alias: namesOf("mlflow")("mlflow.spanType"),
    kinds: {
      llm: "llm",
      chat_model: "llm",
      embedding: "llm",
      chain: "chain",
      workflow: "chain",
      task: "chain",
      agent: "agent",
      tool: "tool",
      retriever: "retriever",
      reranker: "retriever",
    },
  },
  {
    alias: namesOf("openllmetry")("traceloop.span.kind"),
    kinds: { workflow: "chain", task: "chain", agent: "agent", tool: "tool" },
  },
  {
    alias: namesOf("openllmetry")("llm.request.type"),
    kinds: { chat: "llm", completion: "llm", embedding: "llm", rerank: "retriever" },
  },
  {
    alias: namesOf("mcp")("mcp.method.name"),
    kinds: { "tools/call": "tool", "resources/read": "retriever" },
  },
  { alias: namesOf("pydantic-ai")("gen_ai.tool.name"), any: "tool" },
  { alias: namesOf("pydantic-ai")("agent_name"), any: "agent" },
  { alias: namesOf("gen_ai")("gen_ai.request.model"), any: "llm" },
];

/** A log record that tells a whole call. */
export interface LogOperation {
  readonly kind: "llm" | "tool";
  readonly convention: Convention;
  /** Vendor of a client that talks to one only, where the record names none. */
  readonly vendor?: string;
  /** An attribute that says `false` where the call failed; `null` where every such record is of a failure. */
  readonly successAttribute?: string | null;
  /** It does only where this attribute is there, or has this value. */
  readonly when?: readonly { readonly attribute: string; readonly value?: string }[];
  /** It does only where it lies in no span: else the span tells the call. */
  readonly withoutSpan?: true;
  /** It does not where this service reports, which tells the call by a record of its own too. */
  readonly exceptService?: string;
}

/** Log records that tell a whole call, by name. */
export const logOperations: ReadonlyMap<string, LogOperation> = new Map<string, LogOperation>([
  ["claude_code.api_request", { kind: "llm", convention: "claude-code", vendor: "anthropic" }],
  ["claude_code.api_error", { kind: "llm", convention: "claude-code", vendor: "anthropic", successAttribute: null }],
  ["claude_code.tool_result", { kind: "tool", convention: "claude-code", successAttribute: "success" }],
  [
    "codex.sse_event",
    {
      kind: "llm",
      convention: "codex",
      vendor: "openai",
      // Every event of the stream is told, the last one twice: once for its arrival, once with the tokens of the call.
      when: [{ attribute: "event.kind", value: "response.completed" }, { attribute: "input_token_count" }],
    },
  ],
  ["codex.tool_result", { kind: "tool", convention: "codex", successAttribute: "success" }],
  ["gemini_cli.api_response", { kind: "llm", convention: "gemini-cli", vendor: "google" }],
  ["gemini_cli.api_error", { kind: "llm", convention: "gemini-cli", vendor: "google", successAttribute: null }],
  ["gemini_cli.tool_call", { kind: "tool", convention: "gemini-cli", successAttribute: "success" }],
  [
    "gen_ai.client.inference.operation.details",
    { kind: "llm", convention: "gen_ai", withoutSpan: true, exceptService: "gemini-cli" },
  ],
]);

/** How spans are known that repeat a call which something else tells. */
export interface RepeatingSpans {
  /** Beginnings of the names of spans whose client tells its calls by log records, its single source. */
  readonly names: readonly string[];
  /** Names of libraries of such clients. */
  readonly scopes: readonly string[];
  /** Attributes of calls that the caller's span tells, where the span is the callee's. */
  readonly servedAttributes: readonly string[];
}

/** Spans that are no calls of their own, whatever their other attributes say: each call would count twice. */
export const repeatingSpans: RepeatingSpans = {
  names: ["claude_code."],
  scopes: ["gemini-cli"],
  servedAttributes: ["mcp.method.name"],
};

/** Beginnings of the names of log records, by what the name of the library that reports begins with. */
export const logNamePrefixes: Readonly<Record<string, string>> = {
  "com.anthropic.claude_code": "claude_code.",
};

/** Beginnings of texts that are the name of their log record, where it has no other. */
export const logBodyNames: readonly string[] = ["claude_code.", "codex.", "gemini_cli.", "gen_ai."];

/**
 * What a word in the name of a library begins with that reports calls of a language model from further out than the vendor's client: a
 * framework, or a client of many vendors. A vendor's call inside may be the same one.
 */
export const wrapperScopes: readonly string[] = [
  "langchain",
  "langgraph",
  "llama_index",
  "llama-index",
  "llamaindex",
  "crewai",
  "haystack",
  "autogen",
  "smolagents",
  "dspy",
  "agno",
  "semantic_kernel",
  "semantic-kernel",
  "semantickernel",
  "pydantic-ai",
  "openai_agents",
  "openai-agents",
  "litellm",
  "beeai",
  "instructor",
  "strands",
  "mastra",
  "gcp.vertex.agent",
];

/** Attributes whose value says the same, in lower case. */
export const wrapperAttributes: readonly { readonly attribute: string; readonly values: readonly string[] }[] = [
  {
    attribute: "ai.operationId",
    values: ["ai.generatetext", "ai.streamtext", "ai.generateobject", "ai.streamobject", "ai.embed", "ai.embedmany"],
  },
];

/** An attribute that says of a span that the work failed, where its status does not: by this value in lower case, or by any. */
export interface FailureAttribute {
  readonly attribute: string;
  readonly value?: string;
  /** It says nothing of a span whose status is that it went well. */
  readonly unlessOk?: true;
}

/** Where failures are told beside the status. */
export const failureAttributes: readonly FailureAttribute[] = [
  { attribute: "langfuse.observation.level", value: "error" },
  { attribute: "error.type", unlessOk: true },
];
