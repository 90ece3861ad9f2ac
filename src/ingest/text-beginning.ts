import { fitsInBytes } from "./text-bounds.ts";

const encoder = new TextEncoder();

/** As much of a text's beginning as takes at most so many bytes of UTF-8, as well-formed Unicode; null where there is none. */
export function textBeginning(text: string, maxBytes: number): string | null {
  if (fitsInBytes(text, maxBytes)) {
    return text.toWellFormed() || null;
  }
  // A code unit takes a byte at least. Where this cuts a pair of surrogates apart, the half has no room anyway.
  const head = text.slice(0, maxBytes).toWellFormed();
  const { read } = encoder.encodeInto(head, new Uint8Array(maxBytes));
  return head.slice(0, read) || null;
}
