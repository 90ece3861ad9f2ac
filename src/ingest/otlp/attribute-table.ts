import { type Alias, namesOf } from "./alias.ts";
import { contentTable } from "./content-table.ts";

/*
 * The names under which OpenTelemetry clients tell a fact. The first that is there counts, so that today's names come before older
 * ones, and the conventions of OpenTelemetry before those of products. A new name is a new line here and nothing else.
 */

const genAi = namesOf("gen_ai");
const openInference = namesOf("openinference");
const openLlmetry = namesOf("openllmetry");
const mcp = namesOf("mcp");
const vercel = namesOf("vercel");
const langfuse = namesOf("langfuse");
const mlflow = namesOf("mlflow");
const openTelemetry = namesOf("opentelemetry");
const pydanticAi = namesOf("pydantic-ai");
const claudeCode = namesOf("claude-code");
const codex = namesOf("codex");
const geminiCli = namesOf("gemini-cli");

const old = { isDeprecated: true } as const;

const usageDetails = "langfuse.observation.usage_details";
const tokenUsage = "mlflow.chat.tokenUsage";
const providerMetadata = "ai.response.providerMetadata";
const isAgentEntity = { when: { attribute: "traceloop.span.kind", values: ["agent"] } } as const;
const isWorkflowEntity = { when: { attribute: "traceloop.span.kind", values: ["workflow"] } } as const;
const isAgentNode = { when: { attribute: "openinference.span.kind", values: ["agent"] } } as const;
const hasTokenDetails = { when: { attribute: "ai.usage.inputTokenDetails.noCacheTokens" } } as const;

/** The SDK hands on what Anthropic's API says, which counts caches apart. */
const fromAnthropic = {
  when: { attribute: "ai.model.provider", values: ["anthropic", "anthropic.messages"] },
  counts: "apart",
} as const;

const identityTable = {
  session: [
    genAi("gen_ai.conversation.id"),
    openInference("session.id"),
    openLlmetry("traceloop.association.properties.session_id"),
    langfuse("langfuse.session.id"),
    vercel("ai.telemetry.metadata.sessionId"),
    codex("conversation.id"),
    // Of a connection, which may serve many conversations: nothing above knows better where there is nothing above.
    mcp("mcp.session.id", { isOfRoot: true }),
    openTelemetry("session.id", { from: "resource", isOfRoot: true }),
  ],
  user: [
    openTelemetry("user.id"),
    openTelemetry("enduser.id"),
    openLlmetry("traceloop.association.properties.user_id"),
    openLlmetry("llm.user"),
    langfuse("langfuse.user.id"),
    vercel("ai.telemetry.metadata.userId"),
  ],
  agentName: [
    genAi("gen_ai.agent.name"),
    openInference("agent.name"),
    openInference("graph.node.name", isAgentNode),
    openInference("graph.node.id", isAgentNode),
    openLlmetry("traceloop.entity.name", isAgentEntity),
    openLlmetry("traceloop.workflow.name", isWorkflowEntity),
    pydanticAi("agent_name"),
  ],
  agentId: [genAi("gen_ai.agent.id")],
  agentVersion: [genAi("gen_ai.agent.version")],
  provider: [
    genAi("gen_ai.provider.name"),
    genAi("gen_ai.system", old),
    openInference("llm.provider"),
    openInference("llm.system"),
    vercel("ai.model.provider"),
    mlflow("mlflow.llm.provider"),
  ],
  requestedModel: [
    genAi("gen_ai.request.model"),
    openInference("llm.request.model_name"),
    openInference("llm.model_name"),
    openInference("embedding.model_name"),
    openInference("reranker.model_name"),
    vercel("ai.model.id"),
    langfuse("langfuse.observation.model.name"),
    mlflow("mlflow.llm.model"),
    claudeCode("model"),
    codex("model"),
    geminiCli("model"),
  ],
  usedModel: [genAi("gen_ai.response.model"), openInference("llm.response.model_name"), vercel("ai.response.model")],
} as const satisfies Record<string, readonly Alias[]>;

