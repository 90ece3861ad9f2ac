import { type DescField, type DescMessage, getOption, type JsonObject } from "@bufbuild/protobuf";
import { rest_method } from "../../../gen/cylestio/v1/rest_pb.ts";
import { hasTextForm } from "../field-value.ts";
import type { RestBinding } from "../rest-binding.ts";
import { fieldPathName, leafOf, queryAliasesOf, restNameOf } from "../rest-field.ts";
import { commentOf, fieldDescription, splitSummary } from "./comments.ts";
import { errorResponsesOf } from "./error-responses.ts";
import { createEventStreamResponse } from "./event-stream-response.ts";
import { fieldExample, messageExample, parameterExample } from "./example.ts";
import { knownParameters } from "./known-values.ts";
import { type MessageSchemas, valueSchema } from "./schema.ts";

/** The OpenAPI operation of one REST route. `operationId` must be unique in the document. */
export function createOperation(binding: RestBinding, operationId: string, schemas: MessageSchemas): JsonObject {
  const { summary, rest } = splitSummary(commentOf(binding.method));
  const parameters = [...pathParameters(binding), ...queryParameters(binding), ...headerParameters(binding)];
  return {
    operationId,
    tags: [binding.method.parent.name],
    summary,
    ...(rest !== "" && { description: rest }),
    ...(parameters.length > 0 && { parameters }),
    ...(binding.body.kind !== "none" && { requestBody: requestBody(binding, schemas) }),
    responses: { [binding.successStatus]: success(binding, schemas), ...errorResponsesOf(binding) },
  };
}

function pathParameters(binding: RestBinding): readonly JsonObject[] {
  return binding.pathVariables.map(({ restName, field }) => ({
    name: restName,
    in: "path",
    required: true,
    description: fieldDescription(leafOf(field)),
    schema: valueSchema(leafOf(field)),
    example: parameterExample(leafOf(field)),
  }));
}

function queryParameters(binding: RestBinding): readonly JsonObject[] {
  // The query of a request with a body of its own form has nothing to say that the body does not say.
  if (binding.body.kind === "free-form" || binding.body.kind === "message") return [];
  const boundNames = new Set(binding.pathVariables.map(({ field }) => fieldPathName(field)));
  const bodyField = binding.body.kind === "field" ? binding.body.field : undefined;
  return queryFieldsOf(binding.method.input, [])
    .filter((path) => path[0] !== bodyField && !boundNames.has(path.map((field) => field.name).join(".")))
    .flatMap((path) => queryParametersOf(path));
}

function headerParameters({ eventStream }: RestBinding): readonly JsonObject[] {
  const field = eventStream?.lastIdField;
  if (field === undefined) return [];
  const description = `The same as \`${restNameOf(field)}\`, and counts rather than it: browsers send it when they connect again.`;
  const schema = { ...valueSchema(field), examples: [parameterExample(field)] };
  return [{ name: "Last-Event-ID", in: "header", description, schema }];
}

/** Every field that a query can set, with the messages around it. A message inside itself is left out. */
function queryFieldsOf(message: DescMessage, around: readonly DescField[]): readonly (readonly DescField[])[] {
  return message.fields.flatMap((field) => {
    if (hasTextForm(field)) return [[...around, field]];
    const isInside =
      field.message === undefined || field.message === message || around.some((f) => f.message === field.message);
    return field.fieldKind === "message" && !isInside ? queryFieldsOf(field.message, [...around, field]) : [];
  });
}

function queryParametersOf(path: readonly DescField[]): readonly JsonObject[] {
  const field = path.at(-1);
  if (field === undefined) return [];
  const prefix = path
    .slice(0, -1)
    .map((container) => `${restNameOf(container)}.`)
    .join("");
  const known = path.length === 1 ? (knownParameters[field.name] ?? {}) : {};
  const value = { ...valueSchema(field), ...known };
  const schema = field.fieldKind === "list" ? { type: "array", items: value } : value;
  const example = parameterExample(field);
  const parameter = (name: string): JsonObject => ({
    name: prefix + name,
    in: "query",
    description: fieldDescription(field),
    // Not as `example`, which Swagger UI would send with every request.
    schema: { ...schema, examples: [field.fieldKind === "list" ? [example] : example] },
  });
  const name = restNameOf(field);
  const aliases = queryAliasesOf(field).map((alias) => ({
    ...parameter(alias),
    description: `The same as \`${prefix}${name}\`.`,
    deprecated: true,
  }));
  return [parameter(name), ...aliases];
}

function requestBody(binding: RestBinding, schemas: MessageSchemas): JsonObject {
  return { required: true, content: { "application/json": bodyContent(binding, schemas) } };
}

function bodyContent({ method, body, pathVariables }: RestBinding, schemas: MessageSchemas): JsonObject {
  if (body.kind === "field") return { schema: schemas.inputFieldSchema(body.field) };
  if (body.kind !== "free-form") {
    // What the path says needs not be said again.
    const inPath = new Set(pathVariables.map(({ restName }) => restName));
    const members = Object.entries(messageExample(method.input)).filter(([name]) => !inPath.has(name));
    return { schema: schemas.referToInput(method.input), example: Object.fromEntries(members) };
  }
  // One event, or a batch, as the request message of the RPC has it.
  const isBatch = method.input.fields.some((field) => field.fieldKind === "list");
  const { bodyExample } = getOption(method, rest_method);
  return {
    schema: { $ref: `#/components/schemas/${isBatch ? "EventBatchBody" : "EventBody"}` },
    ...(bodyExample !== "" && { example: JSON.parse(bodyExample) }),
  };
}

function success(binding: RestBinding, schemas: MessageSchemas): JsonObject {
  const { method, responseField, eventStream } = binding;
  if (eventStream !== undefined) return createEventStreamResponse(binding, eventStream, schemas);
  const isPage =
    responseField?.fieldKind === "list" && method.output.fields.some(({ name }) => name === "next_page_token");
  return {
    description: splitSummary(commentOf(method.output)).summary,
    ...(isPage && { headers: { Link: linkHeader } }),
    content: {
      "application/json": {
        schema: responseField === undefined ? schemas.referTo(method.output) : schemas.bodySchema(responseField),
        example: responseField === undefined ? messageExample(method.output) : fieldExample(responseField),
      },
    },
  };
}

const linkHeader: JsonObject = {
  description: 'Where the next page is, as `</api/agents?page_token=…>; rel="next"`. Absent on the last page.',
  schema: { type: "string" },
  example: '</api/agents?page_token=eyJ2IjoxfQ>; rel="next"',
};
