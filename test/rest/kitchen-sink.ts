import { type JsonObject, type Message, toJson } from "@bufbuild/protobuf";
import { createServiceImplSpec, type HandlerContext, type ServiceImplSpec } from "@connectrpc/connect";
import type { FastifyServerOptions } from "fastify";
import { type RestPluginOptions, restPlugin } from "../../src/rest/rest-plugin.ts";
import { getTestService } from "./test-contract.ts";
import { startTestServer } from "./test-server.ts";

/** What stands in for an RPC; for one that streams, it gives what can be iterated over. */
export type Handler = (request: Message, context: HandlerContext) => object | Promise<object>;

/** What a handler was called with: the request in proto JSON without what is unset, and the context. */
export interface Call {
  readonly method: string;
  readonly request: JsonObject;
  readonly context: HandlerContext;
}

/** The service that has every kind of route. */
export const kitchenSink = getTestService("KitchenSinkService");

/** A service whose methods answer with their request, where the types are the same, or as `handlers` says. */
function createKitchenSink(calls: Call[], handlers: Readonly<Record<string, Handler>>): ServiceImplSpec {
  const spec = createServiceImplSpec(kitchenSink, {});
  for (const method of kitchenSink.methods) {
    const impl: Handler = (request, context) => {
      const json = toJson(method.input, request, { useProtoFieldName: true });
      calls.push({ method: method.name, request: Object(json), context });
      return handlers[method.localName]?.(request, context) ?? (method.input === method.output ? request : {});
    };
    const stream = async function* (request: Message, context: HandlerContext) {
      const answer = await impl(request, context);
      if (isIterable(answer)) yield* answer;
    };
    const isStream = method.methodKind === "server_streaming";
    const implementation = { kind: method.methodKind, method, impl: isStream ? stream : impl };
    Object.assign(spec.methods, { [method.localName]: implementation });
  }
  return spec;
}

function isIterable(value: object): value is AsyncIterable<object> {
  return Symbol.asyncIterator in value;
}

/** Serves the kitchen sink over REST; `calls` is what its handlers were called with. */
export async function serveKitchenSink(
  handlers: Readonly<Record<string, Handler>> = {},
  options: Partial<RestPluginOptions> = {},
  routerOptions: Readonly<Record<string, unknown>> = {},
  serverOptions: FastifyServerOptions = {},
) {
  const calls: Call[] = [];
  const server = await startTestServer(
    (app) =>
      void app.register(restPlugin, {
        services: [createKitchenSink(calls, handlers)],
        limits: { bodyMaxBytes: 1000 },
        ...options,
      }),
    { routerOptions, ...serverOptions },
  );
  return { ...server, calls };
}

/** Headers of a JSON body. */
export const jsonType = { "content-type": "application/json" };
