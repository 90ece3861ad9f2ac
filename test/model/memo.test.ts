import { expect, test } from "vitest";
import { createMemo } from "../../src/model/memo.ts";

/** Asks for each text and returns those for which something had to be computed. */
function computedFor(texts: readonly string[]): readonly string[] {
  const memo = createMemo<string | undefined>(2);
  const computed: string[] = [];
  for (const text of texts) {
    const result = memo(text, () => {
      computed.push(text);
      return text === "" ? undefined : `result ${text}`;
    });
    expect(result).toBe(text === "" ? undefined : `result ${text}`);
  }
  return computed;
}

test("a memo computes once for each text, also where that gives undefined", () => {
  expect(computedFor(["a", "", "a", ""])).toEqual(["a", ""]);
});

test("a memo holds so many texts, and begins anew with the next", () => {
  expect(computedFor(["a", "b", "a", "b", "c", "a"])).toEqual(["a", "b", "c", "a"]);
});

test("a memo does not hold long texts", () => {
  const [held, long] = ["x".repeat(2_000), "x".repeat(2_001)];
  expect(computedFor([held, held, long, long])).toEqual([held, long, long]);
});
