import { expect, test } from "vitest";
import { firstAt, valueAt } from "../../../src/ingest/cylestio/places.ts";

const document = { a: { "b.c": [1], d: null }, e: JSON.rawJSON("1e999"), f: "text" };

test.each([
  [[], document],
  [["a", "b.c"], [1]],
  [["a", "d"], null],
  [["e"], document.e],
  [["a", "x"], undefined],
  [["x", "y"], undefined],
  [["a", "d", "y"], undefined],
  [["a", "b.c", "length"], undefined],
  [["f", "length"], undefined],
  [["e", "y"], undefined],
])("at %j stands %j", (place, value) => {
  expect(valueAt(document, place)).toEqual(value);
});

test.each([null, undefined, 5, "text", [], JSON.rawJSON("1e999")])("%j has no places", (value) => {
  expect(valueAt(value, ["length"])).toBeUndefined();
});

function readText(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

test("the first place counts of which anything can be made", () => {
  expect(firstAt(document, [["a"], ["x"], ["f"]], readText)).toBe("text");
  expect(firstAt(document, [["a"], ["x"]], readText)).toBeNull();
  expect(firstAt(document, [], readText)).toBeNull();
});
