import type { AnyValue, KeyValue } from "../../../gen/opentelemetry/proto/common/v1/common_pb.ts";
import type { JsonObject } from "../../model/exact-json.ts";

/** Attributes → JSON; of a key that occurs several times the last value counts. */
export function attributesFromProto(attributes: readonly KeyValue[]): JsonObject {
  const object: JsonObject = {};
  for (const { key, value } of attributes) {
    // Not by assignment: `__proto__` is a key like any other.
    if (key === "__proto__") Object.defineProperty(object, key, { ...plain, value: valueFromProto(value) });
    else object[key] = valueFromProto(value);
  }
  return object;
}

const plain = { configurable: true, enumerable: true, writable: true } as const;

/** A value of any kind → JSON: see `otlp-input.ts` for what JSON does not have. */
export function valueFromProto(any: AnyValue | undefined): unknown {
  const value = any?.value;
  if (value === undefined) return null;
  switch (value.case) {
    case undefined:
      return null;
    case "intValue":
      return integerFromProto(value.value);
    case "doubleValue":
      return Number.isFinite(value.value) ? value.value : String(value.value);
    case "bytesValue":
      return Buffer.from(value.value.buffer, value.value.byteOffset, value.value.byteLength).toString("base64");
    case "arrayValue":
      return value.value.values.map(valueFromProto);
    case "kvlistValue":
      return attributesFromProto(value.value.values);
    default:
      return value.value;
  }
}

function integerFromProto(value: bigint): unknown {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : JSON.rawJSON(String(value));
}
