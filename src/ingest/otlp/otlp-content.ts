import { isJsonObject } from "../../model/exact-json.ts";
import type { LlmContent } from "../cylestio/llm-content.ts";
import type { LlmMessage } from "../cylestio/llm-messages.ts";
import type { ToolContent } from "../cylestio/tool-content.ts";
import { type Alias, findFact, jsonValueOf, type OtlpFactSource, spanEventsOf } from "./alias.ts";
import { attributeTable } from "./attribute-table.ts";
import { noParameters, parameterTable } from "./content-table.ts";
import { findOtlpErrorMessage } from "./otlp-error.ts";
import {
  answerWithTools,
  inputMessagesOf,
  messageOfEvent,
  outputMessagesOf,
  systemInstructionsOf,
} from "./otlp-messages.ts";

/** Reads what a call of a language model was about out of the event that tells it. */
export function readOtlpLlmContent(source: OtlpFactSource): LlmContent {
  const system = findFact(source, attributeTable.systemInstructions, systemInstructionsOf)?.value;
  const input = findFact(source, attributeTable.inputMessages, (value) => someOf(inputMessagesOf(value)))?.value;
  const told = eventMessages(source);
  return {
    inputMessages: [...(system === undefined ? [] : [system]), ...(input ?? told.inputMessages)],
    outputMessages: readOutput(source) ?? told.outputMessages,
    parameters: readParameters(source),
    responseId: findFact(source, attributeTable.responseId, readText)?.value ?? null,
  };
}

/** Reads what a call of a tool was about, likewise. */
export function readOtlpToolContent(source: OtlpFactSource): ToolContent {
  return {
    arguments: readJson(source, attributeTable.toolArguments),
    result: readJson(source, attributeTable.toolResult),
    error: findOtlpErrorMessage(source, Number.POSITIVE_INFINITY),
  };
}

function readOutput(source: OtlpFactSource): readonly LlmMessage[] | null {
  const toolCalls = findFact(source, attributeTable.outputToolCalls, (value) => value);
  const output = findFact(source, attributeTable.outputMessages, (value) => someOf(outputMessagesOf(value)));
  const isWhole = toolCalls === null || (output !== null && output.alias.convention !== toolCalls.alias.convention);
  return isWhole ? (output?.value ?? null) : answerWithTools(output?.value[0]?.content ?? null, toolCalls.value);
}

function someOf(messages: readonly LlmMessage[]): readonly LlmMessage[] | null {
  return messages.length > 0 ? messages : null;
}

/** The messages that events of the span hold. */
function eventMessages(source: OtlpFactSource): Pick<LlmContent, "inputMessages" | "outputMessages"> {
  const found = spanEventsOf(source).flatMap(({ name, attributes }) => messageOfEvent(name, attributes) ?? []);
  const messagesOf = (isAnswer: boolean) =>
    found.filter((event) => event.isAnswer === isAnswer).map(({ message }) => message);
  return { inputMessages: messagesOf(false), outputMessages: messagesOf(true) };
}

/** What the client set; of what is told twice the first name in the tables counts. */
function readParameters(source: OtlpFactSource): Readonly<Record<string, unknown>> {
  const parameters = new Map<string, unknown>();
  const add = (name: string, value: unknown): void => {
    if (value !== null && value !== undefined && !parameters.has(name)) parameters.set(name, value);
  };
  const keys = Object.keys(source.attributes).filter((key) => !noParameters.has(key));
  for (const { attribute, parameter } of parameterTable) {
    if (parameter !== undefined) add(parameter, source.attributes[attribute]);
    else
      for (const key of keys)
        if (key.startsWith(`${attribute}.`)) add(key.slice(attribute.length + 1), source.attributes[key]);
  }
  const object = findFact(source, attributeTable.parameterObject, (value) => {
    const members = jsonValueOf(value);
    return isJsonObject(members) ? members : null;
  });
  for (const [name, value] of Object.entries(object?.value ?? {})) add(name, value);
  add("tools", findFact(source, attributeTable.toolDefinitions, readDefinitions)?.value);
  return Object.fromEntries(parameters);
}

/** Definitions are a list, or the JSON text of one, and so may each of them be. */
function readDefinitions(value: unknown): unknown {
  const definitions = jsonValueOf(value);
  return Array.isArray(definitions) ? definitions.map(jsonValueOf) : definitions;
}

function readJson(source: OtlpFactSource, aliases: readonly Alias[]): unknown {
  return findFact(source, aliases, jsonValueOf)?.value ?? null;
}

function readText(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}
