import { hash } from "node:crypto";
import type { OperationKind, StoredEvent } from "../model/event.ts";
import { searchTextMaxLength } from "../model/limits.ts";
import type { SearchKind, SearchText } from "../model/search-text.ts";
import { type CallEvents, findEventError, readLlmCall, readToolCall } from "./call-content.ts";
import { textOfContent, textOfMessage } from "./content-text.ts";
import type { LlmMessage } from "./cylestio/llm-messages.ts";
import { findOperation } from "./cylestio/operation.ts";
import { type FactSource, factSourceOf } from "./derive-facts.ts";
import { findOperationKind } from "./otlp/otlp-facts.ts";
import { messageOfRecord } from "./otlp/otlp-messages.ts";

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

function textsOf(event: StoredEvent): readonly FoundText[] {
  const source = factSourceOf(event);
  const error = findEventError(event, anyBytes);
  const texts = source.dialect === "otlp" ? textsOfOtlp(event, source) : textsOfCylestio(event, source);
  return error === null ? texts : [...texts, { kind: "error", role: null, text: error }];
}

function textsOfCylestio(event: StoredEvent, { name, attributes }: FactSource): readonly FoundText[] {
  const operation = findOperation({ name, attributes, idMaxBytes: 0 });
  // What an event holds is read as that of a call which has no other event.
  const isStart = operation?.outcome === null;
  return textsOfCall(operation?.kind, { start: isStart ? event : null, finish: isStart ? null : event });
}

function textsOfOtlp(event: StoredEvent, source: FactSource): readonly FoundText[] {
  const message = messageOfRecord(source);
  if (message !== null) return [textOf(message)];
  return textsOfCall(findOperationKind(source)?.kind, { start: null, finish: event });
}

function textsOfCall(kind: OperationKind | undefined, events: CallEvents): readonly FoundText[] {
  if (kind === "llm") {
    const { inputMessages, outputMessages } = readLlmCall(events);
    return [...inputMessages, ...outputMessages].map(textOf);
  }
  if (kind !== "tool") return [];
  const { arguments: args, result } = readToolCall(events);
  return [
    { kind: "tool", role: "arguments", text: textOfContent(args) },
    { kind: "tool", role: "result", text: textOfContent(result) },
  ];
}

function textOf({ role, content }: LlmMessage): FoundText {
  return {
    kind: "message",
    role: role === null || role.length > roleMaxLength ? null : role,
    text: textOfMessage(content),
  };
}
