import { isJsonObject, type JsonObject } from "../../model/exact-json.ts";
import { answerMessages, type LlmMessage, promptMessages, systemMessage } from "./llm-messages.ts";
import { firstAt, type Place, valueAt } from "./places.ts";

/** The attributes of the two events of one call, as parsed JSON; null where there is no such event. */
export interface LlmCallSource {
  readonly start: unknown;
  readonly finish: unknown;
}

/** What went into a call of a language model and what came out of it. */
export interface LlmContent {
  /** What was asked, in order, the system's instructions first. Empty where it is not told. */
  readonly inputMessages: readonly LlmMessage[];
  /** What was answered. Empty where it is not told, as for a call that failed. */
  readonly outputMessages: readonly LlmMessage[];
  /** What the client set, by its own names, as `temperature` and `max_tokens`; what it did not set is not there. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** The vendor's id of the answer. */
  readonly responseId: string | null;
}

const systemPlaces: readonly Place[] = [["llm.request.data", "system"], ["llm.request.system"]];

const inputPlaces: readonly Place[] = [
  ["llm.request.data", "messages"],
  ["llm.request.data", "prompt"],
  ["llm.request.messages"],
  ["llm.request.prompt"],
  ["messages"],
  ["prompts"],
  ["prompt"],
];

const outputPlaces: readonly Place[] = [["llm.response.content"], ["response"]];

const responseIdPlaces: readonly Place[] = [
  ["llm.response.id"],
  ["response", "id"],
  ["response", "llm_output", "id"],
  ["response", "message", "id"],
];

/** Members of `llm.request.data`, and ends of `llm.request.` attributes, that set nothing. */
const otherMembers: ReadonlySet<string> = new Set([
  "data",
  "messages",
  "model",
  "prompt",
  "system",
  "timestamp",
  "type",
]);

/** What v1 puts before the name of a parameter that it tells among other attributes. */
const requestPrefix = "llm.request.";

/** Parameters that stand among other attributes without it, each under its own name. */
const plainParameters: ReadonlySet<string> = new Set([
  "frequency_penalty",
  "max_tokens",
  "presence_penalty",
  "seed",
  "stop",
  "stop_sequences",
  "stream",
  "temperature",
  "top_k",
  "top_p",
]);

/** Reads what a call of a language model was about, in any shape that the Cylestio SDKs have had. */
export function readLlmContent({ start, finish }: LlmCallSource): LlmContent {
  const started = isJsonObject(start) ? start : {};
  const finished = isJsonObject(finish) ? finish : {};
  const inputMessages = readInput(started);
  return {
    inputMessages: inputMessages.length > 0 ? inputMessages : readInput(finished),
    outputMessages: firstAt(finished, outputPlaces, (value) => someOf(answerMessages(value))) ?? [],
    parameters: Object.fromEntries([...readParameters(finished), ...readParameters(started)]),
    responseId: firstAt(finished, responseIdPlaces, readText),
  };
}

function readInput(attributes: JsonObject): readonly LlmMessage[] {
  const system = firstAt(attributes, systemPlaces, systemMessage);
  const messages = firstAt(attributes, inputPlaces, (value) => someOf(promptMessages(value))) ?? [];
  return system === null ? messages : [system, ...messages];
}

function someOf(messages: readonly LlmMessage[]): readonly LlmMessage[] | null {
  return messages.length > 0 ? messages : null;
}

type Parameter = readonly [name: string, value: unknown];

/** Where one is told twice, the last counts, which is in what the client handed to the vendor. */
function readParameters(attributes: JsonObject): readonly Parameter[] {
  const data = valueAt(attributes, ["llm.request.data"]);
  const told: Parameter[] = [];
  for (const [key, value] of Object.entries(attributes)) {
    const name = parameterName(key);
    if (name !== undefined) {
      told.push([name, value]);
    }
  }
  if (isJsonObject(data)) {
    told.push(...Object.entries(data));
  }
  return told.filter(([name, value]) => !otherMembers.has(name) && value !== null);
}

function parameterName(key: string): string | undefined {
  if (key.startsWith(requestPrefix)) {
    return key.slice(requestPrefix.length);
  }
  if (key === "llm.stop_tokens") {
    return "stop";
  }
  return plainParameters.has(key) ? key : undefined;
}

function readText(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}
