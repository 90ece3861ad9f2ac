import { expect, test } from "vitest";
import { batchFromJson } from "../../../src/ingest/cylestio/json-batch.ts";

test("a batch is an array, or an object with an array as events; what the elements are does not matter here", () => {
  expect(batchFromJson([])).toEqual([]);
  expect(batchFromJson([{ a: 1 }, 2, null])).toEqual([{ a: 1 }, 2, null]);
  expect(batchFromJson({ events: [1, {}], more: true })).toEqual([1, {}]);
});

test.each([null, {}, "x", 1, { events: {} }, { events: null }, { Events: [] }])("%j is no batch", (body) => {
  expect(() => batchFromJson(body)).toThrow(expect.objectContaining({ reason: "MALFORMED_BODY" }));
});
