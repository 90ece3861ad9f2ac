import { readFile } from "node:fs/promises";
import { Readable } from "node:stream";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { AgentService } from "../../../gen/cylestio/v1/agent_service_pb.ts";
import { createOpenApiDocument } from "../../../src/rest/openapi/document.ts";
import { restPlugin } from "../../../src/rest/rest-plugin.ts";
import { openEventStream, parseEvents, type ServerSentEvent } from "../../server-sent-events.ts";
import { createServices } from "../stand-in-services.ts";
import { getTestService } from "../test-contract.ts";
import { startTestServer } from "../test-server.ts";

const document: JsonObject = JSON.parse(await readFile(new URL("../../../gen/openapi.json", import.meta.url), "utf8"));

// Formats are notes for people here; whether a time is one is tested where times are written.
const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
ajv.addSchema(document, "openapi");

function at(value: JsonValue | undefined, ...path: readonly string[]): JsonValue | undefined {
  let found = value;
  for (const key of path) {
    if (typeof found !== "object" || found === null) return undefined;
    found = Object.entries(found).find(([name]) => name === key)?.[1];
  }
  return found;
}

/** Where `value` is in the document, as a JSON pointer. */
function pointer(...path: readonly string[]): string {
  return path.map((key) => `/${encodeURIComponent(key.replaceAll("~", "~0").replaceAll("/", "~1"))}`).join("");
}

function errorsOf(path: readonly string[], value: unknown): readonly object[] {
  const validate = ajv.compile({ $ref: `openapi#${pointer(...path)}` });
  return validate(value) ? [] : (validate.errors ?? []);
}

/** The path of a schema in the document. */
function schemaPath(name: string): readonly string[] {
  return ["components", "schemas", name];
}

/** Every object of the document, with its path. */
function* walk(value: JsonValue, path: readonly string[] = []): Generator<[readonly string[], JsonObject]> {
  if (typeof value !== "object" || value === null) return;
  if (!Array.isArray(value)) yield [path, value];
  for (const [key, child] of Object.entries(value)) yield* walk(child, [...path, key]);
}

interface Operation {
  readonly path: readonly string[];
  readonly route: string;
  readonly operation: JsonObject;
}

const operations: readonly Operation[] = Object.entries(Object(document["paths"])).flatMap(([url, item]) =>
  Object.entries(Object(item)).map(([method, operation]) => ({
    path: ["paths", url, method],
    route: `${method.toUpperCase()} ${url}`,
    operation: Object(operation),
  })),
);

/** Whether the operation answers with server-sent events. */
const isStream = ({ operation }: Operation) =>
  at(operation["responses"], "200", "content", "text/event-stream") !== undefined;

async function toArray<Item>(items: AsyncIterable<Item>): Promise<readonly Item[]> {
  const array: Item[] = [];
  for await (const item of items) array.push(item);
  return array;
}

/** The JSON of the events of one type. */
const dataOf = (events: readonly ServerSentEvent[], type: string) =>
  events.flatMap((event) => (event.type === type && event.data !== null ? [JSON.parse(event.data)] : []));

/** The route with every variable as `{}`. */
function shapeOf(route: string): string {
  return route.replaceAll(/\{[^}]*\}|:\w+/g, "{}");
}

async function serve() {
  const routes: string[] = [];
  const { url } = await startTestServer((app) => {
    app.addHook("onRoute", ({ method, url }) => {
      if (method !== "HEAD" && (url === "/" || !url.endsWith("/"))) routes.push(shapeOf(`${method} ${url}`));
    });
    app.register(restPlugin, { services: createServices([]), limits: { bodyMaxBytes: 1000 } });
  });
  return { url, routes };
}

