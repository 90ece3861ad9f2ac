import type { StoredEvent } from "../model/event.ts";
import { isJsonObject, parseExactJson } from "../model/exact-json.ts";
import { findErrorMessage } from "./cylestio/error-message.ts";
import { type LlmContent, readLlmContent } from "./cylestio/llm-content.ts";
import { readToolContent, type ToolContent } from "./cylestio/tool-content.ts";
import { factSourceOf } from "./derive-facts.ts";
import { readOtlpLlmContent, readOtlpToolContent } from "./otlp/otlp-content.ts";
import { findOtlpErrorMessage } from "./otlp/otlp-error.ts";

/** The two events of a call; an event that tells it alone is both. At least one is there. */
export interface CallEvents {
  readonly start: StoredEvent | null;
  readonly finish: StoredEvent | null;
}

/** What a call of a language model was about, whatever dialect its events have. */
export function readLlmCall({ start, finish }: CallEvents): LlmContent {
  const event = finish ?? start;
  if (event?.dialect === "otlp") return readOtlpLlmContent(factSourceOf(event));
  return readLlmContent({ start: attributesOf(start), finish: attributesOf(finish) });
}

/** What a call of a tool was about, likewise. */
export function readToolCall({ start, finish }: CallEvents): ToolContent {
  const event = finish ?? start;
  if (event?.dialect === "otlp") return readOtlpToolContent(factSourceOf(event));
  return readToolContent({ start: attributesOf(start), finish: attributesOf(finish) });
}

/** What an event is looked at for that may tell an error. */
export type ErrorSource = Pick<
  StoredEvent,
  "dialect" | "channel" | "spanId" | "parentSpanId" | "name" | "level" | "attributesJson" | "extensionsJson"
>;

/** What an event says went wrong, as sent, or the beginning of it; null where it says nothing of the kind. */
export function findEventError(event: ErrorSource, textMaxBytes: number): string | null {
  if (event.dialect === "otlp") return findOtlpErrorMessage(factSourceOf(event), textMaxBytes);
  const attributes = parseExactJson(event.attributesJson);
  if (!isJsonObject(attributes)) return null;
  return findErrorMessage({ name: event.name, level: event.level, attributes, textMaxBytes });
}

function attributesOf(event: StoredEvent | null): unknown {
  return event === null ? null : parseExactJson(event.attributesJson);
}
