import { type Alias, type Convention, namesOf } from "./alias.ts";

const genAi = namesOf("gen_ai");
const openInference = namesOf("openinference");
const openLlmetry = namesOf("openllmetry");
const vercel = namesOf("vercel");
const langfuse = namesOf("langfuse");
const mlflow = namesOf("mlflow");
const pydanticAi = namesOf("pydantic-ai");
const claudeCode = namesOf("claude-code");
const codex = namesOf("codex");
const geminiCli = namesOf("gemini-cli");

const old = { isDeprecated: true } as const;
const indexed = { isIndexed: true } as const;
const isToolEntity = { when: { attribute: "traceloop.span.kind", values: ["tool"] } } as const;
const details = "gen_ai.client.inference.operation.details";

/** The names under which clients tell what a call was about: part of the table in `attribute-table.ts`. */
export const contentTable = {
  systemInstructions: [genAi("gen_ai.system_instructions"), genAi("gen_ai.system_instructions", { event: details })],
  inputMessages: [
    genAi("gen_ai.input.messages"),
    genAi("gen_ai.input.messages", { event: details }),
    openInference("llm.input_messages", indexed),
    openLlmetry("gen_ai.prompt", indexed),
    genAi("gen_ai.prompt", { event: "gen_ai.content.prompt", ...old }),
    genAi("gen_ai.prompt", old),
    vercel("ai.prompt.messages"),
    vercel("ai.prompt"),
    pydanticAi("pydantic_ai.all_messages"),
    langfuse("langfuse.observation.input"),
    openInference("llm.prompts", indexed),
    openInference("input.value"),
    mlflow("mlflow.spanInputs"),
    openLlmetry("traceloop.entity.input"),
    geminiCli("request_text"),
  ],
  outputMessages: [
    genAi("gen_ai.output.messages"),
    genAi("gen_ai.output.messages", { event: details }),
    openInference("llm.output_messages", indexed),
    openLlmetry("gen_ai.completion", indexed),
    genAi("gen_ai.completion", { event: "gen_ai.content.completion", ...old }),
    genAi("gen_ai.completion", old),
    vercel("ai.response.text"),
    vercel("ai.response.object"),
    langfuse("langfuse.observation.output"),
    openInference("output.value"),
    mlflow("mlflow.spanOutputs"),
    openLlmetry("traceloop.entity.output"),
    geminiCli("response_text"),
  ],
  outputToolCalls: [vercel("ai.response.toolCalls")],
  stopReason: [
    genAi("gen_ai.response.finish_reasons"),
    openInference("llm.finish_reason"),
    openLlmetry("gen_ai.completion.0.finish_reason"),
    openLlmetry("llm.response.finish_reason"),
    openLlmetry("llm.response.stop_reason"),
    vercel("ai.response.finishReason"),
    geminiCli("finish_reasons"),
  ],
  responseId: [genAi("gen_ai.response.id"), vercel("ai.response.id"), claudeCode("request_id")],
  parameterObject: [openInference("llm.invocation_parameters"), langfuse("langfuse.observation.model.parameters")],
  toolDefinitions: [
    genAi("gen_ai.tool.definitions"),
    openInference("llm.tools", indexed),
    openLlmetry("llm.request.functions", indexed),
    vercel("ai.prompt.tools"),
    mlflow("mlflow.chat.tools"),
  ],
  toolName: [
    genAi("gen_ai.tool.name"),
    openInference("tool.name"),
    openLlmetry("traceloop.entity.name", isToolEntity),
    vercel("ai.toolCall.name"),
    claudeCode("tool_name"),
    codex("tool_name"),
    geminiCli("function_name"),
    // These name the span of a tool after it.
    openInference("name", { from: "span", when: { attribute: "openinference.span.kind", values: ["tool"] } }),
    langfuse("name", { from: "span", when: { attribute: "langfuse.observation.type", values: ["tool"] } }),
    mlflow("name", { from: "span", when: { attribute: "mlflow.spanType", values: ["tool"] } }),
  ],
  toolCallId: [
    genAi("gen_ai.tool.call.id"),
    openInference("tool.id"),
    openInference("tool_call.id"),
    vercel("ai.toolCall.id"),
    claudeCode("tool_use_id"),
    codex("call_id"),
  ],
  toolArguments: [
    genAi("gen_ai.tool.call.arguments"),
    openInference("tool.parameters"),
    vercel("ai.toolCall.args"),
    pydanticAi("tool_arguments"),
    langfuse("langfuse.observation.input"),
    openInference("input.value"),
    mlflow("mlflow.spanInputs"),
    openLlmetry("traceloop.entity.input"),
    claudeCode("tool_input"),
    claudeCode("tool_parameters"),
    codex("arguments"),
    geminiCli("function_args"),
  ],
  toolResult: [
    genAi("gen_ai.tool.call.result"),
    vercel("ai.toolCall.result"),
    pydanticAi("tool_response"),
    langfuse("langfuse.observation.output"),
    openInference("output.value"),
    mlflow("mlflow.spanOutputs"),
    openLlmetry("traceloop.entity.output"),
    codex("output"),
  ],
  input: [
    openInference("input.value"),
    openLlmetry("traceloop.entity.input"),
    langfuse("langfuse.observation.input"),
    mlflow("mlflow.spanInputs"),
  ],
  output: [
    openInference("output.value"),
    openLlmetry("traceloop.entity.output"),
    langfuse("langfuse.observation.output"),
    mlflow("mlflow.spanOutputs"),
  ],
  retrievalQuery: [genAi("gen_ai.retrieval.query.text")],
  retrievalDocuments: [genAi("gen_ai.retrieval.documents"), openInference("retrieval.documents", indexed)],
  metadata: [openInference("metadata"), openInference("tag.tags"), langfuse("langfuse.trace.tags")],
  promptName: [
    genAi("gen_ai.prompt.name"),
    openInference("prompt.id"),
    openLlmetry("traceloop.prompt.key"),
    langfuse("langfuse.observation.prompt.name"),
    langfuse("langfuse.prompt.name"),
  ],
} as const satisfies Record<string, readonly Alias[]>;

