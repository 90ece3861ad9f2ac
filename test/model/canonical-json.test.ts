import * as fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalJson } from "../../src/model/canonical-json.ts";
import { parseExactJson } from "../../src/model/exact-json.ts";

const canonical = (text: string): string => canonicalJson(parseExactJson(text));

test.each([
  ['{ "b" : 1, "a" : [ true, null, "x" ] }', '{"a":[true,null,"x"],"b":1}'],
  ['{"b":{"d":1,"c":2},"a":{}}', '{"a":{},"b":{"c":2,"d":1}}'],
  ['{"10":1,"9":2,"a":3}', '{"10":1,"9":2,"a":3}'],
  ['{"\\ud83d\\ude00":1,"\\uffee":2,"é":3,"Z":4,"a":5,"":6}', '{"":6,"Z":4,"a":5,"é":3,"😀":1,"￮":2}'],
  ['"\\u0041\\/\\n\\"\\\\\\u007f"', '"A/\\n\\"\\\\\u007f"'],
  ['"\\ud800"', '"\\ud800"'],
  ["[]", "[]"],
  ["1.0", "1"],
  ["1e0", "1"],
  ["-0", "0"],
  ["0.10", "0.1"],
  ["1E21", "1e+21"],
  ["100000000000000000000", "100000000000000000000"],
  ["9007199254740993", "9007199254740993e0"],
  ["9007199254740993.0", "9007199254740993e0"],
  ["900719925474099300e-2", "9007199254740993e0"],
  ["1e400", "1e400"],
  ['{"__proto__":1,"a":2}', '{"__proto__":1,"a":2}'],
])("%s becomes %s", (text, expected) => {
  expect(canonical(text)).toBe(expected);
});

test("integers that differ only beyond 2^53 stay different", () => {
  expect(canonical("9007199254740993")).not.toBe(canonical("9007199254740992"));
});

test("the text does not depend on the order of keys", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.func(fc.integer()), (members, rank) => {
      const entries = Object.entries(members);
      const shuffled = Object.fromEntries([...entries].sort(([a], [b]) => rank(a) - rank(b)));
      expect(canonicalJson(shuffled)).toBe(canonicalJson(Object.fromEntries(entries)));
    }),
  );
});

test("the text is JSON of the same value, and its own canonical text", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value);
      expect(JSON.parse(canonical(text))).toEqual(JSON.parse(text));
      expect(canonical(canonical(text))).toBe(canonical(text));
    }),
  );
});

test("different values have different texts", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      const same = canonicalJson(a) === canonicalJson(b);
      expect(same).toBe(JSON.stringify(sorted(a)) === JSON.stringify(sorted(b)));
    }),
  );
});

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(sorted);
  }
  return typeof value === "object" && value !== null
    ? {
        members: Object.entries(value)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([key, member]) => ({ key, member: sorted(member) })),
      }
    : value;
}

test("keys that hold line feeds are told apart from other keys", () => {
  const texts = [{ "a\nb": 1, c: 2 }, { a: 1, "b\nc": 2 }, { a: 1, b: 2, c: 3 }, { "a\nb\nc": 1 }].map(canonicalJson);
  expect(texts).toEqual(['{"a\\nb":1,"c":2}', '{"a":1,"b\\nc":2}', '{"a":1,"b":2,"c":3}', '{"a\\nb\\nc":1}']);
});
