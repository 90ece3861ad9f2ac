import { Readable } from "node:stream";
import type { Message } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import {
  type ContextValues,
  createContextValues,
  createHandlerContext,
  type MethodImplSpec,
} from "@connectrpc/connect";
import { createAsyncIterable, transformInvokeImplementation } from "@connectrpc/connect/protocol";
import { universalRequestFromNodeRequest } from "@connectrpc/connect-node";
import type { FastifyReply, FastifyRequest } from "fastify";
import { connectErrorFrom } from "../rpc/connect-error.ts";
import { restProtocolName } from "../rpc/free-form-body.ts";
import { createErrorReply } from "./error-json.ts";
import type { EventStream, RestBinding } from "./rest-binding.ts";
import type { RestPluginOptions } from "./rest-plugin.ts";
import { createEventWriter, errorEventText, eventStreamContentType, eventStreamHead } from "./server-sent-event.ts";

/** The implementation of an RPC that takes one message and streams its answers. */
export type StreamImplSpec = MethodImplSpec & { readonly kind: "server_streaming" };

export interface EventStreamRouteOptions
  extends Pick<RestPluginOptions, "interceptors" | "contextValues" | "shutdownSignal"> {
  readonly binding: RestBinding;
  readonly eventStream: EventStream;
  readonly spec: StreamImplSpec;
  /** The request message of an HTTP request. */
  readonly readRequest: (request: FastifyRequest, values: ContextValues) => Promise<Message>;
}

/** Headers against everything between server and client that would hold events back. */
const headers = {
  "content-type": eventStreamContentType,
  "cache-control": "no-store",
  "x-accel-buffering": "no",
  "x-content-type-options": "nosniff",
} as const;

/**
 * Makes the handler of a route that answers with server-sent events. What goes wrong before the first message is an error reply like
 * any other; after it, the error is the last event. A client that goes away aborts the signal of the RPC at once, and one that does
 * not read is waited for: the RPC is asked for the next message when there is room for it.
 */
export function createEventStreamHandler(
  options: EventStreamRouteOptions,
): (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply> {
  const { binding, eventStream, spec, readRequest } = options;
  const writeEvent = createEventWriter(binding, eventStream);
  return async (request, reply) => {
    // The third argument is a body: anything defined keeps the request's stream untouched.
    const call = universalRequestFromNodeRequest(request.raw, reply.raw, {}, options.contextValues?.(request));
    const values = call.contextValues ?? createContextValues();
    const message = await readRequest(request, values);
    applyLastEventId(message, options, request);
    const context = createHandlerContext({
      service: binding.method.parent,
      method: binding.method,
      protocolName: restProtocolName,
      requestMethod: call.method,
      url: call.url,
      requestHeader: call.header,
      requestSignal: call.signal,
      contextValues: values,
      ...(options.shutdownSignal !== undefined && { shutdownSignal: options.shutdownSignal }),
    });
    const invoke = transformInvokeImplementation(spec, context, [...(options.interceptors ?? [])]);
    const messages = invoke(createAsyncIterable([message]))[Symbol.asyncIterator]();
    const end = async (): Promise<void> => {
      context.abort();
      await messages.return?.();
    };
    const first = await orEnd(messages.next(), end);
    for (const [name, value] of context.responseHeader) reply.header(name, value);
    reply.code(binding.successStatus).headers(headers);
    if (request.method === "HEAD") {
      await end();
      // Not a text, of which Fastify would say how long it is.
      return reply.send(Readable.from([]));
    }
    const texts = eventTexts({ first, messages, writeEvent, end, requestId: request.id });
    return reply.send(Readable.from(texts));
  };
}

function applyLastEventId(
  message: Message,
  { binding, eventStream }: EventStreamRouteOptions,
  { headers }: FastifyRequest,
): void {
  const lastEventId = headers["last-event-id"];
  if (eventStream.lastIdField === undefined || typeof lastEventId !== "string" || lastEventId === "") return;
  reflect(binding.method.input, message).set(eventStream.lastIdField, lastEventId);
}

async function orEnd<Value>(value: Promise<Value>, end: () => Promise<void>): Promise<Value> {
  try {
    return await value;
  } catch (error) {
    await end();
    throw error;
  }
}

interface EventTextOptions {
  readonly first: IteratorResult<Message>;
  readonly messages: AsyncIterator<Message>;
  readonly writeEvent: (message: Message) => string;
  readonly end: () => Promise<void>;
  readonly requestId: string;
}

async function* eventTexts({ first, messages, writeEvent, end, requestId }: EventTextOptions): AsyncGenerator<string> {
  try {
    yield eventStreamHead + (first.done === true ? "\n" : writeEvent(first.value));
    for (let next = first; next.done !== true; ) {
      next = await messages.next();
      if (next.done !== true) yield writeEvent(next.value);
    }
  } catch (error) {
    // The status is sent: what would have been the reply is the last event. Who reads no further gets no more of it.
    yield errorEventText(createErrorReply(connectErrorFrom(error), { requestId }).body);
  } finally {
    await end();
  }
}
