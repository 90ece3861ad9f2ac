import type { DescService, JsonObject } from "@bufbuild/protobuf";
import { type RestBinding, restBindingsOf } from "../rest-binding.ts";
import { commentOf } from "./comments.ts";
import { createErrorComponents, errorSchema } from "./error-responses.ts";
import { freeFormSchemas } from "./free-form-body.ts";
import { createOperation } from "./operation.ts";
import { createMessageSchemas } from "./schema.ts";

/** What the document is about. */
export interface OpenApiOptions {
  readonly services: readonly DescService[];
  /** Version of the server. */
  readonly version: string;
}

const description = [
  "Telemetry of AI agents: send events, and ask what the agents did.",
  "The same questions can be asked over gRPC, gRPC-Web and Connect on the same port; these paths are made from the same contract.",
  "Every path also answers with a slash at its end. HEAD works where GET does. Responses have every member: what is absent is null.",
  'Integers of 64 bits are numbers up to ±(2^53 - 1) and strings beyond. Numbers that are not finite are the strings "NaN", "Infinity" and "-Infinity".',
  "A parameter without a value counts as absent, and parameters that are not listed are passed over. Times are ISO 8601; without an offset they are UTC.",
  "Every reply has an `x-request-id`: the client's own if it sent one.",
].join("\n\n");

/**
 * The OpenAPI 3.1 document of the REST routes of these services, with the comments of the contract. The services need the source
 * information of their files. The same contract always gives the same document.
 */
export function createOpenApiDocument({ services, version }: OpenApiOptions): JsonObject {
  const schemas = createMessageSchemas();
  const paths: Record<string, JsonObject> = {};
  const documented = services.filter((service) => service.methods.some((method) => restBindingsOf(method).length > 0));
  for (const method of documented.flatMap((service) => service.methods)) {
    for (const [index, binding] of restBindingsOf(method).entries()) {
      const path = openApiPath(binding);
      const operation = createOperation(binding, operationIdOf(binding, index), schemas);
      paths[path] = { ...paths[path], [binding.httpMethod.toLowerCase()]: operation };
    }
  }
  const components = { ...schemas.components, ...freeFormSchemas, Error: errorSchema };
  return {
    openapi: "3.1.0",
    info: {
      title: "Cylestio Mini-Local Server",
      version,
      description,
      license: { name: "Apache License 2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    security: [],
    tags: documented.map((service) => ({ name: service.name, description: commentOf(service) })),
    paths: sorted(paths),
    components: { schemas: sorted(components), responses: createErrorComponents() },
  };
}

/** The path with each variable as `{name}`, whatever its pattern. */
function openApiPath({ template, pathVariables }: RestBinding): string {
  const names = new Map(pathVariables.map(({ name, restName }) => [name, restName]));
  return template.text.replaceAll(/\{([\w.]+)[^}]*\}/g, (_variable, name: string) => `{${names.get(name) ?? name}}`);
}

/** The RPC's name for the main route; further routes have their method and path behind it. */
function operationIdOf({ method, httpMethod, template }: RestBinding, index: number): string {
  if (index === 0) return method.localName;
  return `${method.localName}_${httpMethod.toLowerCase()}${template.text.replaceAll(/[^A-Za-z0-9]+/g, "_").replace(/_$/, "")}`;
}

function sorted(members: Readonly<Record<string, JsonObject>>): JsonObject {
  return Object.fromEntries(Object.entries(members).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
