/** The text of an id that may come as a number; undefined for any other type. */
export function idText(value: unknown): string | undefined {
  if (typeof value === "string") {
    return value;
  }
  if (typeof value === "number") {
    return String(value);
  }
  return JSON.isRawJSON(value) ? value.rawJSON : undefined;
}
