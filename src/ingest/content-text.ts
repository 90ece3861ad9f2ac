import { isJsonObject } from "../model/exact-json.ts";

/**
 * The words in a JSON value: its texts and numbers in order, one per line, without the names of members. Files that are written as
 * text (base64, `data:`) are left out. Empty where there is nothing to read.
 */
export function textOfContent(content: unknown): string {
  return [...leavesOf(content)].join("\n");
}

/** The same of a message's content, whose parts say with `type` what they are, which is no part of what they say. */
export function textOfMessage(content: unknown): string {
  if (!Array.isArray(content)) return textOfContent(content);
  return textOfContent(content.map((part: unknown) => (isJsonObject(part) ? { ...part, type: null } : part)));
}

function* leavesOf(value: unknown): Generator<string> {
  if (typeof value === "string") {
    if (!isFile(value) && value.trim() !== "") yield value;
  } else if (typeof value === "number") {
    yield String(value);
  } else if (typeof value === "object" && value !== null) {
    if (JSON.isRawJSON(value)) yield value.rawJSON;
    else for (const member of Object.values(value)) yield* leavesOf(member);
  }
}

/** Letters of base64 without a pause, in the beginning: more than any word has, and no language is written so. */
const longCode = /^[A-Za-z0-9+/=_-]{512}/;

function isFile(text: string): boolean {
  return text.startsWith("data:") || longCode.test(text);
}
