import { Duplex } from "node:stream";
import { create, type Message } from "@bufbuild/protobuf";
import {
  type ContextValues,
  createHandlerContext,
  type HandlerContext,
  type Interceptor,
  type MethodImplSpec,
  type UnaryRequest,
  type UnaryResponse,
} from "@connectrpc/connect";
import { universalRequestFromNodeRequest } from "@connectrpc/connect-node";
import type { FastifyReply, FastifyRequest } from "fastify";
import { restProtocolName } from "../rpc/free-form-body.ts";

/** An RPC that takes one message and gives one, with its implementation. */
export type UnaryImplSpec = MethodImplSpec & { readonly kind: "unary" };

/** One call of an RPC over REST. */
export interface RestCall {
  readonly spec: UnaryImplSpec;
  readonly message: Message;
  readonly contextValues: ContextValues;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** What all calls have in common. */
export interface RestCallOptions {
  /** The first of them is the outermost. */
  readonly interceptors: readonly Interceptor[];
  /** How long a handler has until its signal is aborted; undefined: as long as it likes. */
  readonly timeoutMs: number | undefined;
  /** Aborts the signal of every running call. */
  readonly shutdownSignal: AbortSignal | undefined;
}

/**
 * Calls the implementation through the interceptors. Both see what they would see of a call over Connect, with `protocolName`
 * "rest"; the response's message is complete, and its headers are for the reply.
 */
export async function invokeOverRest(call: RestCall, options: RestCallOptions): Promise<UnaryResponse> {
  const { method, impl } = call.spec;
  const connectCall = new ConnectCall(call, options);
  const invokeImplementation: ReturnType<Interceptor> = async (request) => {
    if (request.stream) throw new Error(`${method.name} is no stream`);
    const context = new RestContext(request, connectCall);
    const message = create(method.output, await impl(request.message, context));
    const { responseHeader: header, responseTrailer: trailer } = context;
    return { stream: false, service: method.parent, method, message, header, trailer };
  };
  const next = options.interceptors.reduceRight((inner, interceptor) => interceptor(inner), invokeImplementation);
  try {
    const response = await next(requestOf(call, connectCall));
    if (response.stream) throw new Error(`${method.name} is no stream`);
    return response;
  } finally {
    connectCall.end();
  }
}

/** The request as interceptors see it. Its getters are its own, so that a copy of it has all that it has. */
function requestOf({ spec, message, request, contextValues }: RestCall, connectCall: ConnectCall): UnaryRequest {
  return {
    stream: false,
    service: spec.method.parent,
    method: spec.method,
    message,
    requestMethod: request.method,
    contextValues,
    get url() {
      return connectCall.context().url;
    },
    get header() {
      return connectCall.context().requestHeader;
    },
    get signal() {
      return connectCall.context().signal;
    },
  };
}

/** The context of the handler, with what the interceptors made of the request. */
class RestContext implements HandlerContext {
  readonly protocolName = restProtocolName;
  readonly responseHeader = new Headers();
  readonly responseTrailer = new Headers();
  readonly timeoutMs: () => number | undefined;
  readonly #request: UnaryRequest;

  constructor(request: UnaryRequest, connectCall: ConnectCall) {
    this.#request = request;
    this.timeoutMs = () => connectCall.context().timeoutMs();
  }

  get service() {
    return this.#request.service;
  }

  get method() {
    return this.#request.method;
  }

  get requestMethod() {
    return this.#request.requestMethod;
  }

  get url() {
    return this.#request.url;
  }

  get requestHeader() {
    return this.#request.header;
  }

  get signal() {
    return this.#request.signal;
  }

  get values() {
    return this.#request.contextValues;
  }
}

/**
 * What Connect makes of every request, made when somebody first asks for it: headers, URL, and a signal that has to be aborted in
 * the end cost more than a short call itself.
 */
class ConnectCall {
  readonly #call: RestCall;
  readonly #options: RestCallOptions;
  readonly #startMs: number;
  #context: ReturnType<typeof createHandlerContext> | undefined;
  #isOver = false;

  constructor(call: RestCall, options: RestCallOptions) {
    this.#call = call;
    this.#options = options;
    this.#startMs = options.timeoutMs === undefined ? 0 : performance.now();
  }

  context(): HandlerContext {
    return (this.#context ??= this.#createContext());
  }

  /** Ends the deadline's timer, and tells who has the signal that nobody waits any more. */
  end(): void {
    this.#isOver = true;
    this.#context?.abort();
  }

  #createContext(): ReturnType<typeof createHandlerContext> {
    const { spec, request, reply, contextValues } = this.#call;
    const { timeoutMs, shutdownSignal } = this.#options;
    // The third argument is a body: anything defined keeps the request's stream untouched.
    const { method, url, header, signal } = universalRequestFromNodeRequest(request.raw, reply.raw, {}, contextValues);
    const context = createHandlerContext({
      service: spec.method.parent,
      method: spec.method,
      protocolName: restProtocolName,
      requestMethod: method,
      url,
      requestHeader: header,
      requestSignal: signal,
      contextValues,
      ...(timeoutMs !== undefined && { timeoutMs: timeoutMs - (performance.now() - this.#startMs) }),
      ...(shutdownSignal !== undefined && { shutdownSignal }),
    });
    // Too late for the signal to hear of it.
    if (this.#isOver || isGone(request, reply)) context.abort();
    return context;
  }
}

/** Whether the client has its answer, or has gone away. */
function isGone({ raw }: FastifyRequest, reply: FastifyReply): boolean {
  return "stream" in raw && raw.stream instanceof Duplex ? raw.stream.destroyed : reply.raw.destroyed;
}
