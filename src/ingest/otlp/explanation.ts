import { readCount } from "../token-count.ts";
import { type Alias, type Convention, findFact, type OtlpFactSource, resourceAttributesOf } from "./alias.ts";
import { type AttributeField, attributeTable } from "./attribute-table.ts";
import { isUnknownAttribute } from "./known-attributes.ts";
import { findLogOperation } from "./log-operation.ts";
import { kindTable } from "./operation-table.ts";
import { findOperationKind } from "./otlp-facts.ts";
import { readOtlpTokens, type TokenReport } from "./otlp-tokens.ts";
import { findOutcome } from "./outcome.ts";
import { isRepeating } from "./repeating-span.ts";

/** How an event was understood: for those who set up instrumentations. */
export interface OtlpExplanation {
  /** Which attribute each fact was read out of. */
  readonly fields: readonly ExplainedField[];
  /** How the source counts tokens: null where it tells of no such part. */
  readonly counting: Pick<TokenReport, "caches" | "reasoning">;
  /** Attributes of the event for which there are newer names. */
  readonly deprecated: readonly string[];
  /** Attributes in the style of a known convention that are none of its: misspelt, or newer than this server. */
  readonly unknown: readonly string[];
  /** What is not told, and how it can be, as `session: set gen_ai.conversation.id`. */
  readonly missing: readonly string[];
  /** Those of them that are worth a warning: not what is left out on purpose, nor what a span above may tell. */
  readonly warnings: readonly string[];
}

/** A fact and where it was found. */
export interface ExplainedField {
  readonly field: "kind" | AttributeField;
  /** The attribute; for what is inside one, or not among the event's own, as `aliasText` writes it. */
  readonly attribute: string;
  readonly convention: Convention;
}

/** Facts that only these kinds of operation have; the same attribute may be another fact elsewhere. */
const fieldsOfKind: Readonly<Record<string, readonly AttributeField[]>> = {
  llm: [
    "provider",
    "requestedModel",
    "usedModel",
    "inputTokens",
    "outputTokens",
    "totalTokens",
    "cacheReadTokens",
    "cacheWriteTokens",
    "reasoningTokens",
    "reportedCostUsd",
    "timeToFirstChunk",
    "systemInstructions",
    "inputMessages",
    "outputMessages",
    "outputToolCalls",
    "stopReason",
    "responseId",
    "parameterObject",
    "toolDefinitions",
  ],
  tool: ["toolName", "toolCallId", "toolArguments", "toolResult"],
  retriever: ["retrievalQuery", "retrievalDocuments", "input", "output"],
};

const fieldsOfSomeKind: ReadonlySet<string> = new Set(Object.values(fieldsOfKind).flat());

// The names of a table are its fields.
const allFields = Object.keys(attributeTable) as readonly AttributeField[];
const fieldsOfAll = allFields.filter((field) => !fieldsOfSomeKind.has(field));
const otherFields: readonly AttributeField[] = ["input", "output"];

const deprecatedNames: ReadonlySet<string> = new Set(
  Object.values(attributeTable)
    .flat()
    .filter(({ isDeprecated, event }) => isDeprecated && event === null)
    .map(({ attribute }) => attribute),
);

/** Says of an event which names its facts were read out of, and what it does not tell. Some microseconds. */
export function explainOtlpEvent(source: OtlpFactSource): OtlpExplanation {
  const found = findOperationKind(source);
  const kind = found?.kind ?? null;
  const fields: ExplainedField[] = found?.alias == null ? [] : [explained("kind", found.alias)];
  for (const field of [...fieldsOfAll, ...(fieldsOfKind[kind ?? ""] ?? otherFields)]) {
    const fact = findFact(source, attributeTable[field], field.endsWith("Tokens") ? readCount : readAny);
    if (fact !== null) fields.push(explained(field, fact.alias));
  }
  const names = Object.keys(source.attributes);
  const { caches, reasoning } = readOtlpTokens(source);
  return {
    fields,
    counting: kind === "llm" ? { caches, reasoning } : { caches: null, reasoning: null },
    deprecated: names.filter((name) => deprecatedNames.has(name)),
    unknown: names.filter(isUnknownAttribute),
    ...missingOf(source, kind, new Set([...fields.map(({ field }) => field), ...fieldsOfClient(source)])),
  };
}

/** What needs no attribute: a client that talks to one vendor only is known by the names of its records. */
function fieldsOfClient(source: OtlpFactSource): readonly AttributeField[] {
  return findLogOperation(source)?.vendor === undefined ? [] : ["provider"];
}

