import { decimalText } from "./exact-json.ts";
import { createMemo } from "./memo.ts";

/**
 * The one text of a JSON value, for hashing and comparing: no white space, the members of objects sorted by the UTF-16 code units
 * of their keys, strings as `JSON.stringify` writes them, and one spelling per number: as JavaScript writes it (`1`, `0.1`,
 * `1e+21`), and where JavaScript cannot hold its digits, as `decimalText` spells it.
 *
 * The value is what `parseExactJson` gives: JSON types, finite numbers and `RawJson`. It recurses, so nesting must be bounded before.
 * Event ids rest on this text: it must never change.
 */
export function canonicalJson(value: unknown): string {
  if (typeof value === "string") {
    return quoted(value);
  }
  if (typeof value !== "object" || value === null) {
    return String(value);
  }
  if (Array.isArray(value)) {
    return canonicalArray(value);
  }
  return JSON.isRawJSON(value) ? decimalText(value.rawJSON) : canonicalObject(value);
}

function canonicalArray(items: readonly unknown[]): string {
  let text = "[";
  for (let i = 0; i < items.length; i++) {
    text += i === 0 ? canonicalJson(items[i]) : `,${canonicalJson(items[i])}`;
  }
  return `${text}]`;
}

function canonicalObject(value: object): string {
  // Object.entries costs a pair per member; on this path that is felt.
  const members = value as Readonly<Record<string, unknown>>;
  let text = "{";
  for (const { key, opening } of keysInOrder(Object.keys(members))) {
    text += opening + canonicalJson(members[key]);
  }
  return `${text}}`;
}

/** The keys of an object as they stand in it, and as they are written. */
interface KeyOrder {
  readonly keys: readonly string[];
  readonly written: readonly { readonly key: string; readonly opening: string }[];
}

/** Objects of telemetry have few sets of keys, which are worth sorting and quoting once. */
const keyOrders = createMemo<KeyOrder>(1_000);

function keysInOrder(keys: readonly string[]): KeyOrder["written"] {
  const known = keyOrders(keys.join("\n"), () => orderKeys(keys));
  // A key may hold a line feed of its own, so that other keys make the same text.
  const isSame = known.keys.length === keys.length && known.keys.every((key, index) => key === keys[index]);
  return (isSame ? known : orderKeys(keys)).written;
}

function orderKeys(keys: readonly string[]): KeyOrder {
  const written = keys.toSorted().map((key, index) => ({ key, opening: `${index === 0 ? "" : ","}${quoted(key)}:` }));
  return { keys, written };
}

/** Printable ASCII without quote and backslash, which JSON writes as it is: most keys and ids. */
const plainText = /^[ !#-[\]-~]*$/;

function quoted(text: string): string {
  return plainText.test(text) ? `"${text}"` : JSON.stringify(text);
}
