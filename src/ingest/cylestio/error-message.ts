import { isJsonObject, type JsonObject } from "../../model/exact-json.ts";
import { isErrorLevel } from "../../model/level.ts";
import { idText } from "../id-text.ts";
import { textBeginning } from "../text-beginning.ts";
import { findOperation } from "./operation.ts";
import { operationFamilies } from "./operation-families.ts";
import { firstAt, type Place } from "./places.ts";

/** What `findErrorMessage` looks at. */
export interface ErrorMessageSource {
  readonly name: string;
  readonly level: string;
  readonly attributes: JsonObject;
  /** Bytes of the message; of a longer one the beginning is taken. */
  readonly textMaxBytes: number;
}

/** Where events tell what went wrong; what stands there is about an error whatever the event. */
const errorPlaces: readonly Place[] = [["error.message"], ["error"], ["tool.error"], ["error_message"]];

/** Where an event that is about an error may tell it too. */
const messagePlaces: readonly Place[] = [["message"], ["error.type"], ["error_type"], ["tool.error_type"]];

const reasonPlaces: readonly Place[] = [["reason"]];

/** What an event says went wrong, as sent; null if it says nothing of the kind. */
export function findErrorMessage(source: ErrorMessageSource): string | null {
  const { name, level, attributes, textMaxBytes } = source;
  const message =
    readErrorText(attributes) ??
    (isBlocked(name) ? firstAt(attributes, reasonPlaces, readText) : null) ??
    (isErrorLevel(level) || isError(name) ? firstAt(attributes, messagePlaces, readText) : null) ??
    readFailedAnswer(name, attributes);
  return message === null ? null : textBeginning(message, textMaxBytes);
}

/** What the attributes of an event say went wrong, whatever its name and of any length. */
export function readErrorText(attributes: JsonObject): string | null {
  return firstAt(attributes, errorPlaces, readError);
}

function isBlocked(name: string): boolean {
  return /[._]blocked$/i.test(name);
}

function isError(name: string): boolean {
  return /(?:^|[._])error$/i.test(name);
}

/** A text, or an object that has one, as the APIs of vendors send: `{"message": …}`, `{"error": {"message": …}}`. */
function readError(value: unknown): string | null {
  if (!isJsonObject(value)) {
    return readText(value);
  }
  const inner = isJsonObject(value["error"]) ? value["error"] : value;
  return readText(inner["message"]) ?? readText(value["error"]) ?? readText(inner["type"]);
}

function readText(value: unknown): string | null {
  // Clients that have no error may send 0, false, or what Python writes for nothing.
  const text = idText(value);
  return text === undefined || text === "0" || text === "None" || text.trim() === "" ? null : text;
}

/** The answer of a tool that failed, where the answer is all that tells it. */
function readFailedAnswer(name: string, attributes: JsonObject): string | null {
  const operation = findOperation({ name, attributes, idMaxBytes: 0 });
  const answer = operation?.outcome === "error" ? operationFamilies.get(operation.family)?.answer : undefined;
  return answer === undefined ? null : readAnswer(attributes[answer]);
}

/** A text, or the first text among the parts of an MCP result: `{"content": [{"type": "text", "text": …}], "isError": true}`. */
function readAnswer(answer: unknown): string | null {
  if (!isJsonObject(answer)) {
    return readText(answer);
  }
  const parts: readonly unknown[] = Array.isArray(answer["content"]) ? answer["content"] : [];
  const part = parts.find((part) => isJsonObject(part) && typeof part["text"] === "string");
  return isJsonObject(part) ? readText(part["text"]) : null;
}
