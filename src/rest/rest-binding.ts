import {
  type DescField,
  type DescMethod,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  getOption,
  hasOption,
  ScalarType,
} from "@bufbuild/protobuf";
import { rest_method } from "../../gen/cylestio/v1/rest_pb.ts";
import { http } from "../../gen/google/api/annotations_pb.ts";
import type { HttpRule } from "../../gen/google/api/http_pb.ts";
import { hasTextForm } from "./field-value.ts";
import { type PathTemplate, parsePathTemplate, type TemplateVariable } from "./path-template.ts";
import { type FieldPath, findTemplateField, leafOf, restPathName } from "./rest-field.ts";

/** A path variable and the field that it sets. */
export interface PathVariable extends TemplateVariable {
  readonly field: FieldPath;
  /** Its name for clients, as `event_type` where the field is `name`. */
  readonly restName: string;
}

/** Where the HTTP body of a request goes: nowhere, into the whole message, into one field, or to the RPC as text. */
export type BodyMapping =
  | { readonly kind: "none" }
  | { readonly kind: "message" }
  | { readonly kind: "field"; readonly field: DescField }
  | { readonly kind: "free-form" };

/** An RPC that can have REST routes. */
type RoutedMethod = DescMethodUnary | DescMethodServerStreaming;

/** How the messages of a stream become server-sent events. */
export interface EventStream {
  /** Field of the response that is the `id` of an event; undefined: events have none. */
  readonly idField: DescField | undefined;
  /** Field of the request that the header `Last-Event-ID` sets; undefined: none does. */
  readonly lastIdField: DescField | undefined;
}

/** One REST route of one RPC, checked and ready to serve. */
export interface RestBinding {
  readonly method: RoutedMethod;
  /** In upper case, as `GET`. */
  readonly httpMethod: string;
  readonly template: PathTemplate;
  readonly pathVariables: readonly PathVariable[];
  readonly body: BodyMapping;
  /** The field of the response that is the HTTP body, or the data of an event; undefined for the whole response. */
  readonly responseField: DescField | undefined;
  /** For an RPC that streams its responses: its route sends server-sent events. Undefined for every other one. */
  readonly eventStream: EventStream | undefined;
  /** HTTP status of success. */
  readonly successStatus: number;
}

/** HTTP methods whose requests have no body here. */
const bodylessMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "TRACE"]);

/**
 * The REST routes that the contract gives an RPC by `google.api.http` and `rest_method`: the main one first, then the additional
 * ones. Empty for an RPC without the option.
 *
 * Throws an Error that names the RPC if an option asks for something that would not be served: see `parsePathTemplate`, and
 * streams of requests, unknown or repeated fields, a body on GET, a nested additional binding, an impossible success status.
 */
export function restBindingsOf(method: DescMethod): readonly RestBinding[] {
  if (!hasOption(method, http)) return [];
  try {
    if (!isRouted(method)) throw new Error("streams of requests have no REST route");
    const rule = getOption(method, http);
    return [rule, ...rule.additionalBindings].map((binding, index) => {
      if (index > 0 && binding.additionalBindings.length > 0) throw new Error("additional_bindings must not be nested");
      return createBinding(method, binding);
    });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${method.parent.typeName}.${method.name}: ${message}`, { cause });
  }
}

function isRouted(method: DescMethod): method is RoutedMethod {
  return method.methodKind === "unary" || method.methodKind === "server_streaming";
}

function createBinding(method: RoutedMethod, rule: HttpRule): RestBinding {
  const { httpMethod, path } = patternOf(rule);
  const template = parsePathTemplate(path);
  const responseField = rule.responseBody === "" ? undefined : fieldNamed(method.output.fields, rule.responseBody);
  return {
    method,
    httpMethod,
    template,
    pathVariables: template.variables.map((variable) => createPathVariable(method, variable)),
    body: bodyMappingOf(method, rule, httpMethod),
    responseField,
    eventStream: eventStreamOf(method),
    successStatus: successStatusOf(method, path),
  };
}

function patternOf(rule: HttpRule): { readonly httpMethod: string; readonly path: string } {
  const { pattern } = rule;
  if (pattern.case === undefined) throw new Error("google.api.http names no path");
  if (pattern.case === "custom") return { httpMethod: pattern.value.kind.toUpperCase(), path: pattern.value.path };
  return { httpMethod: pattern.case.toUpperCase(), path: pattern.value };
}

function createPathVariable(method: RoutedMethod, variable: TemplateVariable): PathVariable {
  const field = findTemplateField(method.input, variable.name);
  if (field === undefined)
    throw new Error(`the path names ${variable.name}, which ${method.input.typeName} does not have`);
  if (leafOf(field).fieldKind === "list" || !hasTextForm(leafOf(field))) {
    throw new Error(`the path variable ${variable.name} must be one scalar value`);
  }
  return { ...variable, field, restName: restPathName(field) };
}

function bodyMappingOf(method: RoutedMethod, rule: HttpRule, httpMethod: string): BodyMapping {
  const isFreeForm = hasOption(method, rest_method) && getOption(method, rest_method).freeFormBody;
  if (rule.body === "" && !isFreeForm) return { kind: "none" };
  if (bodylessMethods.has(httpMethod)) throw new Error(`${httpMethod} has no body`);
  if (!isFreeForm) {
    return rule.body === "*"
      ? { kind: "message" }
      : { kind: "field", field: fieldNamed(method.input.fields, rule.body) };
  }
  if (rule.body !== "") throw new Error("free_form_body takes the whole body: body must be empty");
  return { kind: "free-form" };
}

function eventStreamOf(method: RoutedMethod): EventStream | undefined {
  const option = hasOption(method, rest_method) ? getOption(method, rest_method).eventStream : undefined;
  if (method.methodKind === "unary") {
    if (option !== undefined) throw new Error("event_stream is for RPCs that stream their responses");
    return undefined;
  }
  return {
    idField: option === undefined ? undefined : findTextField(method.output.fields, option.idField),
    lastIdField: option === undefined ? undefined : findTextField(method.input.fields, option.lastIdField),
  };
}

/** Undefined for an empty name. */
function findTextField(fields: readonly DescField[], name: string): DescField | undefined {
  if (name === "") return undefined;
  const field = fieldNamed(fields, name);
  if (field.fieldKind !== "scalar" || field.scalar !== ScalarType.STRING) throw new Error(`${name} must be one string`);
  return field;
}

function fieldNamed(fields: readonly DescField[], name: string): DescField {
  const field = fields.find((candidate) => candidate.name === name);
  if (field === undefined) throw new Error(`there is no field ${name}`);
  return field;
}

function successStatusOf(method: RoutedMethod, path: string): number {
  const successes = hasOption(method, rest_method) ? getOption(method, rest_method).success : [];
  const status = successes.find((success) => path.startsWith(success.pathPrefix))?.status ?? 200;
  if (status < 200 || status > 299) throw new Error(`${status} is no status of success`);
  return status;
}
