import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createPageToken, parsePageToken } from "../../src/query/page-token.ts";

const anyPlace = fc.array(fc.oneof(fc.string({ unit: "binary" }), fc.maxSafeInteger()), { maxLength: 4 });
const anyQuery = fc.jsonValue();

const refused = expect.objectContaining({
  reason: "PAGE_TOKEN_INVALID",
  violations: [expect.objectContaining({ field: "page_token", reason: "PAGE_TOKEN_INVALID" })],
});

describe("a page token", () => {
  test("gives back the place that it was made for, and can stand in a URL as it is", () => {
    fc.assert(
      fc.property(anyPlace, anyQuery, (place, query) => {
        const token = createPageToken(place, query);
        expect(token).toMatch(/^[\w-]+$/);
        expect(parsePageToken(token, query)).toEqual(place);
      }),
    );
  });

  test("is refused for another query", () => {
    fc.assert(
      fc.property(anyPlace, anyQuery, anyQuery, (place, query, other) => {
        fc.pre(JSON.stringify(query) !== JSON.stringify(other));
        expect(() => parsePageToken(createPageToken(place, query), other)).toThrow(refused);
      }),
    );
  });

  test("is refused when any character of it is another, is gone, or is one too many", () => {
    const token = createPageToken([1_767_225_600_000_000, 12, 0], ["filter", true]);
    const changed = Array.from({ length: token.length + 1 }, (_, index) =>
      ["A", "B", "_", "=", ".", " ", "é", ""].flatMap((character) => [
        token.slice(0, index) + character + token.slice(index + 1),
        token.slice(0, index) + character + token.slice(index),
      ]),
    );
    for (const other of changed.flat().filter((other) => other !== token)) {
      expect(() => parsePageToken(other, ["filter", true])).toThrow(refused);
    }
  });

  test("is refused when it is garbage", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.base64String()), (token) => {
        expect(() => parsePageToken(token, "agents")).toThrow(refused);
      }),
    );
  });

  test.for(["null", "1", "{}", "[]", "[null]", `["sum", {"a": 1}]`, "[[]]", `["__proto__"]`, "[1"])(
    "is refused when it is the JSON %s",
    (json) => {
      expect(() => parsePageToken(Buffer.from(json).toString("base64url"), "agents")).toThrow(refused);
    },
  );
});
