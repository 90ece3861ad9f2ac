import * as fc from "fast-check";
import { expect, test } from "vitest";
import { isDeeperThan } from "../../src/ingest/nesting.ts";

test.each([
  ["null", 0],
  ["1", 0],
  ['"{"', 0],
  ["12345678901234567890", 0],
  ["{}", 1],
  ["[]", 1],
  ['{"a":1,"b":[]}', 2],
  ['[1,[{"a":[]}]]', 4],
  ['{"a":{"__proto__":{"b":[1]}}}', 4],
])("%s has %i levels", (text, levels) => {
  const value = JSON.parse(text);
  expect(isDeeperThan(value, levels)).toBe(false);
  expect(levels > 0 && !isDeeperThan(value, levels - 1)).toBe(false);
});

test("a number with its digits is no level", () => {
  expect(isDeeperThan([JSON.rawJSON("12345678901234567890")], 1)).toBe(false);
  expect(isDeeperThan([[JSON.rawJSON("12345678901234567890")]], 1)).toBe(true);
});

test("a document of any depth is told without a crash", () => {
  const levels = 100_000;
  const value = JSON.parse("[".repeat(levels) + "]".repeat(levels));
  expect(isDeeperThan(value, 32)).toBe(true);
});

test("the deepest part decides, wherever it is", () => {
  const depthOf = (value: unknown): number =>
    typeof value === "object" && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;
  fc.assert(
    fc.property(fc.jsonValue(), fc.nat(6), (value, levels) => {
      expect(isDeeperThan(value, levels)).toBe(depthOf(value) > levels);
    }),
  );
});