describe("the OpenAPI document", () => {
  test("has the routes that are served, and no others", async () => {
    const { routes } = await serve();
    expect(routes.length).toBeGreaterThan(20);
    expect(operations.map(({ route }) => shapeOf(route)).toSorted()).toEqual(routes.toSorted());
  });

  test("refers to nothing that it does not have", () => {
    const references = [...walk(document)].flatMap(([, { $ref }]) => (typeof $ref === "string" ? [$ref] : []));
    expect(references.length).toBeGreaterThan(50);
    const missing = references.filter((ref) => at(document, ...ref.slice(2).split("/")) === undefined);
    expect(missing).toEqual([]);
  });

  test("uses every schema and response that it has", () => {
    const text = JSON.stringify(document);
    const unused = ["schemas", "responses"].flatMap((kind) =>
      Object.keys(Object(at(document, "components", kind)))
        .map((name) => `#/components/${kind}/${name}`)
        .filter((ref) => !text.includes(`"${ref}"`)),
    );
    expect(unused).toEqual([]);
  });

  test("gives every operation an id of its own", () => {
    const ids = operations.map(({ operation }) => operation["operationId"]);
    expect(ids).toContain("listAgents");
    expect(new Set(ids).size).toBe(operations.length);
  });

  test.each(operations)("says of $route what it does, what it takes and what comes back", ({ operation, route }) => {
    expect(operation["summary"]).toMatch(/^[A-Z].*[^.]$/);
    const parameters: readonly JsonObject[] = Object(operation["parameters"] ?? []);
    const variables = [...route.matchAll(/\{([^}]*)\}/g)].map((match) => match[1]);
    expect(parameters.filter((parameter) => parameter["in"] === "path").map(({ name }) => name)).toEqual(variables);
    for (const parameter of parameters) expect(parameter["description"]).toMatch(/\w/);
    const names = parameters.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const statuses = Object.keys(Object(operation["responses"]));
    expect(statuses.filter((status) => status.startsWith("2"))).toHaveLength(1);
    expect(statuses).toEqual(expect.arrayContaining(["500", "503", "default"]));
    const isWrite = !route.startsWith("GET");
    expect(operation["requestBody"] !== undefined).toBe(isWrite);
    expect(["400", "413", "415"].every((status) => statuses.includes(status))).toBe(isWrite);
    expect(statuses.includes("404")).toBe(variables.length > 0);
  });

  test("describes every member of every schema", () => {
    const schemas = Object.entries(Object(at(document, "components", "schemas")));
    const silent = schemas.flatMap(([name, schema]) =>
      Object.entries(Object(at(Object(schema), "properties")))
        .filter(([, member]) => Object(member).description === undefined)
        .map(([member]) => `${name}.${member}`),
    );
    expect(silent).toEqual(["Error.error"]);
  });

  test("has examples that are what they are examples of", () => {
    const examples = [...walk(document)].flatMap(([path, { schema, example }]) => {
      const values = [...(example === undefined ? [] : [example]), ...[at(schema, "examples") ?? []].flat()];
      return schema === undefined ? [] : values.map((value) => ({ path: [...path, "schema"], value }));
    });
    expect(examples.length).toBeGreaterThan(100);
    const wrong = examples.map(({ path, value }) => ({ path, errors: errorsOf(path, value) }));
    expect(wrong.filter(({ errors }) => errors.length > 0)).toEqual([]);
  });

  test.each(operations)("has an example of every body of $route", ({ operation }) => {
    const bodies = [operation["requestBody"], ...Object.values(Object(operation["responses"]))];
    for (const body of bodies) {
      const content = at(body as JsonValue | undefined, "content", "application/json");
      expect(content === undefined || at(content, "example") !== undefined).toBe(true);
    }
  });

  test.each(operations.filter((operation) => operation.route.startsWith("GET") && !isStream(operation)))(
    "describes what $route answers",
    async (operation) => {
      const { url } = await serve();
      const reply = await fetch(url + operation.route.slice(4).replaceAll(/\{[^}]*\}/g, "x"));
      const body = await reply.json();
      const response = [...operation.path, "responses", String(reply.status)];
      const reference = at(document, ...response, "$ref");
      const path = typeof reference === "string" ? reference.slice(2).split("/") : response;
      expect(errorsOf([...path, "content", "application/json", "schema"], body)).toEqual([]);
    },
  );

  test.each(operations.filter(isStream))(
    "describes the events that $route sends, and its examples are such",
    async (operation) => {
      const { url } = await serve();
      const stream = await openEventStream(url + operation.route.slice(4));
      const sent = await toArray(stream.events);
      const content = [...operation.path, "responses", "200", "content", "text/event-stream"];
      const examples = await toArray(parseEvents(Readable.from([String(at(document, ...content, "example"))])));
      const data = [sent, examples].map((events) => dataOf(events, "message"));
      expect(data.map(({ length }) => length)).toEqual([1, 1]);
      expect(data.flat().flatMap((value) => errorsOf([...content, "schema", "x-event-data"], value))).toEqual([]);
      const errors = dataOf(examples, "error");
      expect(errors).toHaveLength(1);
      expect(errors.flatMap((value) => errorsOf(schemaPath("Error"), value))).toEqual([]);
      const parameters = [at(operation.operation, "parameters") ?? []].flat();
      expect(parameters.filter((parameter) => at(parameter, "in") === "header")).toMatchObject([
        { name: "Last-Event-ID" },
      ]);
    },
  );

  test("does not take just anything for an answer", () => {
    expect(errorsOf(schemaPath("Agent"), {})).not.toEqual([]);
    expect(errorsOf(schemaPath("Error"), { message: "x", detail: "x" })).not.toEqual([]);
    expect(errorsOf(schemaPath("EventBody"), { timestamp: "2025-03-18", agent_id: "a" })).not.toEqual([]);
    expect(errorsOf(schemaPath("EventBatchBody"), {})).not.toEqual([]);
  });

  test.each([
    { timestamp: "2025-03-18T09:15:00", agent_id: "a", event_type: "x", data: "text", caller: { file: "f", line: 1 } },
    { timestamp: "2025-03-18T09:15:00Z", agent_id: "a", name: "x", schema_version: "1.0", attributes: { a: 1 } },
    { timestamp: "2025-03-18", agent_id: "a", name: "x", session_id: 7, level: null, more: [1] },
  ])("takes an event in every shape: %j", (event) => {
    expect(errorsOf(schemaPath("EventBody"), event)).toEqual([]);
    expect(errorsOf(schemaPath("EventBatchBody"), [event])).toEqual([]);
    expect(errorsOf(schemaPath("EventBatchBody"), { events: [event], source: "x" })).toEqual([]);
  });

  test("knows the names, the defaults and the aliases of parameters", () => {
    const parameters = at(document, "paths", "/api/events/{agent_id}/{event_type}", "get", "parameters");
    const byName = Object.fromEntries(
      [parameters ?? []].flat().map((parameter) => [Object(parameter).name, parameter]),
    );
    expect(byName).toMatchObject({
      agent_id: { in: "path", required: true, schema: { type: "string" } },
      event_type: { in: "path", required: true },
      from_time: { in: "query", schema: { type: "string", format: "date-time" } },
      limit: { schema: { type: "integer", minimum: 0, default: 100 } },
      offset: { schema: { maximum: 10_000 } },
      skip: { description: "The same as `offset`.", deprecated: true },
      sort: { schema: { enum: ["desc", "asc"], default: "desc" } },
      attributes_format: { description: expect.stringContaining("- `ATTRIBUTES_FORMAT_JSON`: ") },
    });
    expect(byName["name"]).toBeUndefined();
  });
});

