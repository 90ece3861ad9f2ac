import {
  type DescEnum,
  type DescField,
  type DescMessage,
  isMessage,
  type Message,
  ScalarType,
  toJson,
} from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { base64Encode } from "@bufbuild/protobuf/wire";
import {
  DurationSchema,
  FeatureSet_FieldPresence,
  FieldMaskSchema,
  isWrapperDesc,
  type ListValue,
  ListValueSchema,
  type Struct,
  StructSchema,
  TimestampSchema,
  type Value,
  ValueSchema,
} from "@bufbuild/protobuf/wkt";
import { isJsonText, restNameOf } from "./rest-field.ts";

/** Writes a value as JSON text. */
type ValueWriter = (value: unknown) => string;
/** Writes a message as JSON text. */
type MessageWriter = (message: ReflectMessage) => string;

/**
 * Makes the function that writes a message, or one field of it, as REST JSON text.
 *
 * Members have the field's REST name, else its proto name, and every field is written: zeros and empty lists as such, an absent
 * optional or message as null. 64-bit integers are numbers within ±(2^53 - 1) and strings beyond; NaN and infinities are
 * strings. Of the members of a oneof, those that share a name are one member. Fields marked `json_text` are spliced in as they
 * are. The rest is as in the proto JSON mapping.
 *
 * Throws for types that have no REST JSON: `google.protobuf.Any`, and `json_text` on what is not a string.
 */
export function createResponseWriter(type: DescMessage, field?: DescField): (message: Message) => string {
  if (field === undefined) {
    const write = messageWriterFor(type);
    return (message) => write(reflect(type, message, false));
  }
  const write = createFieldWriter(field);
  return (message) => write(reflect(type, message, false));
}

const messageWriters = new WeakMap<DescMessage, MessageWriter>();

function messageWriterFor(type: DescMessage): MessageWriter {
  const known = messageWriters.get(type) ?? createWellKnownWriter(type);
  if (known !== undefined) return known;
  const members: { readonly prefix: string; readonly write: MessageWriter }[] = [];
  const writer: MessageWriter = (message) => {
    let text = "{";
    for (const member of members) text += member.prefix + member.write(message);
    return `${text}}`;
  };
  // Known before its fields are looked at, so that a message may contain itself.
  messageWriters.set(type, writer);
  for (const fields of memberFieldsOf(type)) {
    const prefix = `${members.length === 0 ? "" : ","}${JSON.stringify(restNameOf(fields[0]))}:`;
    members.push({ prefix, write: createMemberWriter(fields) });
  }
  return writer;
}

/** The fields of every member of REST JSON, in the order of the contract: one, or those of a oneof that share a name. */
export function memberFieldsOf(type: DescMessage): readonly (readonly [DescField, ...DescField[]])[] {
  const byName = new Map<string, [DescField, ...DescField[]]>();
  for (const field of type.fields) {
    const name = restNameOf(field);
    const known = byName.get(name);
    if (known === undefined) byName.set(name, [field]);
    else if (field.oneof !== undefined && field.oneof === known[0].oneof) known.push(field);
    else throw new Error(`${type.typeName}: ${field.name} and ${known[0].name} have the same name in REST JSON`);
  }
  return [...byName.values()];
}

function createMemberWriter(fields: readonly [DescField, ...DescField[]]): MessageWriter {
  const [first, ...others] = fields;
  if (others.length === 0) return createFieldWriter(first);
  const writers = fields.map((field) => ({ field, write: createFieldWriter(field) }));
  return (message) => writers.find(({ field }) => message.isSet(field))?.write(message) ?? "null";
}

function createFieldWriter(field: DescField): MessageWriter {
  if (field.fieldKind === "list") {
    const write = createValueWriter(field);
    return (message) => {
      let text = "[";
      for (const item of message.get(field)) text += (text === "[" ? "" : ",") + write(item);
      return `${text}]`;
    };
  }
  if (field.fieldKind === "map") {
    const write = createValueWriter(field);
    return (message) => {
      let text = "{";
      for (const [key, value] of message.get(field)) {
        text += `${text === "{" ? "" : ","}${JSON.stringify(String(key))}:${write(value)}`;
      }
      return `${text}}`;
    };
  }
  const write = createValueWriter(field);
  if (field.presence === FeatureSet_FieldPresence.IMPLICIT) return (message) => write(message.get(field));
  return (message) => (message.isSet(field) ? write(message.get(field)) : "null");
}

/** The writer of a field's value: of an element for a list, of a value for a map. */
function createValueWriter(field: DescField): ValueWriter {
  if (isJsonText(field)) {
    if (field.scalar !== ScalarType.STRING) throw new Error(`${field.toString()}: json_text is for strings only`);
    return (value) => (value === "" ? "null" : String(value));
  }
  if (field.enum !== undefined) return createEnumWriter(field.enum);
  if (field.message === undefined) return scalarWriterFor(field.scalar);
  const write = messageWriterFor(field.message);
  // The reflection API gives message fields, list items and map values as ReflectMessage.
  return (value) => write(value as ReflectMessage);
}

function createEnumWriter(type: DescEnum): ValueWriter {
  if (type.typeName === "google.protobuf.NullValue") return () => "null";
  const names = new Map(type.values.map((value) => [value.number, JSON.stringify(value.name)]));
  // A number without a name comes from a newer contract.
  return (value) => names.get(Number(value)) ?? String(value);
}

function scalarWriterFor(type: ScalarType): ValueWriter {
  switch (type) {
    case ScalarType.STRING:
    case ScalarType.BOOL:
      return JSON.stringify;
    case ScalarType.BYTES:
      return (value) => (value instanceof Uint8Array ? `"${base64Encode(value)}"` : '""');
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return (value) => numberText(Number(value));
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return (value) => (Number.isSafeInteger(Number(value)) ? String(value) : `"${String(value)}"`);
    default:
      return String;
  }
}

function numberText(value: number): string {
  return Number.isFinite(value) ? JSON.stringify(value) : `"${value}"`;
}

function createWellKnownWriter(type: DescMessage): MessageWriter | undefined {
  if (isWrapperDesc(type)) {
    const [valueField] = type.fields;
    const write = scalarWriterFor(valueField.scalar);
    return (message) => write(message.get(valueField));
  }
  switch (type.typeName) {
    case TimestampSchema.typeName:
    case DurationSchema.typeName:
    case FieldMaskSchema.typeName:
      return ({ message }) => JSON.stringify(toJson(type, message));
    case StructSchema.typeName:
    case ListValueSchema.typeName:
    case ValueSchema.typeName:
      return ({ message }) => structText(message);
    case "google.protobuf.Any":
      throw new Error("google.protobuf.Any has no REST JSON");
    default:
      return undefined;
  }
}

function structText(message: Message): string {
  if (isMessage(message, StructSchema)) return objectText(message);
  if (isMessage(message, ListValueSchema)) return arrayText(message);
  return isMessage(message, ValueSchema) ? valueText(message) : "null";
}

function objectText({ fields }: Struct): string {
  const members = Object.entries(fields).map(([key, value]) => `${JSON.stringify(key)}:${valueText(value)}`);
  return `{${members.join(",")}}`;
}

function arrayText({ values }: ListValue): string {
  return `[${values.map(valueText).join(",")}]`;
}

function valueText({ kind }: Value): string {
  switch (kind.case) {
    case "structValue":
      return objectText(kind.value);
    case "listValue":
      return arrayText(kind.value);
    case "numberValue":
      return numberText(kind.value);
    case "stringValue":
    case "boolValue":
      return JSON.stringify(kind.value);
    default:
      return "null";
  }
}
