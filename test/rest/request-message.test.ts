import type { JsonObject } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { jsonType, serveKitchenSink } from "./kitchen-sink.ts";

describe("an HTTP request", () => {
  test.each<[string, string, JsonObject]>([
    ["GET", "/echo", {}],
    ["GET", "/echo/", {}],
    ["GET", "/echo?string_value=a%20b&int32_value=5", { string_value: "a b", int32_value: 5 }],
    ["GET", "/echo?stringValue=a&int64Value=5", { string_value: "a", int64_value: "5" }],
    ["GET", "/echo?other_name=a", { renamed_value: "a" }],
    ["GET", "/echo?renamed_value=a", { renamed_value: "a" }],
    ["GET", "/echo?renamedValue=a", { renamed_value: "a" }],
    ["GET", "/echo?alias_two=a", { renamed_value: "a" }],
    ["GET", "/echo?nested.inner.text=a&nested.number=1", { nested: { inner: { text: "a" }, number: 1 } }],
    ["GET", "/echo?nested.atTime=2025-03-18T09:15:00+02:00", { nested: { at_time: "2025-03-18T07:15:00Z" } }],
    ["GET", "/echo?string_list=a&string_list=&string_list=b", { string_list: ["a", "b"] }],
    [
      "GET",
      "/echo?timestamp_list=2025-03-18&enum_list=5",
      { timestamp_list: ["2025-03-18T00:00:00Z"], enum_list: ["COLOR_BLUE"] },
    ],
    ["GET", "/echo?int32_value=1&int32_value=2", { int32_value: 2 }],
    ["GET", "/echo?choice_text=a&choice_number=2", { choice_number: "2" }],
    ["GET", "/echo?optional_string=&optional_int32=&string_value=", {}],
    ["GET", "/echo?optional_int32=0", { optional_int32: 0 }],
    [
      "GET",
      "/echo?unknown=1&nested.unknown=1&string_value.x=1&timestamp_value.seconds=1&count_map=x&=1&__proto__=1",
      {},
    ],
    ["GET", `/echo?nested.${"inner.".repeat(40)}text=1`, {}],
    ["GET", "/echo?bool_wrapper=true&int64_wrapper=7", { bool_wrapper: true, int64_wrapper: "7" }],
    ["GET", "/echo?mask_value=oneTwo&duration_value=2s", { mask_value: "oneTwo", duration_value: "2s" }],
    ["GET", "/echo/string/a%2Fb%20c%25?string_value=other", { string_value: "a/b c%" }],
    ["GET", "/echo/string/%C3%A9%E2%82%AC/", { string_value: "é€" }],
    ["GET", "/echo/string/a+b", { string_value: "a+b" }],
    ["GET", "/echo/number/-7/COLOR_RED", { int32_value: -7, enum_value: "COLOR_RED" }],
    ["GET", "/echo/number/-7/COLOR_RED?int32_value=x&int32Value=8", { int32_value: -7, enum_value: "COLOR_RED" }],
    ["GET", "/echo/time/2025-03-18T09:15:00+02:00", { timestamp_value: "2025-03-18T07:15:00Z" }],
    ["GET", "/echo/deep/x/end?nested.number=2", { nested: { inner: { text: "x" }, number: 2 } }],
    ["GET", "/echo/named/shelves/1/books/2", { string_value: "shelves/1/books/2" }],
    ["GET", "/echo/files/a/b%20c/d.txt", { string_value: "a/b c/d.txt" }],
    ["GET", "/echo/any/q/w", { string_value: "w" }],
    ["DELETE", "/echo/7?nested.text=a", { int64_value: "7", nested: { text: "a" } }],
    ["OPTIONS", "/echo/options", {}],
  ])("%s %s calls the RPC", async (method, path, expected) => {
    const { url, calls } = await serveKitchenSink();
    const reply = await fetch(url + path, { method });
    expect(await reply.json()).toBeDefined();
    expect(reply.status).toBe(200);
    expect(calls).toMatchObject([{ method: "Echo" }]);
    expect(calls[0]?.request).toEqual(expected);
  });

  test.each<[string, string, string, string, string]>([
    [
      "/echo?int32_value=x",
      "int32_value",
      "FIELD_INVALID",
      "must be a whole number from -2147483648 to 2147483647",
      "",
    ],
    ["/echo?int32Value=x", "int32Value", "FIELD_INVALID", "must be a whole number from -2147483648 to 2147483647", ""],
    [
      "/echo?nested.number=x",
      "nested.number",
      "FIELD_INVALID",
      "must be a whole number from -2147483648 to 2147483647",
      "",
    ],
    [
      "/echo?timestamp_value=soon",
      "timestamp_value",
      "TIME_INVALID",
      "must be a time in ISO 8601, as 2025-03-18T09:15:00Z",
      "",
    ],
    ["/echo?nested=x", "nested", "FIELD_INVALID", "cannot be given in a query", ""],
    ["/echo?nested_list=x", "nested_list", "FIELD_INVALID", "cannot be given in a query", ""],
    ["/echo/number/x/1", "int32_value", "FIELD_INVALID", "must be a whole number from -2147483648 to 2147483647", ""],
    ["/echo/time/soon", "timestamp_value", "TIME_INVALID", "must be a time in ISO 8601, as 2025-03-18T09:15:00Z", ""],
  ])("%s is refused under the name that the client used", async (path, field, reason, description) => {
    const { url, calls } = await serveKitchenSink();
    const reply = await fetch(url + path);
    expect(reply.status).toBe(400);
    expect(await reply.json()).toMatchObject({
      error: {
        code: "invalid_argument",
        reason,
        message: `${field}: ${description}`,
        details: [{ reason }, { field_violations: [{ field, reason, description }] }],
      },
    });
    expect(calls).toEqual([]);
  });

  test("takes a body as the whole message, beside which a query sets nothing", async () => {
    const { url, calls } = await serveKitchenSink();
    const body = JSON.stringify({ stringValue: "a", nested: { number: 2 }, count_map: { x: 1 } });
    const reply = await fetch(`${url}/echo?int32_value=3`, { method: "POST", body, headers: jsonType });
    expect(reply.status).toBe(200);
    expect(calls[0]?.request).toEqual({ string_value: "a", nested: { number: 2 }, count_map: { x: "1" } });
  });

  test("takes a body as one field, beside which a query sets the others", async () => {
    const { url, calls } = await serveKitchenSink();
    const options = { method: "PUT", body: '{"text":"a"}', headers: jsonType };
    await fetch(`${url}/echo?string_value=b&nested.number=3`, options);
    expect(calls[0]?.request).toEqual({ string_value: "b", nested: { text: "a" } });
  });

  test.each(['{"string_value":1}', '{"unknown":1}', "[1]", "{", "null"])("refuses the body %s", async (body) => {
    const { url } = await serveKitchenSink();
    const reply = await fetch(`${url}/echo`, { method: "POST", body, headers: jsonType });
    expect(reply.status).toBe(400);
    expect(await reply.json()).toMatchObject({ error: { reason: "MALFORMED_BODY" } });
  });

  test("takes an empty body as an empty message", async () => {
    const { url, calls } = await serveKitchenSink();
    await fetch(`${url}/echo`, { method: "POST", body: "", headers: jsonType });
    expect(calls[0]?.request).toEqual({});
  });
});
