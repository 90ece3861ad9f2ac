import { create, type DescMessage, fromJson, type JsonValue, toJson } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { assert, integer, property, record, string } from "fast-check";
import { describe, expect, test } from "vitest";
import { EventSchema } from "../../gen/cylestio/v1/event_pb.ts";
import { GetEventCountsResponseSchema } from "../../gen/cylestio/v1/metrics_service_pb.ts";
import { createResponseWriter } from "../../src/rest/response-json.ts";
import { getTestMessage, getTestService } from "./test-contract.ts";

const everything = getTestMessage("Everything");
const json = getTestMessage("Json");

function write(type: DescMessage, value: JsonValue): string {
  return createResponseWriter(type)(fromJson(type, value));
}

function writtenMember(type: DescMessage, name: string, value: JsonValue): unknown {
  return JSON.parse(write(type, { [name]: value }))[name];
}

describe("REST JSON", () => {
  test("has every field: zeros and empty lists as such, absent ones as null", () => {
    expect(JSON.parse(write(everything, {}))).toEqual({
      string_value: "",
      bool_value: false,
      bytes_value: "",
      double_value: 0,
      float_value: 0,
      int32_value: 0,
      int64_value: 0,
      uint32_value: 0,
      uint64_value: 0,
      sint64_value: 0,
      fixed64_value: 0,
      enum_value: "COLOR_UNSPECIFIED",
      optional_string: null,
      optional_int32: null,
      string_list: [],
      int64_list: [],
      enum_list: [],
      timestamp_list: [],
      timestamp_value: null,
      duration_value: null,
      mask_value: null,
      bool_wrapper: null,
      int64_wrapper: null,
      string_wrapper: null,
      nested: null,
      count_map: {},
      nested_map: {},
      other_name: "",
      choice_text: null,
      choice_number: null,
      nested_list: [],
      sint32_value: 0,
      fixed32_value: 0,
      sfixed32_value: 0,
      sfixed64_value: 0,
      plain_json: null,
    });
  });

  test("has the members in the order of the contract", () => {
    expect(write(getTestMessage("Nested"), { number: 1, text: "a" })).toBe(
      '{"text":"a","inner":null,"number":1,"at_time":null}',
    );
  });

  test("keeps an optional that is set to zero", () => {
    expect(writtenMember(everything, "optional_int32", 0)).toBe(0);
    expect(writtenMember(everything, "optional_string", "")).toBe("");
  });

  test.each([
    ["9007199254740991", "9007199254740991"],
    ["-9007199254740991", "-9007199254740991"],
    ["9007199254740992", '"9007199254740992"'],
    ["-9007199254740992", '"-9007199254740992"'],
    ["9223372036854775807", '"9223372036854775807"'],
  ])("writes the 64-bit integer %s as %s", (value, expected) => {
    expect(write(everything, { int64_value: value })).toContain(`"int64_value":${expected},`);
    expect(write(everything, { int64_wrapper: value })).toContain(`"int64_wrapper":${expected},`);
    expect(write(everything, { int64_list: [value] })).toContain(`"int64_list":[${expected}],`);
    expect(write(everything, { count_map: { a: value } })).toContain(`"count_map":{"a":${expected}},`);
  });

  test.each([
    ["uint64_value", "18446744073709551615", "18446744073709551615"],
    ["bytes_value", "+/8=", "+/8="],
    ["double_value", "NaN", "NaN"],
    ["double_value", "-Infinity", "-Infinity"],
    ["double_value", 1e-7, 1e-7],
    ["enum_value", "COLOR_BLUE", "COLOR_BLUE"],
    ["enum_value", 3, 3],
    ["enum_list", ["COLOR_RED", 5], ["COLOR_RED", "COLOR_BLUE"]],
    ["timestamp_value", "2025-03-18T09:15:00+02:00", "2025-03-18T07:15:00Z"],
    ["timestamp_value", "2025-03-18T09:15:00.123456Z", "2025-03-18T09:15:00.123456Z"],
    ["timestamp_value", "2025-03-18T09:15:00.120Z", "2025-03-18T09:15:00.120Z"],
    ["duration_value", "1.5s", "1.500s"],
    ["mask_value", "fooBar,baz", "fooBar,baz"],
    ["bool_wrapper", false, false],
    ["string_wrapper", 'a"\n\u2028', 'a"\n\u2028'],
    ["timestamp_list", ["2025-03-18T00:00:00Z"], ["2025-03-18T00:00:00Z"]],
    ["nested_map", { "7": { text: "x" } }, { "7": { text: "x", inner: null, number: 0, at_time: null } }],
    ["nested_list", [{ number: 1 }], [{ text: "", inner: null, number: 1, at_time: null }]],
  ])("writes %s %j as %j", (name, value, expected) => {
    expect(writtenMember(everything, name, value)).toEqual(expected);
  });

  test("writes keys of maps that mean something to JavaScript", () => {
    const counts = create(GetEventCountsResponseSchema);
    Object.defineProperty(counts.countByLevel, "__proto__", { value: 3n, enumerable: true });
    expect(createResponseWriter(GetEventCountsResponseSchema)(counts)).toContain('"count_by_level":{"__proto__":3}');
  });

  test("has the members of a oneof each under its own name", () => {
    expect(JSON.parse(write(everything, { choice_number: "0" }))).toMatchObject({
      choice_text: null,
      choice_number: 0,
    });
  });

  test("has members of a oneof that share a name once", () => {
    expect(write(json, {})).toContain('"data":null,');
    expect(write(json, { data: { a: 1 } })).toContain('"data":{"a":1},');
    expect(write(json, { data_json: '{"a": 1.0}' })).toContain('"data":{"a": 1.0},');
  });

  test("splices JSON text in as it is, and an empty one as null", () => {
    expect(write(json, { raw_list: ['{"x" : 1e400}', "", "12345678901234567890"] })).toContain(
      '"raw_list":[{"x" : 1e400},null,12345678901234567890]',
    );
    expect(write(everything, { plain_json: "[1]" })).toContain('"plain_json":[1]');
  });

  test("writes structures, with what is not finite as strings", () => {
    const message = create(json);
    const target = reflect(json, message);
    const value = { a: [1, "x", true, null, { b: {} }], nan: Number.NaN };
    for (const field of json.fields.filter(({ name }) => name === "struct_value")) {
      Object.assign(message, { [field.localName]: value });
      expect(target.isSet(field)).toBe(true);
    }
    expect(JSON.parse(createResponseWriter(json)(message)).struct_value).toEqual({
      a: [1, "x", true, null, { b: {} }],
      nan: "NaN",
    });
    expect(writtenMember(json, "any_value", [1, { a: null }])).toEqual([1, { a: null }]);
    expect(writtenMember(json, "any_value", null)).toBeNull();
    expect(writtenMember(json, "list_value", [[], {}])).toEqual([[], {}]);
    expect(JSON.parse(write(json, {})).null_value).toBeNull();
    expect(writtenMember(json, "double_wrapper", "Infinity")).toBe("Infinity");
    expect(writtenMember(json, "bytes_wrapper", "AQI=")).toBe("AQI=");
  });

  test("can be one field of the message", () => {
    const list = everything.fields.find(({ name }) => name === "nested_list");
    const nested = everything.fields.find(({ name }) => name === "nested");
    expect(createResponseWriter(everything, list)(create(everything))).toBe("[]");
    expect(createResponseWriter(everything, nested)(create(everything))).toBe("null");
  });

  test("of an event has the names that clients know", () => {
    const event = create(EventSchema, {
      sequence: 7n,
      eventId: "00",
      eventTime: { seconds: 1742289300n, nanos: 1000 },
      name: "llm.call",
      attributesValue: { case: "attributesJson", value: '{"a":1}' },
    });
    expect(JSON.parse(createResponseWriter(EventSchema)(event))).toMatchObject({
      id: 7,
      event_id: "00",
      timestamp: "2025-03-18T09:15:00.000001Z",
      event_type: "llm.call",
      data: { a: 1 },
      extensions: null,
      duration_ms: null,
    });
  });

  test("of plain fields is proto JSON with every field in it", () => {
    const text = record({
      text: string({ unit: "grapheme" }),
      number: integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    });
    assert(
      property(text, ({ text, number }) => {
        const type = getTestMessage("Nested");
        const message = fromJson(type, { text, number });
        const proto = toJson(type, message, { alwaysEmitImplicit: true, useProtoFieldName: true });
        expect(JSON.parse(createResponseWriter(type)(message))).toEqual({
          ...Object(proto),
          inner: null,
          at_time: null,
        });
      }),
    );
  });

  test.each([
    ["AnyService", "google.protobuf.Any has no REST JSON"],
    ["JsonNumberService", "json_text is for strings only"],
    ["SameNameService", "second and first have the same name in REST JSON"],
  ])("cannot be made for the response of %s", (name, message) => {
    const [method] = getTestService(name).methods;
    expect(() => method && createResponseWriter(method.output)).toThrow(message);
  });
});
