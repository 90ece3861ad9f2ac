import * as fc from "fast-check";
import { expect, test } from "vitest";
import { textBeginning } from "../../../src/ingest/text-beginning.ts";

test.each([
  ["abc", 3, "abc"],
  ["abc", 2, "ab"],
  ["aä", 2, "a"],
  ["aä", 3, "aä"],
  ["😀😀", 7, "😀"],
  ["😀", 3, null],
  ["", 5, null],
  ["abc", 0, null],
  ["a\ud83d", 4, "a\ufffd"],
  ["a\ud83d", 3, "a"],
  ["a\ud83dbcdef", 5, "a\ufffdb"],
])("%j within %d bytes is %j", (text, maxBytes, beginning) => {
  expect(textBeginning(text, maxBytes)).toBe(beginning);
});

test("it is the longest beginning that fits", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 20 }), fc.nat({ max: 40 }), (text, maxBytes) => {
      const characters = [...text];
      const fits = characters.map((_, index) => characters.slice(0, index + 1).join(""));
      const longest = fits.findLast((beginning) => Buffer.byteLength(beginning) <= maxBytes) ?? null;
      expect(textBeginning(text, maxBytes)).toBe(longest);
    }),
  );
});
