const countText = /^\d{1,16}(?:\.0{1,16})?$/;

/** A number of tokens: a whole number from 0 to 2^53 − 1, or the text of one; null for anything else, which is not told. */
export function readCount(value: unknown): number | null {
  if (typeof value === "number") {
    // Adding 0 makes 0 of −0.
    return Number.isSafeInteger(value) && value >= 0 ? value + 0 : null;
  }
  const text = JSON.isRawJSON(value) ? value.rawJSON : value;
  if (typeof text !== "string" || !countText.test(text)) {
    return null;
  }
  const count = Number(text);
  return Number.isSafeInteger(count) ? count : null;
}