/** An event that holds one message: of a span (in its attributes), or a log record (in its body). All have newer names. */
export interface MessageEvent {
  readonly role: string;
  readonly isAnswer: boolean;
}

/** Events that hold a message each, by name. */
export const messageEvents: ReadonlyMap<string, MessageEvent> = new Map([
  ["gen_ai.system.message", { role: "system", isAnswer: false }],
  ["gen_ai.user.message", { role: "user", isAnswer: false }],
  ["gen_ai.assistant.message", { role: "assistant", isAnswer: false }],
  ["gen_ai.tool.message", { role: "tool", isAnswer: false }],
  ["gen_ai.choice", { role: "assistant", isAnswer: true }],
]);

/** Attributes of log records that are a message each, by the record's name. */
export const messageAttributes: ReadonlyMap<string, MessageEvent & { readonly attribute: string }> = new Map([
  ["claude_code.user_prompt", { attribute: "prompt", role: "user", isAnswer: false }],
  ["codex.user_prompt", { attribute: "prompt", role: "user", isAnswer: false }],
  ["gemini_cli.user_prompt", { attribute: "prompt", role: "user", isAnswer: false }],
]);

/** A parameter of a call: its attributes' common beginning with the parameter's name behind it, or one attribute and its name. */
export interface ParameterAlias {
  readonly attribute: string;
  readonly convention: Convention;
  /** Absent: every attribute that begins so, and a dot, is a parameter. */
  readonly parameter?: string;
}

/** Where clients tell parameters one by one; of one that is told twice the first counts. */
export const parameterTable: readonly ParameterAlias[] = [
  { attribute: "gen_ai.request", convention: "gen_ai" },
  { attribute: "ai.settings", convention: "vercel" },
  { attribute: "llm.top_k", convention: "openllmetry", parameter: "top_k" },
  { attribute: "llm.frequency_penalty", convention: "openllmetry", parameter: "frequency_penalty" },
  { attribute: "llm.presence_penalty", convention: "openllmetry", parameter: "presence_penalty" },
  { attribute: "llm.chat.stop_sequences", convention: "openllmetry", parameter: "stop_sequences" },
  { attribute: "llm.is_streaming", convention: "openllmetry", parameter: "stream" },
];

/** Attributes that begin as parameters do, and are none. */
export const noParameters: ReadonlySet<string> = new Set(["gen_ai.request.model"]);
