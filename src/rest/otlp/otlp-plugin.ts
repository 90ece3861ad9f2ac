import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import {
  type ConnectError,
  type ContextValues,
  createContextValues,
  type Interceptor,
  type MethodImplSpec,
  type ServiceImplSpec,
} from "@connectrpc/connect";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { BadRequestSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { type Status, StatusSchema } from "../../../gen/google/rpc/status_pb.ts";
import { TelemetryError } from "../../model/error.ts";
import { unreadableItemsKey } from "../../rpc/otlp/unreadable.ts";
import { httpErrorOf } from "../error-json.ts";
import { answerableError } from "../error-reply.ts";
import { readBody } from "../request-body.ts";
import { invokeOverRest, type UnaryImplSpec } from "../rest-call.ts";
import { findEncoding, jsonEncoding, type OtlpEncoding, readMessage } from "./otlp-encoding.ts";

/** One kind of telemetry: where it is posted, and the service with the one method that takes it. */
export interface OtlpSignal {
  readonly path: string;
  readonly service: ServiceImplSpec;
}

/** What the routes of OTLP/HTTP need. */
export interface OtlpPluginOptions {
  /** The services are those that gRPC has. */
  readonly signals: readonly OtlpSignal[];
  /** The same interceptors, in the same order, that Connect has. */
  readonly interceptors: readonly Interceptor[];
  /** Context values of one call, as for Connect. */
  readonly contextValues?: (request: FastifyRequest) => ContextValues;
  /** Bytes of a body, as sent and after decompression. */
  readonly bodyMaxBytes: number;
}

/** Every method but `POST` that is answered: with 405. CORS takes `OPTIONS` first where it is on. */
const refusedMethods = ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;

/**
 * Fastify plugin that serves OTLP/HTTP: one path per signal, in binary and in JSON, compressed with gzip or not. A call goes through
 * the interceptors to the implementation that gRPC has. Every answer has the encoding of its request, and errors are
 * `google.rpc.Status`, also those of hooks of the root. Register it without `fastify-plugin`, as it has its own error handler.
 */
export async function otlpPlugin(app: FastifyInstance, options: OtlpPluginOptions): Promise<void> {
  app.removeAllContentTypeParsers();
  // Each route reads its own body.
  app.addContentTypeParser(["application/json", "*"], (_request, _payload, done) => done(null));
  app.setErrorHandler((error, request, reply) => replyWithStatus(error, request, reply));
  const isSlashFree = app.initialConfig.routerOptions?.ignoreTrailingSlash === true;
  for (const { path, service } of options.signals) {
    const handler = createSignalHandler(exportOf(service), options);
    for (const url of isSlashFree ? [path] : [path, `${path}/`]) {
      app.route({ method: "POST", url, handler });
      app.route({ method: [...refusedMethods], url, exposeHeadRoute: false, handler: refuseMethod });
    }
  }
}

function exportOf({ service, methods }: ServiceImplSpec): UnaryImplSpec {
  const spec: MethodImplSpec | undefined = methods["export"];
  if (spec?.kind !== "unary") throw new Error(`${service.typeName} has no method for one request of telemetry`);
  return spec;
}

async function refuseMethod({ method }: FastifyRequest, reply: FastifyReply): Promise<never> {
  reply.header("allow", "POST");
  throw new TelemetryError("METHOD_NOT_ALLOWED", `this path does not answer ${method}`);
}

function createSignalHandler(spec: UnaryImplSpec, { interceptors, bodyMaxBytes, ...options }: OtlpPluginOptions) {
  const { input, output } = spec.method;
  return async (request: FastifyRequest, reply: FastifyReply): Promise<Buffer> => {
    const encoding = encodingOf(request);
    const body = await readBody(request, { maxBytes: bodyMaxBytes, encodings: ["gzip"] });
    const { message, unreadable } = readMessage(encoding, input, body);
    const contextValues = options.contextValues?.(request) ?? createContextValues();
    contextValues.set(unreadableItemsKey, unreadable);
    const call = { spec, message, contextValues, request, reply };
    const response = await invokeOverRest(call, { interceptors, timeoutMs: undefined, shutdownSignal: undefined });
    reply.headers({ ...headersOf(encoding), ...Object.fromEntries(response.header) });
    return encoding.write(output, response.message);
  };
}

function encodingOf({ headers }: FastifyRequest): OtlpEncoding {
  const encoding = findEncoding(headers["content-type"]);
  if (encoding !== undefined) return encoding;
  const message = "the content type must be application/x-protobuf, or application/json in UTF-8";
  throw new TelemetryError("UNSUPPORTED_MEDIA_TYPE", message);
}

function replyWithStatus(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const encoding = findEncoding(request.headers["content-type"]) ?? jsonEncoding;
  const { connectError, statusCode } = answerableError(error, request);
  const { httpStatus, retryAfter } = httpErrorOf(connectError);
  for (const [name, value] of connectError.metadata) reply.header(name, value);
  if (retryAfter !== undefined) reply.header("retry-after", retryAfter);
  reply.code(statusCode ?? httpStatus).headers(headersOf(encoding));
  void reply.send(encoding.write(StatusSchema, statusOf(connectError, httpStatus)));
}

/** Without a character set: some clients compare the content type as a whole. */
function headersOf({ contentType }: OtlpEncoding) {
  return { "content-type": contentType, "x-content-type-options": "nosniff" };
}

/** Bad data is described in a BadRequest, as the specification asks, also where no single field is wrong. */
function statusOf(error: ConnectError, httpStatus: number): Status {
  const details = error.details.flatMap((detail) =>
    // Details without a descriptor were read from another server's reply; nothing here calls one.
    "desc" in detail ? [anyPack(detail.desc, create(detail.desc, detail.value))] : [],
  );
  if (httpStatus === 400 && error.findDetails(BadRequestSchema).length === 0) {
    const fieldViolations = [{ field: "body", description: error.rawMessage, reason: "MALFORMED_BODY" }];
    details.push(anyPack(BadRequestSchema, create(BadRequestSchema, { fieldViolations })));
  }
  return create(StatusSchema, { code: error.code, message: error.rawMessage, details });
}
