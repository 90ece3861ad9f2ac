import { type DescField, type DescMessage, type JsonObject, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";
import { memberFieldsOf } from "../response-json.ts";
import { isJsonText, restNameOf } from "../rest-field.ts";
import { exampleValues } from "./known-values.ts";

/** Levels of messages in an example; further in, a message that may be absent is absent. */
const exampleDepthMax = 4;

/** An example of a message in REST JSON. The same message always gives the same. */
export function messageExample(message: DescMessage, depth = 0): JsonObject {
  const members = memberFieldsOf(message).map(([field]) => [restNameOf(field), fieldExample(field, depth)] as const);
  return Object.fromEntries(members);
}

/** An example of the value of a field in REST JSON. */
export function fieldExample(field: DescField, depth = 0): JsonValue {
  const known = knownExample(field);
  if (known !== undefined) return known;
  if (field.fieldKind === "map") return { key: valueExample(field, depth) };
  if (field.fieldKind !== "list") return valueExample(field, depth);
  return depth < exampleDepthMax || field.message === undefined ? [valueExample(field, depth)] : [];
}

/** An example of the text form of a query parameter or path variable. */
export function parameterExample(field: DescField): JsonValue {
  return knownExample(field) ?? valueExample(field, exampleDepthMax);
}

function knownExample(field: DescField): JsonValue | undefined {
  const name = restNameOf(field);
  const names = [`${field.parent.name}.${name}`, name];
  const known = names.find((candidate) => Object.hasOwn(exampleValues, candidate));
  return known === undefined ? undefined : exampleValues[known];
}

function valueExample(field: DescField, depth: number): JsonValue {
  if (isJsonText(field)) return {};
  if (field.enum !== undefined) return field.enum.values.at(-1)?.name ?? "";
  if (field.message === undefined) return scalarExample(field.scalar);
  if (isWrapperDesc(field.message)) return scalarExample(field.message.fields[0].scalar);
  switch (field.message.typeName) {
    case "google.protobuf.Timestamp":
      return "2025-04-10T08:00:00Z";
    case "google.protobuf.Duration":
      return "1.500s";
    case "google.protobuf.FieldMask":
      return "agentId";
    case "google.protobuf.ListValue":
      return [];
    case "google.protobuf.Struct":
    case "google.protobuf.Value":
      return {};
    default:
      return depth < exampleDepthMax ? messageExample(field.message, depth + 1) : null;
  }
}

function scalarExample(type: ScalarType): JsonValue {
  switch (type) {
    case ScalarType.STRING:
      return "text";
    case ScalarType.BYTES:
      return "AQID";
    case ScalarType.BOOL:
      return true;
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return 1.5;
    default:
      return 1;
  }
}
