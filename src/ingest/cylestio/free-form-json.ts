import { type ErrorReason, TelemetryError } from "../../model/error.ts";
import { parseExactJson } from "../../model/exact-json.ts";

/** What came of reading a text: the value, or why there is none. */
export type FreeFormJson =
  | {
      readonly ok: true;
      readonly value: unknown;
      /** False if the text is no JSON as it stands, so that it cannot be kept as it is. */
      readonly isJson: boolean;
    }
  | { readonly ok: false; readonly reason: ErrorReason; readonly message: string };

/**
 * Reads JSON as telemetry clients send it. `__proto__` is a key like any other, no number loses digits (see `parseExactJson`),
 * and the bare words `NaN`, `Infinity` and `-Infinity`, which Python writes, become strings.
 */
export function readFreeFormJson(text: string): FreeFormJson {
  try {
    return { ok: true, value: parseExactJson(text), isJson: true };
  } catch (error) {
    if (error instanceof SyntaxError && (text.includes("NaN") || text.includes("Infinity"))) {
      return readQuoted(text);
    }
    return refusal(error);
  }
}

/** Reads a request's body like `readFreeFormJson`; a body that cannot be read is a TelemetryError, which never quotes the body. */
export function parseFreeFormJson(text: string): unknown {
  const read = readFreeFormJson(text);
  if (!read.ok) {
    throw new TelemetryError(read.reason, `The body ${read.message}.`);
  }
  return read.value;
}

function readQuoted(text: string): FreeFormJson {
  try {
    return { ok: true, value: parseExactJson(quoteBareWords(text)), isJson: false };
  } catch (error) {
    return refusal(error);
  }
}

/** Puts quotes around the bare words outside strings. Positions of later errors shift by the quotes, which hardly matters. */
function quoteBareWords(text: string): string {
  let result = "";
  let done = 0;
  let stringEnd = 0;
  let quote = text.indexOf('"');
  for (const { 0: word, index } of text.matchAll(bareWord)) {
    while (quote !== -1 && quote < index) {
      stringEnd = endOfString(text, quote);
      quote = text.indexOf('"', stringEnd);
    }
    if (index >= stringEnd) {
      result += `${text.slice(done, index)}"${word}"`;
      done = index + word.length;
    }
  }
  return result + text.slice(done);
}

/** Followed by a colon it would be a key, which even Python quotes. */
const bareWord = /(?:-?Infinity|NaN)(?!\s*:)/g;

/** The index behind the quote that closes the string which opens at `start`; the end of the text if none does. */
function endOfString(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1);
  while (quote !== -1 && isEscaped(text, quote)) {
    quote = text.indexOf('"', quote + 1);
  }
  return quote === -1 ? text.length : quote + 1;
}

function isEscaped(text: string, index: number): boolean {
  let start = index;
  while (text[start - 1] === "\\") {
    start--;
  }
  return (index - start) % 2 === 1;
}

function refusal(error: unknown): FreeFormJson {
  if (error instanceof SyntaxError) {
    return { ok: false, reason: "MALFORMED_BODY", message: `is not valid JSON${placeOf(error.message)}` };
  }
  if (error instanceof RangeError) {
    return { ok: false, reason: "NESTING_TOO_DEEP", message: "is nested too deep" };
  }
  throw error;
}

/** Where the parser stopped, taken from its message, of which other parts may quote the text. */
function placeOf(message: string): string {
  const token = /^Unexpected token '(.)'/su.exec(message)?.[1];
  if (token !== undefined) {
    return `: unexpected ${JSON.stringify(token)}`;
  }
  const position = /at position (\d+)/.exec(message)?.[1];
  return position === undefined ? ": it ends too early" : ` at position ${position}`;
}
