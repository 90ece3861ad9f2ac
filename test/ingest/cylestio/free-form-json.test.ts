import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseFreeFormJson, readFreeFormJson } from "../../../src/ingest/cylestio/free-form-json.ts";
import { TelemetryError } from "../../../src/model/error.ts";

function refusalOf(text: string): TelemetryError {
  try {
    parseFreeFormJson(text);
  } catch (error) {
    if (error instanceof TelemetryError) {
      return error;
    }
    throw error;
  }
  throw new Error("was not refused");
}

describe("the bare words that Python writes become strings", () => {
  test.each([
    ["NaN", "NaN"],
    ["-Infinity", "-Infinity"],
    ["[NaN,Infinity,-Infinity]", ["NaN", "Infinity", "-Infinity"]],
    ['{"a": NaN, "b": {"c": [ Infinity ]}}', { a: "NaN", b: { c: ["Infinity"] } }],
    ['{"NaN": NaN, "x": "NaN, Infinity"}', { NaN: "NaN", x: "NaN, Infinity" }],
    ['["\\"NaN", NaN, "\\\\", NaN, "\\\\\\"", NaN]', ['"NaN', "NaN", "\\", "NaN", '\\"', "NaN"]],
    ['{"a": NaN, "__proto__": {"b": -Infinity}}', JSON.parse('{"a":"NaN","__proto__":{"b":"-Infinity"}}')],
  ])("%s", (text, value) => {
    expect(readFreeFormJson(text)).toEqual({ ok: true, value, isJson: false });
  });

  test("and nothing else changes, long digits included", () => {
    expect(JSON.stringify(parseFreeFormJson('[NaN, 12345678901234567890, "\\u00e9", 1.5]'))).toBe(
      '["NaN",12345678901234567890,"é",1.5]',
    );
  });

  test("wherever they stand among strings of any content", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string({ unit: "binary" }), fc.constant(Number.NaN))), (items) => {
        const texts = items.map((item) => (typeof item === "string" ? JSON.stringify(item) : "NaN"));
        expect(parseFreeFormJson(`[${texts.join(", ")}]`)).toEqual(items.map(String));
      }),
    );
  });

  test.each(["NaN1", "[nan]", "[-NaN]", "[Infinit]", "{NaN: 1}", '["NaN]', "[NaN", "[1NaN]"])(
    "but not in %s",
    (text) => {
      expect(readFreeFormJson(text)).toMatchObject({ ok: false, reason: "MALFORMED_BODY" });
    },
  );
});

test("a text that is JSON is told to be, and can be kept as it is", () => {
  expect(readFreeFormJson(' {"a": "NaN"} ')).toEqual({ ok: true, value: { a: "NaN" }, isJson: true });
});

describe("a body that is no JSON is refused", () => {
  test.each([
    ["", "it ends too early"],
    ['{"secret": 1', "at position 12"],
    ["{'secret': 1}", "at position 1"],
    ['{"secret": None}', 'unexpected "N"'],
    ['{"secret": 1,}', "at position 13"],
    ['["secret"]x', "at position 10"],
    ['"secret', "at position 7"],
    ["secret", 'unexpected "s"'],
    ["<secret>", 'unexpected "<"'],
    ['{"secret": tr\nue}', 'unexpected "\\n"'],
    ["\ufeff{}", "unexpected"],
  ])("%j with the place, and without its content", (text, place) => {
    const error = refusalOf(text);
    expect(error.reason).toBe("MALFORMED_BODY");
    expect(error.message).toContain(place);
    expect(error.message).not.toContain("secret");
  });
});

test("a body of any depth gives a value or a refusal, never a crash", () => {
  const levels = 100_000;
  const nested = (inner: string): string => "[".repeat(levels) + inner + "]".repeat(levels);
  expect(Array.isArray(parseFreeFormJson(nested("1")))).toBe(true);
  expect(Array.isArray(parseFreeFormJson(nested("NaN")))).toBe(true);
  expect(refusalOf(nested("12345678901234567890")).reason).toBe("NESTING_TOO_DEEP");
  expect(refusalOf("[".repeat(levels)).reason).toBe("MALFORMED_BODY");
});
