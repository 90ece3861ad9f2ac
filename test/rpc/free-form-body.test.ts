import { createContextValues } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { freeFormBodyKey, isRestCall } from "../../src/rpc/free-form-body.ts";

test("a call has no free-form body unless one was set", () => {
  const values = createContextValues();
  expect(values.get(freeFormBodyKey)).toBeUndefined();
  values.set(freeFormBodyKey, { text: "[]" });
  expect(values.get(freeFormBodyKey)).toEqual({ text: "[]" });
});

test.each([
  ["rest", true],
  ["connect", false],
  ["grpc", false],
  ["grpc-web", false],
])("a call with protocol %s: over REST is %s", (protocolName, expected) => {
  expect(isRestCall({ protocolName })).toBe(expected);
});
