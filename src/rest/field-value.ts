import { create, type DescEnum, type DescField, type DescMessage, fromJson, ScalarType } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { DurationSchema, FieldMaskSchema, isWrapperDesc, TimestampSchema } from "@bufbuild/protobuf/wkt";
import type { ErrorReason } from "../model/error.ts";
import { parseTimeMicros } from "../model/time.ts";

/** A value in the form that `ReflectMessage.set` and `ReflectList.add` take, or what is wrong with its text. */
export type ParsedValue =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: ErrorReason; readonly message: string };

/**
 * True if a path variable or a query parameter can carry a value of the field, or of one element of it: scalars, enums, times,
 * durations, field masks and wrappers can; other messages and maps cannot.
 */
export function hasTextForm(field: DescField): boolean {
  if (field.fieldKind === "map") return false;
  return field.message === undefined || isWrapperDesc(field.message) || messageParsers.has(field.message.typeName);
}

/** Reads the text of a path variable or a query parameter as a value of the field, or as one element of a repeated field. */
export function parseFieldValue(field: DescField, text: string): ParsedValue {
  if (field.enum !== undefined) return parseEnum(field.enum, text);
  if (field.message !== undefined) return parseMessage(field.message, text);
  return parseScalar(field.scalar, text);
}

const valid = (value: unknown): ParsedValue => ({ ok: true, value });
const invalid = (message: string, reason: ErrorReason = "FIELD_INVALID"): ParsedValue => ({
  ok: false,
  reason,
  message,
});

function parseScalar(type: ScalarType, text: string): ParsedValue {
  switch (type) {
    case ScalarType.STRING:
      return valid(text);
    case ScalarType.BOOL:
      return parseBool(text);
    case ScalarType.BYTES:
      return parseBytes(text);
    case ScalarType.DOUBLE:
      return parseDouble(text, Number.MAX_VALUE);
    case ScalarType.FLOAT:
      return parseDouble(text, float32Max);
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return parseInteger(text, { min: -(2n ** 31n), max: 2n ** 31n - 1n, as: Number });
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return parseInteger(text, { min: 0n, max: 2n ** 32n - 1n, as: Number });
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return parseInteger(text, { min: -(2n ** 63n), max: 2n ** 63n - 1n, as: BigInt });
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return parseInteger(text, { min: 0n, max: 2n ** 64n - 1n, as: BigInt });
  }
}

function parseBool(text: string): ParsedValue {
  const lower = text.toLowerCase();
  if (lower === "true" || lower === "1") return valid(true);
  if (lower === "false" || lower === "0") return valid(false);
  return invalid("must be true or false");
}

function parseBytes(text: string): ParsedValue {
  try {
    // A "+" that was not percent-encoded arrives as a space.
    return valid(base64Decode(text.replaceAll(" ", "+")));
  } catch {
    // The decoder says no more than that the text is not base64.
    return invalid("must be base64");
  }
}

const float32Max = 3.4028234663852886e38;
const doublePattern = /^-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

function parseDouble(text: string, max: number): ParsedValue {
  if (text === "NaN" || text === "Infinity" || text === "-Infinity") return valid(Number(text));
  const value = doublePattern.test(text) ? Number(text) : Number.NaN;
  return Math.abs(value) <= max ? valid(value) : invalid("must be a number");
}

/** More digits than any 64-bit integer has, zeros in front included, are refused before they cost anything. */
const integerPattern = /^-?\d{1,40}$/;

function parseInteger(
  text: string,
  range: { readonly min: bigint; readonly max: bigint; readonly as: (value: bigint) => number | bigint },
): ParsedValue {
  if (integerPattern.test(text)) {
    const value = BigInt(text);
    if (value >= range.min && value <= range.max) return valid(range.as(value));
  }
  return invalid(`must be a whole number from ${range.min} to ${range.max}`);
}

function parseEnum(type: DescEnum, text: string): ParsedValue {
  const value = type.values.find((candidate) => candidate.name === text || String(candidate.number) === text);
  if (value !== undefined) return valid(value.number);
  return invalid(`must be one of ${type.values.map((candidate) => candidate.name).join(", ")}`);
}

const messageParsers: ReadonlyMap<string, (text: string) => ParsedValue> = new Map([
  [TimestampSchema.typeName, parseTimestamp],
  [DurationSchema.typeName, parseDuration],
  [FieldMaskSchema.typeName, parseFieldMask],
]);

function parseMessage(type: DescMessage, text: string): ParsedValue {
  if (isWrapperDesc(type)) {
    const [valueField] = type.fields;
    const inner = parseScalar(valueField.scalar, text);
    if (!inner.ok) return inner;
    const wrapper = reflect(type);
    wrapper.set(valueField, inner.value);
    return valid(wrapper);
  }
  const parse = messageParsers.get(type.typeName);
  return parse === undefined ? invalid("cannot be given as text") : parse(text);
}

/** A time and an offset whose "+" was not percent-encoded and arrived as a space, as `2025-03-18T09:15:00 02:00`. */
const lostPlusPattern = /^(.*\d[Tt ]\d.*) (\d{2}(?::?\d{2}){0,2})$/;

function parseTimestamp(text: string): ParsedValue {
  const micros = parseTimeMicros(text.replace(lostPlusPattern, "$1+$2"));
  if (micros === undefined) {
    return invalid("must be a time in ISO 8601, as 2025-03-18T09:15:00Z", "TIME_INVALID");
  }
  const seconds = Math.floor(micros / 1_000_000);
  const nanos = (micros - seconds * 1_000_000) * 1000;
  return valid(reflect(TimestampSchema, create(TimestampSchema, { seconds: BigInt(seconds), nanos })));
}

function parseDuration(text: string): ParsedValue {
  try {
    return valid(reflect(DurationSchema, fromJson(DurationSchema, text)));
  } catch {
    // The message of the JSON mapping speaks of JSON and of types that a caller of this path does not know.
    return invalid("must be a duration in seconds, as 1.5s");
  }
}

function parseFieldMask(text: string): ParsedValue {
  try {
    return valid(reflect(FieldMaskSchema, fromJson(FieldMaskSchema, text)));
  } catch {
    // As for durations.
    return invalid("must be names of fields in camelCase, separated by commas");
  }
}
