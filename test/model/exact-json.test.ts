import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decimalText, isJsonObject, parseExactJson } from "../../src/model/exact-json.ts";

const nested = (inner: string): string => "[".repeat(10_000) + inner + "]".repeat(10_000);

describe("parsing keeps the digits", () => {
  test.each([
    "9007199254740993",
    "-12345678901234567890",
    "3.141592653589793238462643",
    "0.10000000000000000000000000000000000001",
    "1e400",
    "-1E+400",
    "1e-400",
    "12345678901234567890.5e-3",
    "123456789012345678901234",
  ])("of %s, alone and anywhere in a document", (digits) => {
    expect(JSON.stringify(parseExactJson(digits))).toBe(digits);
    expect(JSON.stringify(parseExactJson(`{"a":[1, ${digits}\n],"b":${digits}}`))).toBe(
      `{"a":[1,${digits}],"b":${digits}}`,
    );
  });

  test.each([
    ["1.0", 1],
    ["1e0", 1],
    ["-0", -0],
    ["9007199254740992", 2 ** 53],
    ["100000000000000000000", 1e20],
    ["0.30000000000000004", 0.1 + 0.2],
    ["1.7976931348623157e308", Number.MAX_VALUE],
    ["5e-324", Number.MIN_VALUE],
    ["1.50000000000000000000", 1.5],
    ["0e999", 0],
  ])("and reads %s as a plain number, because its value survives", (text, value) => {
    expect(parseExactJson(text)).toBe(value);
  });

  test("of every number, so that value and text agree", () => {
    const digits = fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: 1, maxLength: 30 });
    const exponent = fc.option(fc.integer({ min: -400, max: 400 }));
    fc.assert(
      fc.property(digits, fc.option(digits), exponent, fc.boolean(), (whole, fraction, exponent, negative) => {
        const integer = whole.replace(/^0+(?=\d)/, "");
        const text = `${negative ? "-" : ""}${integer}${fraction ? `.${fraction}` : ""}${exponent === null ? "" : `e${exponent}`}`;
        expect(decimalText(JSON.stringify(parseExactJson(text)))).toBe(decimalText(text));
      }),
      { numRuns: 500 },
    );
  });

  test("while texts that look like long numbers stay texts", () => {
    const document = { a: "12345678901234567890", b: "x, 12345678901234567890, 1e999 ]", "1e1000": "1e1000" };
    expect(parseExactJson(JSON.stringify(document))).toEqual(document);
  });
});

test("every JSON value is parsed as JSON.parse does it", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value);
      expect(parseExactJson(text)).toEqual(JSON.parse(text));
    }),
  );
});

test("__proto__ is a key like any other, with long digits beside it as well", () => {
  for (const text of ['{"__proto__":{"a":1}}', '{"__proto__":{"a":12345678901234567890}}']) {
    const value = parseExactJson(text);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(JSON.stringify(value)).toBe(text);
  }
});

test("only objects are objects: no array, no null, no number with its digits", () => {
  expect(isJsonObject({})).toBe(true);
  for (const value of [null, [], "a", 1, true, undefined, parseExactJson("12345678901234567890")]) {
    expect(isJsonObject(value)).toBe(false);
  }
});

test.each([
  ["0", "0"],
  ["-0.000e5", "0"],
  ["0e99999999999999999999", "0"],
  ["1", "1e0"],
  ["-1.0", "-1e0"],
  ["1200", "12e2"],
  ["12.50e1", "125e0"],
  ["0.00125", "125e-5"],
  ["1E+3", "1e3"],
  ["1e-3", "1e-3"],
  ["1e9999999999999999", "1e9999999999999999"],
])("the one spelling of %s is %s", (text, spelling) => {
  expect(decimalText(text)).toBe(spelling);
});

test("a document of ten thousand levels is parsed, and with a number to be kept it is a RangeError, not a crash", () => {
  expect(Array.isArray(parseExactJson(nested("1")))).toBe(true);
  expect(() => parseExactJson(nested("12345678901234567890"))).toThrow(RangeError);
});