describe("a document of other services", () => {
  const other = createOpenApiDocument({ services: [getTestService("KitchenSinkService")], version: "1.2.3" });

  test("describes bodies, patterns of paths and nested parameters", () => {
    expect(at(other, "info", "version")).toBe("1.2.3");
    const paths = Object.keys(Object(other["paths"]));
    expect(paths).toContain("/echo/named/{string_value}");
    expect(paths).toContain("/echo/deep/{nested.inner.text}/end");
    expect(at(other, "paths", "/echo", "post", "requestBody", "content", "application/json", "schema")).toEqual({
      $ref: "#/components/schemas/EverythingBody",
    });
    expect(at(other, "paths", "/echo", "put", "requestBody", "content", "application/json", "schema")).toEqual({
      $ref: "#/components/schemas/NestedBody",
    });
    expect(at(other, "components", "schemas", "NestedBody")).toEqual({
      type: "object",
      properties: {
        text: { type: "string" },
        inner: { $ref: "#/components/schemas/NestedBody" },
        number: { type: "integer", format: "int32" },
        at_time: { type: "string", format: "date-time" },
      },
      additionalProperties: false,
    });
    const names = [at(other, "paths", "/echo", "get", "parameters") ?? []]
      .flat()
      .map((parameter) => at(parameter, "name"));
    expect(names).toEqual(
      expect.arrayContaining(["string_list", "nested.text", "nested.number", "other_name", "alias_one"]),
    );
    expect(names.filter((name) => /nested_list|count_map|inner|renamed_value/.test(String(name)))).toEqual([]);
  });

  test("describes values as REST JSON has them", () => {
    const properties = at(other, "components", "schemas", "Everything", "properties");
    expect(properties).toMatchObject({
      optional_string: { type: ["string", "null"] },
      int64_list: { type: "array", items: { type: ["integer", "string"] } },
      bool_wrapper: { type: ["boolean", "null"] },
      nested: { anyOf: [{ $ref: "#/components/schemas/Nested" }, { type: "null" }] },
      count_map: { type: "object", additionalProperties: { type: ["integer", "string"] } },
      choice_number: { type: ["integer", "string", "null"] },
      bytes_value: { type: "string", contentEncoding: "base64" },
      plain_json: {},
    });
    expect(at(other, "components", "schemas", "Json", "properties", "data")).toEqual({});
  });

  test("has an Agent only once", () => {
    const twice = createOpenApiDocument({ services: [AgentService, AgentService], version: "1" });
    expect(Object.keys(Object(at(twice, "components", "schemas"))).filter((name) => name === "Agent")).toHaveLength(1);
  });
});
