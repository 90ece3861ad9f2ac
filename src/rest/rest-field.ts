import { type DescField, type DescMessage, getOption, hasOption } from "@bufbuild/protobuf";
import { rest_field } from "../../gen/cylestio/v1/rest_pb.ts";

/** A field reached through singular message fields, outermost first; never empty. */
export type FieldPath = readonly [DescField, ...DescField[]];

/** Levels of messages that a name may go through. */
const fieldPathMaxLength = 32;

/** Name of the field in REST JSON and in the documentation: what `rest_field.name` says, else its own name. */
export function restNameOf(field: DescField): string {
  return (hasOption(field, rest_field) && getOption(field, rest_field).name) || field.name;
}

/** True if the string field holds JSON text that REST JSON carries as that JSON. */
export function isJsonText(field: DescField): boolean {
  return hasOption(field, rest_field) && getOption(field, rest_field).jsonText;
}

/** Further names of the field's query parameter. */
export function queryAliasesOf(field: DescField): readonly string[] {
  return hasOption(field, rest_field) ? getOption(field, rest_field).queryAliases : [];
}

/**
 * The field that a query parameter names, as `agent_id` or `filter.from_time`, or undefined. Each part may be the REST name, the
 * proto name, the JSON name or an alias; where two fields claim one name, that order decides.
 */
export function findFieldPath(message: DescMessage, name: string): FieldPath | undefined {
  return walk(message, name, (container, part) => fieldsByName(container).get(part));
}

/** The field that a path template names. Templates are part of the contract, so only proto names count. */
export function findTemplateField(message: DescMessage, name: string): FieldPath | undefined {
  return walk(message, name, (container, part) => container.fields.find((field) => field.name === part));
}

/** The last field of a path: the one that is meant. */
export function leafOf(path: FieldPath): DescField {
  return path[path.length - 1] ?? path[0];
}

/** The path in proto names, as `filter.from_time`: equal for equal paths, however they were named. */
export function fieldPathName(path: FieldPath): string {
  return path.map((field) => field.name).join(".");
}

/** The path in REST names: what clients call it. */
export function restPathName(path: FieldPath): string {
  return path.map(restNameOf).join(".");
}

function walk(
  message: DescMessage,
  name: string,
  find: (container: DescMessage, part: string) => DescField | undefined,
): FieldPath | undefined {
  const parts = name.split(".", fieldPathMaxLength + 1);
  if (parts.length > fieldPathMaxLength) return undefined;
  const path: DescField[] = [];
  let container: DescMessage | undefined = message;
  for (const part of parts) {
    const field: DescField | undefined = container && find(container, part);
    if (field === undefined) return undefined;
    path.push(field);
    container = field.fieldKind === "message" && !isWellKnown(field.message) ? field.message : undefined;
  }
  const [first, ...rest] = path;
  return first === undefined ? undefined : [first, ...rest];
}

/** The members of times, durations and the like are no fields of the request. */
function isWellKnown(message: DescMessage): boolean {
  return message.typeName.startsWith("google.protobuf.");
}

const fieldsByNameCache = new WeakMap<DescMessage, ReadonlyMap<string, DescField>>();

function fieldsByName(message: DescMessage): ReadonlyMap<string, DescField> {
  const cached = fieldsByNameCache.get(message);
  if (cached !== undefined) return cached;
  const byName = new Map<string, DescField>();
  const add = (name: string, field: DescField): void => {
    if (!byName.has(name)) byName.set(name, field);
  };
  for (const field of message.fields) add(restNameOf(field), field);
  for (const field of message.fields) add(field.name, field);
  for (const field of message.fields) add(field.jsonName, field);
  for (const field of message.fields) for (const alias of queryAliasesOf(field)) add(alias, field);
  fieldsByNameCache.set(message, byName);
  return byName;
}
