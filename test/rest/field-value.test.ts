import { create, toJson } from "@bufbuild/protobuf";
import { isReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { describe, expect, test } from "vitest";
import { hasTextForm, parseFieldValue } from "../../src/rest/field-value.ts";
import { getTestMessage } from "./test-contract.ts";

const everything = getTestMessage("Everything");

function fieldNamed(name: string) {
  const field = everything.fields.find((candidate) => candidate.name === name);
  if (field === undefined) throw new Error(`no field ${name}`);
  return field;
}

/** The value as the message that it is set on writes it in proto JSON. */
function read(name: string, text: string): unknown {
  const field = fieldNamed(name);
  const parsed = parseFieldValue(field, text);
  if (!parsed.ok) return `${parsed.reason}: ${parsed.message}`;
  const message = create(everything);
  reflect(everything, message).set(field, parsed.value);
  const json = toJson(everything, message, { alwaysEmitImplicit: true, useProtoFieldName: true });
  return typeof json === "object" && json !== null && !Array.isArray(json) ? json[name] : json;
}

describe("the text of a value", () => {
  test.each([
    ["string_value", "a b", "a b"],
    ["bool_value", "true", true],
    ["bool_value", "FALSE", false],
    ["bool_value", "1", true],
    ["bool_value", "0", false],
    ["bytes_value", "-_8", "+/8="],
    ["bytes_value", " /8=", "+/8="],
    ["double_value", "-1.5e3", -1500],
    ["double_value", ".5", 0.5],
    ["double_value", "NaN", "NaN"],
    ["double_value", "-Infinity", "-Infinity"],
    ["float_value", "0.25", 0.25],
    ["int32_value", "-2147483648", -2147483648],
    ["int32_value", "0000000000000000000000000000000000000007", 7],
    ["sint32_value", "2147483647", 2147483647],
    ["sfixed32_value", "-1", -1],
    ["uint32_value", "4294967295", 4294967295],
    ["fixed32_value", "0", 0],
    ["int64_value", "9223372036854775807", "9223372036854775807"],
    ["sint64_value", "-9223372036854775808", "-9223372036854775808"],
    ["sfixed64_value", "-1", "-1"],
    ["uint64_value", "18446744073709551615", "18446744073709551615"],
    ["fixed64_value", "1", "1"],
    ["enum_value", "COLOR_BLUE", "COLOR_BLUE"],
    ["enum_value", "5", "COLOR_BLUE"],
    ["timestamp_value", "2025-03-18T09:15:00.000001Z", "2025-03-18T09:15:00.000001Z"],
    ["timestamp_value", "2025-03-18", "2025-03-18T00:00:00Z"],
    ["timestamp_value", "2025-03-18T09:15:00", "2025-03-18T09:15:00Z"],
    ["timestamp_value", "2025-03-18 09:15:00", "2025-03-18T09:15:00Z"],
    ["timestamp_value", "2025-03-18T09:15:00+02:00", "2025-03-18T07:15:00Z"],
    ["timestamp_value", "2025-03-18T09:15:00 02:00", "2025-03-18T07:15:00Z"],
    ["timestamp_value", "2025-03-18 09:15:00 0200", "2025-03-18T07:15:00Z"],
    ["timestamp_value", "2025-03-18T09:15:00.5 02", "2025-03-18T07:15:00.500Z"],
    ["timestamp_value", "1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"],
    ["duration_value", "1.5s", "1.500s"],
    ["mask_value", "oneName,twoNames.inner", "oneName,twoNames.inner"],
    ["bool_wrapper", "false", false],
    ["int64_wrapper", "9007199254740993", "9007199254740993"],
    ["string_wrapper", "x", "x"],
  ])("%s takes %j", (name, text, expected) => {
    expect(read(name, text)).toEqual(expected);
  });

  test.each([
    ["bool_value", "yes", "FIELD_INVALID: must be true or false"],
    ["bytes_value", "!", "FIELD_INVALID: must be base64"],
    ["double_value", "1e999", "FIELD_INVALID: must be a number"],
    ["double_value", "0x10", "FIELD_INVALID: must be a number"],
    ["double_value", "1,5", "FIELD_INVALID: must be a number"],
    ["float_value", "3.5e38", "FIELD_INVALID: must be a number"],
    ["int32_value", "2147483648", "FIELD_INVALID: must be a whole number from -2147483648 to 2147483647"],
    ["int32_value", "1.0", "FIELD_INVALID: must be a whole number from -2147483648 to 2147483647"],
    ["int32_value", "0".repeat(41), "FIELD_INVALID: must be a whole number from -2147483648 to 2147483647"],
    ["uint32_value", "-1", "FIELD_INVALID: must be a whole number from 0 to 4294967295"],
    [
      "int64_value",
      "9223372036854775808",
      "FIELD_INVALID: must be a whole number from -9223372036854775808 to 9223372036854775807",
    ],
    ["uint64_value", "x", "FIELD_INVALID: must be a whole number from 0 to 18446744073709551615"],
    ["enum_value", "RED", "FIELD_INVALID: must be one of COLOR_UNSPECIFIED, COLOR_RED, COLOR_BLUE"],
    ["enum_value", "2", "FIELD_INVALID: must be one of COLOR_UNSPECIFIED, COLOR_RED, COLOR_BLUE"],
    ["timestamp_value", "yesterday", "TIME_INVALID: must be a time in ISO 8601, as 2025-03-18T09:15:00Z"],
    [
      "timestamp_value",
      "2025-03-18 02:00:00 99:99",
      "TIME_INVALID: must be a time in ISO 8601, as 2025-03-18T09:15:00Z",
    ],
    ["duration_value", "5", "FIELD_INVALID: must be a duration in seconds, as 1.5s"],
    ["mask_value", "snake_case", "FIELD_INVALID: must be names of fields in camelCase, separated by commas"],
    ["int64_wrapper", "x", "FIELD_INVALID: must be a whole number from -9223372036854775808 to 9223372036854775807"],
    ["nested", "x", "FIELD_INVALID: cannot be given as text"],
  ])("%s refuses %j", (name, text, expected) => {
    expect(read(name, text)).toBe(expected);
  });

  test("of an element of a list is that of its type", () => {
    expect(parseFieldValue(fieldNamed("int64_list"), "7")).toEqual({ ok: true, value: 7n });
    expect(parseFieldValue(fieldNamed("enum_list"), "COLOR_RED")).toEqual({ ok: true, value: 1 });
    const time = parseFieldValue(fieldNamed("timestamp_list"), "2025-03-18");
    expect(time.ok && isReflectMessage(time.value)).toBe(true);
  });

  test.each([
    ["string_value", true],
    ["string_list", true],
    ["enum_list", true],
    ["timestamp_list", true],
    ["mask_value", true],
    ["int64_wrapper", true],
    ["nested", false],
    ["nested_list", false],
    ["count_map", false],
  ])("exists for %s: %s", (name, expected) => {
    expect(hasTextForm(fieldNamed(name))).toBe(expected);
  });
});
