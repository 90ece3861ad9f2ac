import { create, type DescMessage, type JsonValue, type Message, mergeFromJson } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { fieldError, TelemetryError } from "../model/error.ts";
import { hasTextForm, parseFieldValue } from "./field-value.ts";
import type { RestBinding } from "./rest-binding.ts";
import { type FieldPath, fieldPathName, findFieldPath, leafOf } from "./rest-field.ts";

/** What one HTTP request says, taken apart. */
export interface RequestParts {
  /** The text of every path variable of the binding, in its order, percent-decoded. */
  readonly pathValues: readonly string[];
  readonly query: URLSearchParams;
  /** The body as text, where the binding maps one to the message; empty if the request has none. */
  readonly bodyText: string;
}

/**
 * Builds the request message of an RPC from an HTTP request: the body first, then the query, then the path, so that a path
 * variable always wins.
 *
 * Unknown query parameters and empty ones are passed over. Of several values of a parameter that is not repeated, the last one
 * counts. A value that cannot be read is a TelemetryError that names the parameter as the client wrote it.
 */
export function requestMessageFrom(binding: RestBinding, parts: RequestParts): Message {
  const message = create(binding.method.input);
  if (parts.bodyText !== "") mergeBody(binding, message, parts.bodyText);
  const target = reflect(binding.method.input, message);
  for (const [name, text] of parts.query) {
    const path = text === "" ? undefined : findQueryField(binding, name);
    if (path !== undefined) setField(target, path, { name, text });
  }
  for (const [index, variable] of binding.pathVariables.entries()) {
    const text = parts.pathValues[index];
    if (text !== undefined && text !== "") setField(target, variable.field, { name: variable.restName, text });
  }
  return message;
}

/** The field that a query parameter of this binding sets, or undefined if it sets none. */
export function findQueryField(binding: RestBinding, name: string): FieldPath | undefined {
  if (binding.body.kind === "message") return undefined;
  const path = findFieldPath(binding.method.input, name);
  if (path === undefined || leafOf(path).fieldKind === "map") return undefined;
  if (binding.body.kind === "field" && path[0] === binding.body.field) return undefined;
  const pathName = fieldPathName(path);
  return binding.pathVariables.some((variable) => variable.name === pathName) ? undefined : path;
}

function mergeBody(binding: RestBinding, message: Message, text: string): void {
  const input: DescMessage = binding.method.input;
  try {
    const json: JsonValue = JSON.parse(text);
    mergeFromJson(input, message, binding.body.kind === "field" ? { [binding.body.field.jsonName]: json } : json);
  } catch (error) {
    // Both parsers speak only of the text that they were given.
    const reason = error instanceof Error ? error.message : "it cannot be read";
    throw new TelemetryError("MALFORMED_BODY", `the body is not the JSON that is expected here: ${reason}`, {
      cause: error,
    });
  }
}

function setField(
  target: ReflectMessage,
  path: FieldPath,
  value: { readonly name: string; readonly text: string },
): void {
  const [field, next, ...rest] = path;
  if (next !== undefined && field.fieldKind === "message") {
    const child = target.get(field);
    setField(child, [next, ...rest], value);
    target.set(field, child);
    return;
  }
  if (!hasTextForm(field)) {
    throw fieldError({ field: value.name, reason: "FIELD_INVALID", message: "cannot be given in a query" });
  }
  const parsed = parseFieldValue(field, value.text);
  if (!parsed.ok) throw fieldError({ field: value.name, reason: parsed.reason, message: parsed.message });
  if (field.fieldKind === "list") target.get(field).add(parsed.value);
  else target.set(field, parsed.value);
}
