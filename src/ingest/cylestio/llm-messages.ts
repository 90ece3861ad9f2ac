import { isJsonObject, type JsonObject } from "../../model/exact-json.ts";
import { isDeeperThan } from "../nesting.ts";
import { readFreeFormJson } from "./free-form-json.ts";

/** One message to or from a language model. */
export interface LlmMessage {
  /** `user`, `assistant`, `system`, `tool`, …; null where the client does not tell. */
  readonly role: string | null;
  /**
   * A text, or a list of parts, as sent. Of a message that has more than content (calls of tools, a refusal), an object of its
   * content and those members. Of one without any content, the whole message.
   */
  readonly content: unknown;
}

/** LangChain's types of messages, by name and by class; whatever else is called `type` is no role. */
const roleOfType: ReadonlyMap<unknown, string> = new Map([
  ["human", "user"],
  ["HumanMessage", "user"],
  ["ai", "assistant"],
  ["AIMessage", "assistant"],
  ["AIMessageChunk", "assistant"],
  ["system", "system"],
  ["SystemMessage", "system"],
  ["tool", "tool"],
  ["ToolMessage", "tool"],
  ["function", "function"],
  ["FunctionMessage", "function"],
]);

/** Members of a message that belong to what it says. */
const contentKeys = ["content", "tool_calls", "function_call", "refusal", "tool_call_id"] as const;

/** Levels of a document inside a text; deeper ones stay a text. */
const textNestingMax = 32;

/**
 * The messages of a prompt: a list of messages or texts, also in lists (LangChain's batches), a single one, an object with
 * `messages`, or the JSON text of any of these; any other text is a message itself. Empty where there is none.
 */
export function promptMessages(prompt: unknown): readonly LlmMessage[] {
  if (typeof prompt === "string") {
    const parsed = parseMessages(prompt);
    return parsed === undefined ? messagesIn(prompt, null) : messagesIn(parsed, null);
  }
  return messagesIn(prompt, null);
}

/**
 * The messages of an answer: a list of messages or of the parts of one, a message, a text, or a response of a vendor or of LangChain
 * that has one of these inside. An answer's role is `assistant` where none is told. Texts stay texts, also where they are JSON.
 */
export function answerMessages(answer: unknown): readonly LlmMessage[] {
  if (!isJsonObject(answer) || "content" in answer) {
    return messagesIn(answer, assistant);
  }
  const { message, text } = answer;
  if (!isAbsent(message) || !isAbsent(text)) {
    return messagesIn(isAbsent(message) ? text : message, assistant);
  }
  const alternatives = answer["choices"] ?? answer["generations"];
  return Array.isArray(alternatives)
    ? alternatives.flat().map((entry: unknown) => messageOf(entry, assistant))
    : messagesIn(answer, assistant);
}

const assistant = "assistant";

/** The message with the system's instructions, a text or a list of parts; null where there are none. */
export function systemMessage(content: unknown): LlmMessage | null {
  return isAbsent(content) ? null : { role: "system", content };
}

function messagesIn(value: unknown, defaultRole: string | null): readonly LlmMessage[] {
  if (isAbsent(value)) {
    return [];
  }
  if (Array.isArray(value)) {
    const entries: readonly unknown[] = value.flat().filter((entry) => !isAbsent(entry));
    // A list of parts is the content of one message.
    return entries.some(isMessageOrText)
      ? entries.map((entry) => messageOf(entry, defaultRole))
      : [{ role: defaultRole, content: value }];
  }
  const messages = isJsonObject(value) && !("content" in value) ? value["messages"] : undefined;
  return Array.isArray(messages) ? messagesIn(messages, defaultRole) : [messageOf(value, defaultRole)];
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || value === "" || (Array.isArray(value) && value.length === 0);
}

function isMessageOrText(entry: unknown): boolean {
  return typeof entry === "string" || isMessage(entry);
}

function isMessage(entry: unknown): boolean {
  return isJsonObject(entry) && (roleOf(entry) !== null || isJsonObject(entry["message"]));
}

function messageOf(entry: unknown, defaultRole: string | null): LlmMessage {
  if (!isJsonObject(entry)) {
    return { role: defaultRole, content: entry };
  }
  // A choice or a generation holds its message, or only a text.
  if (isJsonObject(entry["message"])) {
    return messageOf(entry["message"], defaultRole);
  }
  return { role: roleOf(entry) ?? defaultRole, content: contentOf(entry) };
}

function roleOf(entry: JsonObject): string | null {
  const { role, type } = entry;
  if (typeof role === "string" && role !== "") {
    return roleOfType.get(role) ?? role;
  }
  return "content" in entry ? (roleOfType.get(type) ?? null) : null;
}

function contentOf(message: JsonObject): unknown {
  const members = contentKeys.filter((key) => !isAbsent(message[key])).map((key) => [key, message[key]] as const);
  const [only] = members;
  if (members.length === 1 && only?.[0] === "content") {
    return only[1];
  }
  if (members.length > 0) {
    return Object.fromEntries(members);
  }
  return message["text"] ?? ("content" in message ? message["content"] : message);
}

/** The messages that a text is the JSON of; undefined if it is anything else. */
function parseMessages(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) {
    return undefined;
  }
  const read = readFreeFormJson(text);
  if (!read.ok || isDeeperThan(read.value, textNestingMax)) {
    return undefined;
  }
  const { value } = read;
  const entries: unknown = isJsonObject(value) ? (value["messages"] ?? [value]) : value;
  return Array.isArray(entries) && entries.length > 0 && entries.flat().every(isMessage) ? value : undefined;
}