const usageTable = {
  inputTokens: [
    vercel("ai.usage.inputTokens", hasTokenDetails),
    vercel("gen_ai.usage.input_tokens", fromAnthropic),
    vercel("ai.usage.inputTokens", fromAnthropic),
    vercel("ai.usage.promptTokens", fromAnthropic),
    genAi("gen_ai.usage.input_tokens"),
    genAi("gen_ai.usage.prompt_tokens", old),
    openInference("llm.token_count.prompt"),
    vercel("ai.usage.inputTokens"),
    vercel("ai.usage.promptTokens", old),
    vercel("ai.usage.tokens"),
    langfuse(usageDetails, { member: ["input"], counts: "apart" }),
    langfuse(usageDetails, { member: ["prompt_tokens"] }),
    langfuse(usageDetails, { member: ["input_tokens"] }),
    mlflow(tokenUsage, { member: ["input_tokens"] }),
    claudeCode("input_tokens", { counts: "apart" }),
    codex("input_token_count"),
    geminiCli("input_token_count"),
  ],
  outputTokens: [
    genAi("gen_ai.usage.output_tokens"),
    genAi("gen_ai.usage.completion_tokens", old),
    openInference("llm.token_count.completion"),
    vercel("ai.usage.outputTokens"),
    vercel("ai.usage.completionTokens", old),
    langfuse(usageDetails, { member: ["output"], counts: "apart" }),
    langfuse(usageDetails, { member: ["completion_tokens"] }),
    langfuse(usageDetails, { member: ["output_tokens"] }),
    mlflow(tokenUsage, { member: ["output_tokens"] }),
    claudeCode("output_tokens"),
    codex("output_token_count"),
    geminiCli("output_token_count", { counts: "apart" }),
  ],
  totalTokens: [
    openInference("llm.token_count.total"),
    openLlmetry("llm.usage.total_tokens"),
    openLlmetry("gen_ai.usage.total_tokens"),
    vercel("ai.usage.totalTokens"),
    langfuse(usageDetails, { member: ["total"] }),
    mlflow(tokenUsage, { member: ["total_tokens"] }),
    geminiCli("total_token_count"),
  ],
  cacheReadTokens: [
    genAi("gen_ai.usage.cache_read.input_tokens"),
    openInference("llm.token_count.prompt_details.cache_read"),
    openInference("llm.token_count.prompt_details.cache_input"),
    openLlmetry("gen_ai.usage.cache_read_input_tokens"),
    vercel("ai.usage.inputTokenDetails.cacheReadTokens"),
    vercel("ai.usage.cachedInputTokens"),
    vercel(providerMetadata, { member: ["anthropic", "cacheReadInputTokens"] }),
    langfuse(usageDetails, { member: ["cache_read_input_tokens"] }),
    langfuse(usageDetails, { member: ["input_cached_tokens"] }),
    langfuse(usageDetails, { member: ["input_cache_read"] }),
    langfuse(usageDetails, { member: ["prompt_tokens_details", "cached_tokens"] }),
    mlflow(tokenUsage, { member: ["cache_read_input_tokens"] }),
    claudeCode("cache_read_tokens"),
    codex("cached_token_count"),
    geminiCli("cached_content_token_count"),
  ],
  cacheWriteTokens: [
    genAi("gen_ai.usage.cache_write.input_tokens"),
    genAi("gen_ai.usage.cache_creation.input_tokens", old),
    openInference("llm.token_count.prompt_details.cache_write"),
    openLlmetry("gen_ai.usage.cache_creation_input_tokens"),
    vercel("ai.usage.inputTokenDetails.cacheWriteTokens"),
    vercel(providerMetadata, { member: ["anthropic", "cacheCreationInputTokens"] }),
    langfuse(usageDetails, { member: ["cache_creation_input_tokens"] }),
    langfuse(usageDetails, { member: ["input_cache_creation"] }),
    mlflow(tokenUsage, { member: ["cache_creation_input_tokens"] }),
    claudeCode("cache_creation_tokens"),
  ],
  reasoningTokens: [
    genAi("gen_ai.usage.reasoning.output_tokens"),
    openInference("llm.token_count.completion_details.reasoning"),
    openLlmetry("gen_ai.usage.reasoning_tokens"),
    openLlmetry("llm.usage.reasoning_tokens"),
    vercel("ai.usage.reasoningTokens"),
    langfuse(usageDetails, { member: ["output_reasoning_tokens"] }),
    langfuse(usageDetails, { member: ["output_reasoning"] }),
    langfuse(usageDetails, { member: ["completion_tokens_details", "reasoning_tokens"] }),
    codex("reasoning_token_count"),
    geminiCli("thoughts_token_count"),
  ],
  reportedCostUsd: [
    openInference("llm.cost.total"),
    namesOf("openlit")("gen_ai.usage.cost"),
    langfuse("langfuse.observation.cost_details", { member: ["total"] }),
    mlflow("mlflow.llm.cost", { member: ["total_cost"] }),
    claudeCode("cost_usd"),
  ],
  timeToFirstChunk: [
    genAi("gen_ai.response.time_to_first_chunk"),
    vercel("ai.response.msToFirstChunk"),
    langfuse("langfuse.observation.completion_start_time"),
  ],
  durationMs: [claudeCode("duration_ms"), codex("duration_ms"), geminiCli("duration_ms")],
} as const satisfies Record<string, readonly Alias[]>;

const errorTable = {
  errorMessage: [
    openTelemetry("exception.message", { event: "exception" }),
    openTelemetry("message", { from: "status" }),
    openTelemetry("exception.message"),
    langfuse("langfuse.observation.status_message"),
    openTelemetry("error.message"),
    claudeCode("error"),
    geminiCli("error"),
    codex("output"),
    openTelemetry("exception.type", { event: "exception" }),
    openTelemetry("exception.type"),
    openTelemetry("error.type"),
    geminiCli("error_type"),
    openTelemetry("body", { from: "record" }),
  ],
  errorType: [
    openTelemetry("error.type"),
    openTelemetry("exception.type", { event: "exception" }),
    openTelemetry("exception.type"),
    geminiCli("error_type"),
  ],
} as const satisfies Record<string, readonly Alias[]>;

/** The names of each fact, in the order in which they count. */
export const attributeTable = {
  ...identityTable,
  ...usageTable,
  ...contentTable,
  ...errorTable,
} satisfies Record<string, readonly Alias[]>;

/** A fact that the table has names for. */
export type AttributeField = keyof typeof attributeTable;
