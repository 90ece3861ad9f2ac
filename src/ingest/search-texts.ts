import { hash } from "node:crypto";
import type { StoredEvent } from "../model/event.ts";
import { isJsonObject, type JsonObject, parseExactJson } from "../model/exact-json.ts";
import { searchTextMaxLength } from "../model/limits.ts";
import type { SearchKind, SearchText } from "../model/search-text.ts";
import { textOfContent, textOfMessage } from "./content-text.ts";
import { findErrorMessage } from "./cylestio/error-message.ts";
import { readLlmContent } from "./cylestio/llm-content.ts";
import { findOperation } from "./cylestio/operation.ts";
import { readToolContent } from "./cylestio/tool-content.ts";

/** Bytes of a text that may be looked at whole: no event that is stored has more. */
const anyBytes = 64 * 1024 * 1024;

/** Characters of a role; a longer one is none. */
const roleMaxLength = 64;

interface FoundText {
  readonly kind: SearchKind;
  readonly role: string | null;
  readonly text: string;
}

/**
 * The texts of an event that can be searched: messages to and from a model, arguments and result of a tool, and what went wrong. A
 * text has the same hash in every event of its session (without one, of its trace; without both, of its agent), so that a message
 * that each call of a conversation repeats is known again.
 */
export function findSearchTexts(event: StoredEvent): readonly SearchText[] {
  const { agentId, sessionId, traceId, sequence } = event;
  const owner = [agentId, sessionId, sessionId === null ? traceId : null];
  return textsOf(event)
    .filter(({ text }) => text !== "")
    .map(({ kind, role, text }) => ({
      hash: hash("sha256", JSON.stringify([...owner, kind, role, text]), "hex").slice(0, 32),
      sequence,
      kind,
      role,
      // A pair of surrogates may be cut apart.
      text: text.slice(0, searchTextMaxLength).toWellFormed(),
    }));
}

function textsOf({ name, level, attributesJson }: StoredEvent): readonly FoundText[] {
  const attributes = parseExactJson(attributesJson);
  if (!isJsonObject(attributes)) return [];
  const error = findErrorMessage({ name, level, attributes, textMaxBytes: anyBytes });
  const texts = textsOfOperation(name, attributes);
  return error === null ? texts : [...texts, { kind: "error", role: null, text: error }];
}

function textsOfOperation(name: string, attributes: JsonObject): readonly FoundText[] {
  const operation = findOperation({ name, attributes, idMaxBytes: 0 });
  // What an event holds is read as that of a call which has no other event.
  const isStart = operation?.outcome === null;
  const source = { start: isStart ? attributes : null, finish: isStart ? null : attributes };
  if (operation?.kind === "llm") {
    const { inputMessages, outputMessages } = readLlmContent(source);
    return [...inputMessages, ...outputMessages].map(({ role, content }) => ({
      kind: "message",
      role: role === null || role.length > roleMaxLength ? null : role,
      text: textOfMessage(content),
    }));
  }
  if (operation?.kind !== "tool") return [];
  const { arguments: args, result } = readToolContent(source);
  return [
    { kind: "tool", role: "arguments", text: textOfContent(args) },
    { kind: "tool", role: "result", text: textOfContent(result) },
  ];
}
