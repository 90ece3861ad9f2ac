import type { OperationPart } from "../../model/event.ts";
import { isJsonObject, type JsonObject } from "../../model/exact-json.ts";
import { type LlmFacts, noTokens } from "../../model/llm-call.ts";
import { boundedText } from "../text-bounds.ts";
import { findLlmProvider } from "./llm-provider.ts";
import { readTokens } from "./llm-tokens.ts";
import { firstAt, type Place } from "./places.ts";

/** What `findLlmFacts` looks at. */
export interface LlmFactsSource {
  readonly name: string;
  readonly attributes: JsonObject;
  readonly extensions: JsonObject | null;
  readonly operation: OperationPart | null;
  /** Bytes of a name; what is longer counts as not told. */
  readonly idMaxBytes: number;
}

/** Where an event names the model that was asked for, whether it starts the call or ends it. */
const requestPlaces: readonly Place[] = [["llm.request.data", "model"], ["llm.request.model"]];

/** Where the answer names the model that gave it. */
const answerPlaces: readonly Place[] = [
  ["llm.response.model"],
  ["response", "llm_output", "model"],
  ["response", "llm_output", "model_name"],
  ["response", "model"],
  ["response", "message", "response_metadata", "model"],
  ["response", "message", "response_metadata", "model_name"],
];

/** Where an event names one model: the one asked for where the call starts or fails, the one that answered where it ends. */
const ownPlaces: readonly Place[] = [["llm.model"], ["model"]];

const stopReasonPlaces: readonly Place[] = [
  ["llm.response.stop_reason"],
  ["response", "stop_reason"],
  ["response", "llm_output", "stop_reason"],
  ["response", "llm_output", "finish_reason"],
  ["response", "message", "response_metadata", "stop_reason"],
  ["response", "message", "response_metadata", "finish_reason"],
  ["stop_reason"],
  ["finish_reason"],
];

/** What clients send where they do not know: the SDK's default, and what Python writes for nothing. */
const untold: ReadonlySet<string> = new Set(["", "unknown", "none"]);

/**
 * The family of calls that the vendor's own client reports. All others are reported from further out, by a framework (LangChain)
 * or by the application itself, so that a vendor's call inside may be the same one. That holds for the application's `llm_request`
 * and `llm_response` too, which tell neither model nor tokens.
 */
const vendorFamily = "llm.call";

/**
 * What an event says about a call of a language model, in any shape that the Cylestio SDKs have had; null unless it is part of one.
 *
 * A model's id is taken only from places that hold ids. LangChain's `llm.name`, `llm_type` and `model.name` hold the name of a class
 * (`ChatAnthropic`); an object `model` counts only with a `provider` beside the `name`, and only if that is not the `llm_type` again.
 */
export function findLlmFacts(source: LlmFactsSource): LlmFacts | null {
  const { operation } = source;
  return operation?.kind === "llm" ? readFacts(source, operation) : null;
}

function readFacts(
  { name, attributes, extensions, idMaxBytes }: LlmFactsSource,
  { family, outcome }: OperationPart,
): LlmFacts {
  const readText = (value: unknown): string | null => readId(value, idMaxBytes);
  const asked = firstAt(attributes, requestPlaces, readText);
  const own =
    firstAt(attributes, ownPlaces, readText) ??
    readNamedModel(attributes, attributes, idMaxBytes) ??
    readNamedModel(extensions, attributes, idMaxBytes);
  const isStart = outcome === null;
  return {
    vendor: findLlmProvider({ name, attributes, extensions, idMaxBytes }),
    requestedModel: asked ?? (outcome === "ok" ? null : own),
    usedModel: isStart ? null : (firstAt(attributes, answerPlaces, readText) ?? (outcome === "ok" ? own : null)),
    stopReason: isStart ? null : firstAt(attributes, stopReasonPlaces, readText),
    tokens: isStart ? noTokens : readTokens(attributes),
    isWrapper: family !== vendorFamily,
  };
}

function readId(value: unknown, maxBytes: number): string | null {
  return typeof value === "string" && !isUntold(value) ? boundedText(value, maxBytes) : null;
}

function isUntold(text: string): boolean {
  // Longer ones are none of them, and may be very long.
  return text.length < 16 && untold.has(text.trim().toLowerCase());
}

function readNamedModel(holder: JsonObject | null, attributes: JsonObject, maxBytes: number): string | null {
  const model = holder?.["model"];
  if (
    !isJsonObject(model) ||
    readId(model["provider"], maxBytes) === null ||
    model["name"] === attributes["llm_type"]
  ) {
    return null;
  }
  return readId(model["name"], maxBytes);
}
