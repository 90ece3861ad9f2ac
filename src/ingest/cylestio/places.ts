import type { JsonObject } from "../../model/exact-json.ts";

/** A way into a JSON document: the key to follow at each level. A key may have dots in it, as `llm.request.data`. */
export type Place = readonly string[];

/** What stands at a place; undefined where the way ends before. */
export function valueAt(document: unknown, place: Place): unknown {
  let value = document;
  for (const key of place) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      return undefined;
    }
    // A `RawJson` is let through, because asking takes long and it has none of the keys.
    value = (value as JsonObject)[key];
  }
  return value;
}

/** The first thing that `read` makes of what stands at one of the places; null where it makes nothing of any. */
export function firstAt<Result>(
  document: unknown,
  places: readonly Place[],
  read: (value: unknown) => Result | null,
): Result | null {
  for (const place of places) {
    const result = read(valueAt(document, place));
    if (result !== null) {
      return result;
    }
  }
  return null;
}
