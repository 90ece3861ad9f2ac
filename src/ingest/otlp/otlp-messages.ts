import { isJsonObject, type JsonObject } from "../../model/exact-json.ts";
import { answerMessages, type LlmMessage, promptMessages, systemMessage } from "../cylestio/llm-messages.ts";
import { jsonValueOf, type OtlpFactSource } from "./alias.ts";
import { type MessageEvent, messageAttributes, messageEvents } from "./content-table.ts";

/*
 * Messages in the forms of OpenTelemetry's conventions: lists of them as values or as JSON text, with `parts`, or put together from
 * attributes with numbers in their names. JSON text that was cut short is a message of that text.
 */

/** What was asked: the messages of a prompt in any of these forms. Empty where there is none. */
export function inputMessagesOf(value: unknown): readonly LlmMessage[] {
  const prompt = jsonValueOf(value);
  if (Array.isArray(prompt)) return promptMessages(prompt.map(entryOf));
  if (!isJsonObject(prompt)) return promptMessages(prompt);
  const { system, messages, prompt: text } = prompt;
  if (!Array.isArray(messages) && typeof text !== "string") return promptMessages(entryOf(prompt));
  const first = systemMessage(system);
  const others = promptMessages(Array.isArray(messages) ? messages.map(entryOf) : text);
  return first === null ? others : [first, ...others];
}

/** What was answered, likewise. */
export function outputMessagesOf(value: unknown): readonly LlmMessage[] {
  const answer = jsonValueOf(value);
  return answerMessages(Array.isArray(answer) ? answer.map(entryOf) : entryOf(answer));
}

/** An answer that is told in two places, as a text and the tools that it calls. */
export function answerWithTools(value: unknown, toolCalls: unknown): readonly LlmMessage[] {
  return answerMessages([{ role: "assistant", content: value, tool_calls: jsonValueOf(toolCalls) }]);
}

/** The system's instructions: a text, or a list of parts. */
export function systemInstructionsOf(value: unknown): LlmMessage | null {
  const content = jsonValueOf(value);
  return systemMessage(Array.isArray(content) ? contentOfParts(content) : content);
}

/** The message that an event of this name holds; null where it holds none. */
export function messageOfEvent(
  name: string,
  holder: unknown,
): (MessageEvent & { readonly message: LlmMessage }) | null {
  const event = messageEvents.get(name);
  if (event === undefined || !isJsonObject(holder)) return null;
  const inner = jsonValueOf(holder["message"]);
  const members = isJsonObject(inner) ? inner : { ...holder, content: holder["content"] ?? inner };
  const { id, content, role, tool_calls: toolCalls } = members;
  const entry = {
    role: typeof role === "string" && role !== "" ? role : event.role,
    content: jsonValueOf(content),
    tool_calls: jsonValueOf(toolCalls),
    ...(event.role === "tool" && { tool_call_id: id }),
  };
  if (isAbsent(entry.content) && isAbsent(entry.tool_calls)) return null;
  const [message] = answerMessages([entry]);
  return message === undefined ? null : { ...event, message };
}

/** The message that a log record is; null for any other record. */
export function messageOfRecord({ channel, name, attributes, extensions }: OtlpFactSource): LlmMessage | null {
  if (channel !== "LOG") return null;
  const told = messageAttributes.get(name);
  if (told === undefined) return messageOfEvent(name, extensions?.["body"])?.message ?? null;
  const content = attributes[told.attribute];
  return isAbsent(content) ? null : { role: told.role, content };
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || value === "";
}

/** A message with the members that all dialects know: `role`, `content`, `tool_calls`, `tool_call_id`. */
function entryOf(sent: unknown): unknown {
  const entry = messageOrText(sent);
  if (!isJsonObject(entry)) return entry;
  // OpenInference has its messages, parts and calls inside members of these names.
  const inner = entry["message"] ?? entry["prompt"];
  const message = isJsonObject(inner) ? inner : entry;
  const { contents, tool_calls: toolCalls, text } = message;
  const parts = jsonValueOf(message["parts"]);
  if (Array.isArray(parts)) return { ...withoutParts(message), content: contentOfParts(parts) };
  if (isTextAlone(message)) return message["content"];
  if (message === inner && typeof text === "string" && Object.keys(message).length === 1) return text;
  return {
    ...message,
    ...(Array.isArray(contents) && { content: contents.map((part) => unwrapped(part, "message_content")) }),
    ...(Array.isArray(toolCalls) && { tool_calls: toolCalls.map((call) => unwrapped(call, "tool_call")) }),
    ...(typeof message["content"] === "string" && { content: partsOrText(message["content"]) }),
  };
}

/** The message that an entry of a list is the JSON text of: attributes may be lists of texts, and not of objects. */
function messageOrText(entry: unknown): unknown {
  const value = jsonValueOf(entry);
  return isJsonObject(value) && typeof value["role"] === "string" ? value : entry;
}

/** Whether a message tells nothing but a text. Without a role it would be taken for a part of one. */
function isTextAlone({ role, type, content, tool_calls: toolCalls }: JsonObject): boolean {
  return typeof content === "string" && [role, type, toolCalls].every(isAbsent);
}

function withoutParts({ parts: _parts, ...rest }: JsonObject): JsonObject {
  return rest;
}

function unwrapped(value: unknown, member: string): unknown {
  return isJsonObject(value) ? (value[member] ?? value) : value;
}

/** The parts that a text is the JSON of, as a content is sent that is no text; any other text as it is. */
function partsOrText(text: string): unknown {
  const value = text.startsWith("[{") ? jsonValueOf(text) : text;
  return Array.isArray(value) && value.every((part) => isJsonObject(part) && typeof part["type"] === "string")
    ? value
    : text;
}

/** A single part that is a text is that text. */
function contentOfParts(parts: readonly unknown[]): unknown {
  const [only] = parts;
  if (parts.length !== 1 || !isJsonObject(only) || only["type"] !== "text") return parts;
  const text = only["content"] ?? only["text"];
  return typeof text === "string" ? text : parts;
}
