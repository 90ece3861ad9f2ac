import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { Code, type ConnectError } from "@connectrpc/connect";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from "fastify";
import { type ErrorReason, TelemetryError } from "../model/error.ts";
import { connectErrorFrom } from "../rpc/connect-error.ts";
import { createErrorReply } from "./error-json.ts";

/** Methods that a path may answer; `OPTIONS` belongs to CORS, which answers it on every path. */
const probedMethods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] as const satisfies readonly HTTPMethods[];

/** What Fastify refuses by itself, by its own code. Anything else that it refuses is BAD_REQUEST. */
const reasonsByFastifyCode: ReadonlyMap<string, ErrorReason> = new Map([
  ["FST_ERR_NOT_FOUND", "PATH_NOT_FOUND"],
  ["FST_ERR_CTP_BODY_TOO_LARGE", "BODY_TOO_LARGE"],
  ["FST_ERR_CTP_INVALID_MEDIA_TYPE", "UNSUPPORTED_MEDIA_TYPE"],
  ["FST_ERR_CTP_EMPTY_JSON_BODY", "MALFORMED_BODY"],
  ["FST_ERR_CTP_INVALID_JSON_BODY", "MALFORMED_BODY"],
  ["FST_ERR_HANDLER_TIMEOUT", "DEADLINE_EXCEEDED"],
]);

/**
 * Gives every refusal of the whole application the REST error body: errors of hooks and handlers, unknown paths, and known paths
 * with another method (405 with `Allow`).
 *
 * The root needs besides, because Fastify takes them only where it is created: `frameworkErrors: replyToFrameworkError`,
 * `clientErrorHandler: createClientErrorHandler(…)`, and `return503OnClosing: false`, because its own 503 bypasses all this.
 * The application loses Fastify's body parsers: nothing here uses them, and they would look at the body of an unknown path.
 */
export function registerErrorReplies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.setErrorHandler((error, request, reply) => replyToError(error, request, reply));
  app.setNotFoundHandler((request, reply) => {
    const allowed = probedMethods.filter((method) => app.findRoute({ method, url: request.raw.url ?? "/" }) !== null);
    const isWrongMethod = allowed.length > 0 && !allowed.some((method) => method === request.method);
    if (isWrongMethod) reply.header("allow", allowed.join(", "));
    const error = isWrongMethod
      ? new TelemetryError("METHOD_NOT_ALLOWED", `this path does not answer ${request.method}`)
      : new TelemetryError("PATH_NOT_FOUND", "there is no such path");
    replyToError(error, request, reply);
  });
}

/** Answers what Fastify refuses before a route is found, as a bad URL. For Fastify's option `frameworkErrors`. */
export function replyToFrameworkError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  replyToError(error, request, reply);
}

/** What the handler of broken connections needs. */
export interface ClientErrorHandlerOptions {
  /** Makes the id of a request that could not be read. */
  readonly createRequestId: () => string;
}

/**
 * Makes the function that answers what is not even HTTP: a request that cannot be parsed, whose headers are too long, or that
 * does not come to its end in time. For Fastify's option `clientErrorHandler`.
 */
export function createClientErrorHandler({
  createRequestId,
}: ClientErrorHandlerOptions): (error: Error & { readonly code?: string }, socket: Socket) => void {
  return (error, socket) => {
    if (error.code === "ECONNRESET" || socket.destroyed) return;
    if (socket.writable) {
      const { message, statusCode } = clientErrorOf(error.code);
      const refusal = connectErrorFrom(new TelemetryError("BAD_REQUEST", message));
      const reply = createErrorReply(refusal, { requestId: createRequestId(), statusCode });
      const headers = { ...reply.headers, "content-length": Buffer.byteLength(reply.body), connection: "close" };
      const headerText = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.write(`HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode]}\r\n${headerText.join("")}\r\n${reply.body}`);
    }
    socket.destroySoon();
  };
}

function clientErrorOf(code: string | undefined): { readonly message: string; readonly statusCode: number } {
  switch (code) {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return { message: "the request took too long to arrive", statusCode: 408 };
    case "HPE_HEADER_OVERFLOW":
      return { message: "the headers of the request are too long", statusCode: 431 };
    default:
      return { message: "the request is not valid HTTP", statusCode: 400 };
  }
}

function replyToError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const { connectError, statusCode: closerStatus } = answerableError(error, request);
  const { statusCode, headers, body } = createErrorReply(connectError, {
    requestId: request.id,
    statusCode: closerStatus,
  });
  for (const [name, value] of connectError.metadata) reply.header(name, value);
  reply.code(statusCode).headers(headers).send(body);
}

/** What the client of a request is told. */
export interface AnswerableError {
  readonly connectError: ConnectError;
  /** HTTP status, where HTTP has a closer one than the reason. */
  readonly statusCode: number | undefined;
}

/** The error as it leaves the server, whatever was thrown. Logs the internal ones that nobody has logged. */
export function answerableError(error: unknown, request: FastifyRequest): AnswerableError {
  const refusal = refusalOf(error);
  const connectError = connectErrorFrom(refusal.error);
  // The interceptor has reported the internal errors that it made; those made here are still unknown to anyone.
  if (connectError.code === Code.Internal && connectError !== error)
    request.log.error({ err: error }, "request failed");
  return { connectError, statusCode: refusal.statusCode };
}

/** The error in our terms, if it is one of Fastify's refusals, and the HTTP status that says more than our reason. */
function refusalOf(error: unknown): { readonly error: unknown; readonly statusCode?: number } {
  if (!isFastifyRefusal(error)) return { error };
  const reason = reasonsByFastifyCode.get(error.code);
  if (reason !== undefined) return { error: new TelemetryError(reason, error.message, { cause: error }) };
  if (error.statusCode >= 500) return { error };
  return { error: new TelemetryError("BAD_REQUEST", error.message, { cause: error }), statusCode: error.statusCode };
}

function isFastifyRefusal(error: unknown): error is FastifyError & { readonly statusCode: number } {
  if (!(error instanceof Error && "code" in error && "statusCode" in error)) return false;
  return typeof error.code === "string" && error.code.startsWith("FST_ERR_") && typeof error.statusCode === "number";
}
