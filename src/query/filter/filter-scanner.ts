import { filterError } from "./filter-error.ts";

/** A value as it stands in a filter. */
export interface FilterLiteral {
  /** Without its quotes, and with its escapes read. */
  readonly text: string;
  readonly isQuoted: boolean;
  /** Where in `text` a `*` stands that no backslash makes an ordinary character. */
  readonly wildcards: readonly number[];
  readonly column: number;
}

const whitespace = /\s*/y;
const name = /[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*/y;
const operator = /!=|<=|>=|[=<>:]/y;
const keyword = /(?:AND|OR|NOT)(?![^\s()"'[\]=<>!:,])/y;

/** Colons are in it, so that times need no quotes. */
const word = /[^\s()"'[\]=<>!,]+/y;

/** What the next thing is, for a message. */
const anything = /[^\s()"'[\]=<>!:,]+|!=|<=|>=|./suy;

const escapes: ReadonlyMap<string, string> = new Map([
  ["\\", "\\"],
  ['"', '"'],
  ["'", "'"],
  ["*", "*"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);

/** Goes through the text of a filter, from one thing to the next. What it takes, it passes over, with the space behind it. */
export class FilterScanner {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
    this.#take(whitespace);
  }

  /** Where the next thing stands; the first column is 1. */
  get column(): number {
    return this.#position + 1;
  }

  /** Takes this sign, if it is next. */
  takeSign(sign: "(" | ")" | "[" | "]" | "-"): boolean {
    if (!this.#text.startsWith(sign, this.#position)) return false;
    this.#moveTo(this.#position + sign.length);
    return true;
  }

  /** Takes this keyword, if it is next. */
  takeKeyword(expected: "AND" | "OR" | "NOT"): boolean {
    if (this.#match(keyword) !== expected) return false;
    this.#moveTo(this.#position + expected.length);
    return true;
  }

  /** Takes the name of a field. Throws `FIELD_INVALID` if there is none. */
  takeName(): string {
    if (this.#match(keyword) !== undefined) this.fail("a comparison");
    return this.#take(name) ?? this.fail("a comparison");
  }

  /** Takes `=`, `!=`, `<`, `<=`, `>`, `>=` or `:`. Throws `FIELD_INVALID` if there is none. */
  takeOperator(): string {
    return this.#take(operator) ?? this.fail("one of = != < <= > >= :");
  }

  /** Takes a value. Throws `FIELD_INVALID` if there is none. */
  takeLiteral(): FilterLiteral {
    const { column } = this;
    const quoted = this.takeQuoted();
    if (quoted !== null) return quoted;
    if (this.#match(keyword) !== undefined) this.fail("a value");
    const text = this.#take(word) ?? this.fail("a value");
    return { text, isQuoted: false, wildcards: [...text.matchAll(/\*/g)].map(({ index }) => index), column };
  }

  /** Takes a text in quotes; null if none is next. Throws `FIELD_INVALID` where it does not end, or for an escape that there is not. */
  takeQuoted(): FilterLiteral | null {
    const { column } = this;
    const quote = this.#text.charAt(this.#position);
    if (quote !== '"' && quote !== "'") return null;
    const wildcards: number[] = [];
    let text = "";
    let position = this.#position + 1;
    for (; this.#text.charAt(position) !== quote; position++) {
      if (position >= this.#text.length) return filterError(column, "the quote does not end");
      const character = this.#text.charAt(position);
      if (character === "*") wildcards.push(text.length);
      if (character === "\\") {
        position++;
        text +=
          escapes.get(this.#text.charAt(position)) ?? filterError(position, "a backslash goes before \\ \" ' * n r t");
      } else {
        text += character;
      }
    }
    this.#moveTo(position + 1);
    return { text, isQuoted: true, wildcards, column };
  }

  /** Throws `FIELD_INVALID` unless the text is at its end. */
  assertEnd(expected: string): void {
    if (this.#position < this.#text.length) this.fail(expected);
  }

  /** Throws `FIELD_INVALID`: something else should be next. */
  fail(expected: string): never {
    const found = this.#match(anything);
    return filterError(this.column, `expected ${expected}, found ${found ?? "the end"}`);
  }

  #take(pattern: RegExp): string | undefined {
    const found = this.#match(pattern);
    if (found !== undefined) this.#moveTo(this.#position + found.length);
    return found;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#position;
    return pattern.exec(this.#text)?.[0];
  }

  #moveTo(position: number): void {
    whitespace.lastIndex = position;
    this.#position = position + (whitespace.exec(this.#text)?.[0].length ?? 0);
  }
}