function explained(field: ExplainedField["field"], alias: Alias): ExplainedField {
  return { field, attribute: aliasText(alias), convention: alias.convention };
}

/** How a name is written: with the event that it is an attribute of before it, and the way inside the attribute behind it. */
export function aliasText({ attribute, member, event, from, isIndexed }: Alias): string {
  const holder = event ?? from;
  const way = [attribute, ...(member ?? [])].join(" > ");
  return `${holder === null ? "" : `${holder}: `}${way}${isIndexed ? ".N" : ""}`;
}

function readAny(value: unknown): unknown {
  return value === "" || (Array.isArray(value) && value.length === 0) ? null : value;
}

/** What to do about a fact that none of these fields tells. */
interface Hint {
  readonly unless: readonly ExplainedField["field"][];
  readonly text: string;
  /** Whether it is a warning: always, or where there is no span above; never, where many leave it out on purpose. */
  readonly warns: "always" | "without parent" | "never";
  /** A call that failed has nothing to tell of it. */
  readonly isOfSuccess?: true;
}

const serviceHint: Hint = { unless: [], text: "agent: set service.name in the resource", warns: "always" };
const kindHint: Hint = { unless: [], text: "kind: set gen_ai.operation.name", warns: "always" };

const identityHints: readonly Hint[] = [
  { unless: ["agentName", "agentId"], text: "agent: set gen_ai.agent.name, here or on a span above", warns: "never" },
  {
    unless: ["session"],
    text: "session: set gen_ai.conversation.id, here or on a span above",
    warns: "without parent",
  },
];

const hintsOfKind: Readonly<Record<string, readonly Hint[]>> = {
  llm: [
    ...identityHints,
    { unless: ["provider"], text: "provider: set gen_ai.provider.name", warns: "never" },
    { unless: ["requestedModel", "usedModel"], text: "cost: no model told, set gen_ai.request.model", warns: "always" },
    {
      unless: ["inputTokens", "outputTokens"],
      text: "cost: no tokens told, set gen_ai.usage.input_tokens and gen_ai.usage.output_tokens",
      warns: "always",
      isOfSuccess: true,
    },
    {
      unless: ["inputMessages", "outputMessages"],
      text: "messages: set gen_ai.input.messages and gen_ai.output.messages",
      warns: "never",
    },
  ],
  tool: [
    ...identityHints,
    { unless: ["toolName"], text: "tool: set gen_ai.tool.name", warns: "always" },
    { unless: ["toolArguments"], text: "arguments: set gen_ai.tool.call.arguments", warns: "never" },
  ],
  agent: identityHints,
  chain: identityHints,
  retriever: identityHints,
};

function missingOf(
  source: OtlpFactSource,
  kind: string | null,
  told: ReadonlySet<string>,
): Pick<OtlpExplanation, "missing" | "warnings"> {
  const hints = hintsOfKind[kind ?? ""] ?? [];
  const isService = typeof resourceAttributesOf(source)["service.name"] === "string";
  const isKindless =
    kind === "other" &&
    !isRepeating(source) &&
    kindTable.every(({ alias }) => source.attributes[alias.attribute] === undefined);
  const hasFailed = findOutcome(source) === "error";
  const found: readonly Hint[] = [
    ...(isService ? [] : [serviceHint]),
    ...hints.filter(({ unless, isOfSuccess }) => {
      return unless.every((field) => !told.has(field)) && !(hasFailed && isOfSuccess === true);
    }),
    ...(isKindless && Object.keys(source.attributes).some(isOfModel) ? [kindHint] : []),
  ];
  const isWarning = ({ warns }: Hint): boolean =>
    warns === "always" || (warns === "without parent" && source.parentSpanId === null && source.channel === "SPAN");
  return { missing: found.map(({ text }) => text), warnings: found.filter(isWarning).map(({ text }) => text) };
}

/** Names that any span may have, as what lies under it takes them from there. */
const identityNames: ReadonlySet<string> = new Set(
  [
    ...attributeTable.session,
    ...attributeTable.user,
    ...attributeTable.agentName,
    ...attributeTable.agentId,
    ...attributeTable.agentVersion,
  ].map(({ attribute }) => attribute),
);

/** Tokens or a provider are told of calls only. */
function isOfModel(name: string): boolean {
  return (name.startsWith("gen_ai.") || name.startsWith("llm.")) && !identityNames.has(name);
}
