import { attributeTable } from "./attribute-table.ts";
import { parameterTable } from "./content-table.ts";
import { kindTable } from "./operation-table.ts";

/** What the names of the conventions begin with that tell of agents and models. */
export const knownNamespaces: readonly string[] = [
  "gen_ai.",
  "llm.",
  "openinference.",
  "traceloop.",
  "ai.",
  "mcp.",
  "langfuse.",
  "mlflow.",
];

/** Published names that no fact is read out of. */
const otherNames: readonly string[] = [
  "gen_ai.agent.description",
  "gen_ai.data_source.id",
  "gen_ai.embeddings.dimension.count",
  "gen_ai.output.type",
  "gen_ai.token.type",
  "gen_ai.tool.description",
  "gen_ai.tool.type",
  "gen_ai.workflow.name",
  "llm.headers",
  "traceloop.entity.path",
  "traceloop.entity.version",
  "ai.telemetry.functionId",
  "ai.response.timestamp",
  "ai.response.avgOutputTokensPerSecond",
  "ai.response.avgCompletionTokensPerSecond",
  "ai.response.msToFinish",
  "ai.response.providerMetadata",
  "ai.prompt.toolChoice",
  "ai.schema",
  "ai.schema.name",
  "ai.schema.description",
  "ai.value",
  "ai.values",
  "ai.embedding",
  "ai.embeddings",
  "mcp.protocol.version",
  "mcp.resource.uri",
  "langfuse.environment",
  "langfuse.release",
  "langfuse.version",
  "langfuse.prompt.version",
  "langfuse.observation.prompt.version",
  "langfuse.observation.level",
  "langfuse.trace.name",
  "langfuse.trace.input",
  "langfuse.trace.output",
  "langfuse.trace.public",
  "mlflow.message.format",
  "mlflow.spanFunctionName",
  "mlflow.traceRequestId",
  "mlflow.experimentId",
];

/** Beginnings of published names of which there are many, or whose end the application chooses. */
const otherBeginnings: readonly string[] = [
  "gen_ai.evaluation.",
  "gen_ai.memory.",
  "gen_ai.prompt.",
  "gen_ai.usage.text.",
  "gen_ai.usage.image.",
  "gen_ai.usage.audio.",
  "llm.cost.",
  "llm.prompt_template.",
  "llm.token_count.",
  "traceloop.association.properties.",
  "traceloop.prompt.",
  "ai.telemetry.metadata.",
  "ai.request.headers.",
  "ai.response.headers.",
  "ai.usage.",
  "langfuse.observation.metadata.",
  "langfuse.trace.metadata.",
];

const aliases = [...Object.values(attributeTable).flat(), ...kindTable.map(({ alias }) => alias)];

const names: ReadonlySet<string> = new Set([
  ...aliases.map(({ attribute }) => attribute),
  ...aliases.flatMap(({ when }) => when?.attribute ?? []),
  ...parameterTable.map(({ attribute }) => attribute),
  ...otherNames,
]);

const beginnings: readonly string[] = [
  ...aliases.filter(({ isIndexed }) => isIndexed).map(({ attribute }) => `${attribute}.`),
  ...parameterTable.filter(({ parameter }) => parameter === undefined).map(({ attribute }) => `${attribute}.`),
  ...otherBeginnings,
];

/** Whether the name is in the style of a known convention and none that is known: a misspelt one, or a newer one. */
export function isUnknownAttribute(name: string): boolean {
  if (!knownNamespaces.some((namespace) => name.startsWith(namespace)) || names.has(name)) return false;
  return !beginnings.some((beginning) => name.startsWith(beginning));
}
