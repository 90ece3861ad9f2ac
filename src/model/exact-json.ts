/** A number of a JSON text whose digits a JavaScript number cannot hold. `JSON.stringify` writes it as it was. */
interface RawJson {
  readonly rawJSON: string;
}

/** A JSON object, with members of any type. */
export type JsonObject = Record<string, unknown>;

declare global {
  // Part of JavaScript since 2025 and of Node since 22, but not yet of the libraries that TypeScript knows.
  interface JSON {
    rawJSON(text: string): RawJson;
    isRawJSON(value: unknown): value is RawJson;
    parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
  }
}

/**
 * Parses JSON text without changing the value of any number: a number that JavaScript would round (integers beyond 2^53, more
 * digits than a double has, exponents out of range) becomes a `RawJson`, so that `JSON.stringify` gives the digits back.
 * Notation is not kept where the value is: `1.0` and `1e0` are 1. Of repeated keys the last counts; `__proto__` is a key like any other.
 *
 * Throws a SyntaxError where the text is no JSON. Where a number would be rounded in a document of some thousand levels, it
 * throws a RangeError, because the runtime then walks the document recursively.
 */
export function parseExactJson(text: string): unknown {
  // JSON.parse with a reviver takes about six times as long, so it is kept for the texts that need it.
  return wouldRound(text) ? JSON.parse(text, keepDigits) : JSON.parse(text);
}

/** Whether a value of a parsed JSON text is an object, and neither an array nor a `RawJson`. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !JSON.isRawJSON(value);
}

/**
 * The one spelling of a decimal number, given in any spelling of JSON: `-12.50e1` is `-125e0`, and every zero is `0`.
 * The digits have no leading and no trailing zeros. An exponent of more than 15 digits leaves the text as it is.
 */
export function decimalText(text: string): string {
  const negative = text.startsWith("-");
  const mark = text.search(/[eE]/);
  const mantissa = text.slice(negative ? 1 : 0, mark === -1 ? undefined : mark);
  const exponentText = mark === -1 ? "0" : text.slice(mark + 1);
  const point = mantissa.indexOf(".");
  const digits = point === -1 ? mantissa : mantissa.slice(0, point) + mantissa.slice(point + 1);
  const first = leadingZeros(digits);
  if (first === digits.length) {
    return "0";
  }
  if (exponentText.length > 15) {
    return text;
  }
  const last = lastNonZero(digits);
  const fraction = point === -1 ? 0 : digits.length - point;
  const exponent = Number(exponentText) - fraction + (digits.length - 1 - last);
  return `${negative ? "-" : ""}${digits.slice(first, last + 1)}e${exponent}`;
}

/** Digits and points in a row that a number may have without being looked at: a double holds any 15 digits. */
const digitsMax = 15;

/** An exponent of two digits always survives. */
const longExponent = /[\d.][eE][+-]?\d{3}/;

/**
 * Rules nearly every text out: whether there may be a number with more digits than a double holds, or a long exponent. A row of
 * more than `digitsMax` characters covers one of every `digitsMax + 1`, so only these are looked at.
 */
function mayHaveLongNumber(text: string): boolean {
  for (let index = digitsMax; index < text.length; index += digitsMax + 1) {
    if (isDigitOrPoint(text.charCodeAt(index)) && isInLongRow(text, index)) return true;
  }
  return longExponent.test(text);
}

function isInLongRow(text: string, index: number): boolean {
  let start = index;
  while (index - start < digitsMax && isDigitOrPoint(text.charCodeAt(start - 1))) start--;
  let end = index + 1;
  while (end - start <= digitsMax && isDigitOrPoint(text.charCodeAt(end))) end++;
  return end - start > digitsMax;
}

function isDigitOrPoint(code: number): boolean {
  return (code >= 48 && code <= 57) || code === 46;
}

/** How such a number begins where a JSON value can stand. Bounded, because a long match costs the runtime memory. */
const longNumberStart = /(?:^|[[:,\s])(-?(?:[\d.]{16}|[\d.]{1,15}[eE][+-]?\d{3}))/g;

/** Whether the text has a number that a double cannot hold. Inside a string this may also find one, which only costs time. */
function wouldRound(text: string): boolean {
  if (!mayHaveLongNumber(text)) {
    return false;
  }
  for (const match of text.matchAll(longNumberStart)) {
    const end = match.index + match[0].length;
    const source = text.slice(end - (match[1] ?? "").length, endOfNumber(text, end));
    if (!isExact(Number(source), source)) {
      return true;
    }
  }
  return false;
}

function endOfNumber(text: string, start: number): number {
  let end = start;
  while (end < text.length && numberCharacters.includes(text.charAt(end))) {
    end++;
  }
  return end;
}

const numberCharacters = "0123456789.eE+-";

function keepDigits(_key: string, value: unknown, context: { source?: string }): unknown {
  const { source } = context;
  return typeof value !== "number" || source === undefined || isExact(value, source) ? value : JSON.rawJSON(source);
}

function isExact(value: number, source: string): boolean {
  // What is out of range reads as Infinity, which no decimal is spelled like.
  const text = String(value);
  return text === source || decimalText(text) === decimalText(source);
}

// Loops, because /0+$/ takes quadratic time on a long row of zeros with a one behind it.
function leadingZeros(digits: string): number {
  let index = 0;
  while (digits[index] === "0") {
    index++;
  }
  return index;
}

function lastNonZero(digits: string): number {
  let index = digits.length - 1;
  while (digits[index] === "0") {
    index--;
  }
  return index;
}
