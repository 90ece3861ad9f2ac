import type { Message } from "@bufbuild/protobuf";
import {
  type ContextValues,
  createContextValues,
  type Interceptor,
  type MethodImplSpec,
  type ServiceImplSpec,
} from "@connectrpc/connect";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { freeFormBodyKey } from "../rpc/free-form-body.ts";
import { jsonContentType } from "./error-json.ts";
import { createEventStreamHandler } from "./event-stream-route.ts";
import { createNextLink, splitTarget } from "./next-link.ts";
import { templateVariableValue } from "./path-template.ts";
import { type BodyLimits, readJsonText } from "./request-body.ts";
import { requestMessageFrom } from "./request-message.ts";
import { createResponseWriter } from "./response-json.ts";
import { type RestBinding, restBindingsOf } from "./rest-binding.ts";
import { invokeOverRest, type UnaryImplSpec } from "./rest-call.ts";

/** What the REST routes need. */
export interface RestPluginOptions {
  /** The services and their implementations, by `createServiceImplSpec`: the same objects that Connect serves. */
  readonly services: readonly ServiceImplSpec[];
  /** The same interceptors, in the same order, that Connect has. */
  readonly interceptors?: readonly Interceptor[];
  readonly limits: BodyLimits;
  /** Context values of one call, as for Connect. */
  readonly contextValues?: (request: FastifyRequest) => ContextValues;
  /** How long a handler has until its signal is aborted. Without it a call has no deadline. */
  readonly defaultTimeoutMs?: number;
  /** Aborts the signal of every running call. */
  readonly shutdownSignal?: AbortSignal;
}

/**
 * Fastify plugin that serves the REST routes which the contract gives the services by `google.api.http`. A route calls the same
 * implementation through the same interceptors as the RPC does, with `protocolName` "rest", and nothing is encoded in between. An
 * RPC that streams its answers has a route of server-sent events.
 *
 * Every path answers with and without a slash at its end; where the application ignores that slash anyway
 * (`routerOptions.ignoreTrailingSlash`), one route is enough. Errors are thrown, for `registerErrorReplies` of the root to
 * answer. Register it without `fastify-plugin`: it replaces the body parsers of its own scope.
 *
 * The router refuses path variables longer than its `routerOptions.maxParamLength` with 414; its default is 100 characters.
 *
 * Throws if the contract asks for a route that would not be served (see `restBindingsOf`), or for one route twice.
 */
export async function restPlugin(app: FastifyInstance, options: RestPluginOptions): Promise<void> {
  app.removeAllContentTypeParsers();
  // Each route reads its own body, if it has one. Without a parser Fastify would refuse the content type of the others.
  app.addContentTypeParser(["application/json", "*"], (_request, _payload, done) => done(null));
  const owners = new Map<string, string>();
  for (const { service, methods } of options.services) {
    for (const spec of service.methods.flatMap((method) => methods[method.localName] ?? [])) {
      for (const binding of restBindingsOf(spec.method)) {
        const route = `${binding.httpMethod} ${binding.template.routerPath}`;
        const rpc = `${service.typeName}.${spec.method.name}`;
        const owner = owners.get(route);
        if (owner !== undefined) throw new Error(`${rpc}: ${owner} has the route ${route} already`);
        owners.set(route, rpc);
        registerRoute(app, binding, createHandler(binding, spec, options));
      }
    }
  }
}

/** Resolves to the body of the reply, or to the reply where it streams. */
type RouteHandler = (request: FastifyRequest, reply: FastifyReply) => Promise<string | FastifyReply>;

function createHandler(binding: RestBinding, spec: MethodImplSpec, options: RestPluginOptions): RouteHandler {
  const { eventStream } = binding;
  const { limits } = options;
  if (spec.kind === "unary") return createRouteHandler(binding, spec, options);
  if (spec.kind !== "server_streaming" || eventStream === undefined) {
    throw new Error(`${spec.method.name} takes a stream`);
  }
  const read = (request: FastifyRequest, contextValues: ContextValues) =>
    readRequest(binding, request, { contextValues, limits });
  return createEventStreamHandler({ ...options, binding, eventStream, spec, readRequest: read });
}

function registerRoute(app: FastifyInstance, binding: RestBinding, handler: RouteHandler): void {
  const url = binding.template.routerPath;
  const isSlashFree = app.initialConfig.routerOptions?.ignoreTrailingSlash === true || url === "/" || url.endsWith("*");
  for (const spelling of isSlashFree ? [url] : [url, `${url}/`]) {
    app.route({ method: binding.httpMethod, url: spelling, handler, exposeHeadRoute: true });
  }
}

function createRouteHandler(binding: RestBinding, spec: UnaryImplSpec, options: RestPluginOptions): RouteHandler {
  const writeResponse = createResponseWriter(binding.method.output, binding.responseField);
  const nextLink = createNextLink(binding);
  const isRead = binding.httpMethod === "GET";
  const { interceptors = [], limits, defaultTimeoutMs: timeoutMs, shutdownSignal } = options;
  return async (request, reply) => {
    const contextValues = options.contextValues?.(request) ?? createContextValues();
    const message = await readRequest(binding, request, { contextValues, limits });
    const call = { spec, message, contextValues, request, reply };
    const response = await invokeOverRest(call, { interceptors, timeoutMs, shutdownSignal });
    const link = nextLink?.(response.message, request.url);
    if (isRead) reply.header("cache-control", "no-store");
    if (link !== undefined) reply.header("link", link);
    for (const [name, value] of response.header) reply.header(name, value);
    reply.code(binding.successStatus).headers({ "content-type": jsonContentType, "x-content-type-options": "nosniff" });
    return writeResponse(response.message);
  };
}

async function readRequest(
  binding: RestBinding,
  request: FastifyRequest,
  { contextValues, limits }: { readonly contextValues: ContextValues; readonly limits: BodyLimits },
): Promise<Message> {
  const bodyText = binding.body.kind === "none" ? "" : await readJsonText(request, limits);
  if (binding.body.kind === "free-form") contextValues.set(freeFormBodyKey, { text: bodyText });
  // The router gives a text for every parameter of the route.
  const parameters = request.params as Readonly<Record<string, string>>;
  return requestMessageFrom(binding, {
    pathValues: binding.pathVariables.map((variable) => templateVariableValue(variable, parameters)),
    query: new URLSearchParams(splitTarget(request.url).query),
    bodyText: binding.body.kind === "free-form" ? "" : bodyText,
  });
}
