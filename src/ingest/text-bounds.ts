import type { FieldViolation } from "../model/error.ts";

/** Whether a text takes at most so many bytes of UTF-8. A code unit takes one to three, which mostly spares the counting. */
export function fitsInBytes(text: string, maxBytes: number): boolean {
  return text.length * 3 <= maxBytes || (text.length <= maxBytes && Buffer.byteLength(text) <= maxBytes);
}

/** What keeps a text from being stored, if anything: half a surrogate pair, which has no UTF-8, or too many bytes. */
export function findTextViolation(text: string | null, field: string, maxBytes: number): FieldViolation | undefined {
  if (text === null) {
    return undefined;
  }
  if (!text.isWellFormed()) {
    return { field, reason: "FIELD_INVALID", message: "must be well-formed Unicode" };
  }
  return fitsInBytes(text, maxBytes)
    ? undefined
    : { field, reason: "FIELD_TOO_LONG", message: `must have at most ${maxBytes} bytes of UTF-8` };
}

/** A text as it is where it can be stored, else null: for what is read out of attributes, which are kept anyway. */
export function boundedText(text: string | null | undefined, maxBytes: number): string | null {
  return text && text.isWellFormed() && fitsInBytes(text, maxBytes) ? text : null;
}
