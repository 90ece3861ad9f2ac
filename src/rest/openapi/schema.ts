import { type DescField, type DescMessage, type JsonObject, ScalarType } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence, isWrapperDesc } from "@bufbuild/protobuf/wkt";
import { memberFieldsOf } from "../response-json.ts";
import { isJsonText, restNameOf } from "../rest-field.ts";
import { commentOf, fieldDescription } from "./comments.ts";

/** JSON Schemas of the contract's messages; `components` fills up with those that are asked for. */
export interface MessageSchemas {
  readonly components: Readonly<Record<string, JsonObject>>;
  /** A reference to the schema of the message as REST JSON has it. */
  referTo(message: DescMessage): JsonObject;
  /** A reference to the schema of the message as a request body has it: in proto JSON, where nothing is required. */
  referToInput(message: DescMessage): JsonObject;
  /** The schema of the field's value in REST JSON; null is part of it where the field can be absent. */
  fieldSchema(field: DescField): JsonObject;
  /** The same for a field that is a whole answer: one message is never absent there, because without it the RPC fails. */
  bodySchema(field: DescField): JsonObject;
  /** The schema of the field's value in a request body. */
  inputFieldSchema(field: DescField): JsonObject;
}

/** Makes an empty collection of message schemas. */
export function createMessageSchemas(): MessageSchemas {
  const components: Record<string, JsonObject> = {};
  const owners = new Map<string, DescMessage>();

  function refer(message: DescMessage, name: string, create: (message: DescMessage) => JsonObject): JsonObject {
    const owner = owners.get(name);
    if (owner !== undefined && owner !== message) {
      throw new Error(`${message.typeName} and ${owner.typeName} have the same name in OpenAPI`);
    }
    if (owner === undefined) {
      owners.set(name, message);
      components[name] = create(message);
    }
    return { $ref: `#/components/schemas/${name}` };
  }

  const referTo = (message: DescMessage): JsonObject => refer(message, componentName(message), outputSchema);
  const referToInput = (message: DescMessage): JsonObject =>
    refer(message, `${componentName(message)}Body`, inputSchema);

  function outputSchema(message: DescMessage): JsonObject {
    const members = memberFieldsOf(message);
    const schemas = members.map(([field, ...others]) => [
      restNameOf(field),
      others.length === 0 ? fieldSchema(field) : sharedSchema([field, ...others]),
    ]);
    return {
      ...describe({ type: "object" }, commentOf(message)),
      properties: Object.fromEntries(schemas),
      required: members.map(([field]) => restNameOf(field)),
    };
  }

  function inputSchema(message: DescMessage): JsonObject {
    return {
      ...describe({ type: "object" }, commentOf(message)),
      properties: Object.fromEntries(message.fields.map((field) => [field.name, inputFieldSchema(field)])),
      additionalProperties: false,
    };
  }

  function fieldSchema(field: DescField): JsonObject {
    const value = isJsonText(field) ? {} : valueOf(field, referTo);
    const isNullable = isSingular(field) && field.presence !== FeatureSet_FieldPresence.IMPLICIT;
    return describe(isNullable ? nullable(value) : containerOf(field, value), fieldDescription(field));
  }

  function bodySchema(field: DescField): JsonObject {
    return field.fieldKind === "message" ? referTo(field.message) : fieldSchema(field);
  }

  function inputFieldSchema(field: DescField): JsonObject {
    return describe(containerOf(field, valueOf(field, referToInput)), fieldDescription(field));
  }

  /** Members of a oneof under one name: any of their types, or null. */
  function sharedSchema(fields: readonly [DescField, ...DescField[]]): JsonObject {
    const { oneof } = fields[0];
    const schema = fields.some(isJsonText)
      ? {}
      : { anyOf: [...fields.map((field) => valueOf(field, referTo)), { type: "null" }] };
    return describe(schema, oneof === undefined ? "" : commentOf(oneof));
  }

  return { components, referTo, referToInput, fieldSchema, bodySchema, inputFieldSchema };
}

function isSingular(field: DescField): boolean {
  return field.fieldKind !== "list" && field.fieldKind !== "map";
}

function containerOf(field: DescField, value: JsonObject): JsonObject {
  if (field.fieldKind === "list") return { type: "array", items: value };
  return field.fieldKind === "map" ? { type: "object", additionalProperties: value } : value;
}

function valueOf(field: DescField, refer: (message: DescMessage) => JsonObject): JsonObject {
  const isOurs = field.message !== undefined && wellKnownSchema(field.message) === undefined;
  return isOurs ? refer(field.message) : valueSchema(field);
}

/** The schema of one value of a field that is no message of ours: of an element for a list, of a value for a map. */
export function valueSchema(field: DescField): JsonObject {
  if (field.enum !== undefined) {
    const names = field.enum.values.map((value) => value.name);
    return { type: "string", enum: names };
  }
  if (field.message === undefined) return scalarSchema(field.scalar);
  const schema = wellKnownSchema(field.message);
  if (schema === undefined) throw new Error(`${field.toString()} has no text form`);
  return schema;
}

function scalarSchema(type: ScalarType): JsonObject {
  switch (type) {
    case ScalarType.STRING:
      return { type: "string" };
    case ScalarType.BOOL:
      return { type: "boolean" };
    case ScalarType.BYTES:
      return { type: "string", contentEncoding: "base64" };
    case ScalarType.DOUBLE:
      return { type: "number", format: "double" };
    case ScalarType.FLOAT:
      return { type: "number", format: "float" };
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return { type: "integer", minimum: 0, maximum: 2 ** 32 - 1 };
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      // A string beyond what every JSON reader takes without loss.
      return { type: ["integer", "string"], format: "int64" };
    default:
      return { type: "integer", format: "int32" };
  }
}

function wellKnownSchema(message: DescMessage): JsonObject | undefined {
  switch (message.typeName) {
    case "google.protobuf.Timestamp":
      return { type: "string", format: "date-time" };
    case "google.protobuf.Duration":
      return { type: "string", pattern: "^-?[0-9]+(\\.[0-9]{1,9})?s$" };
    case "google.protobuf.FieldMask":
      return { type: "string" };
    case "google.protobuf.Struct":
      return { type: "object" };
    case "google.protobuf.ListValue":
      return { type: "array" };
    case "google.protobuf.Value":
      return {};
    default:
      return isWrapperDesc(message) ? scalarSchema(message.fields[0].scalar) : undefined;
  }
}

function nullable(schema: JsonObject): JsonObject {
  const { type, enum: names } = schema;
  if (schema["$ref"] !== undefined) return { anyOf: [schema, { type: "null" }] };
  // Without a type any JSON is allowed, null included.
  if (type === undefined) return schema;
  const types = Array.isArray(type) ? type : [type];
  return { ...schema, type: [...types, "null"], ...(Array.isArray(names) && { enum: [...names, null] }) };
}

function describe(schema: JsonObject, description: string): JsonObject {
  return description === "" ? schema : { ...schema, description };
}

function componentName({ typeName, file }: DescMessage): string {
  return typeName.slice(file.proto.package.length + 1).replaceAll(".", "_");
}
