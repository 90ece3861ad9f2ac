import type { JsonObject } from "@bufbuild/protobuf";
import { type ErrorReason, errorDomain, errorKinds, TelemetryError } from "../../model/error.ts";
import { connectErrorFrom } from "../../rpc/connect-error.ts";
import { createErrorReply, type ErrorReply } from "../error-json.ts";
import type { RestBinding } from "../rest-binding.ts";

/** Schema of the body of every refusal. */
export const errorSchema: JsonObject = {
  type: "object",
  description: "Why a request was refused.",
  properties: {
    error: {
      type: "object",
      properties: {
        code: { type: "string", description: "Name of the gRPC status code, as `not_found`." },
        message: { type: "string", description: "What went wrong, for people." },
        reason: {
          type: "string",
          enum: Object.keys(errorKinds),
          description: `What went wrong, for programs: unique within the domain \`${errorDomain}\`.`,
        },
        request_id: {
          type: "string",
          description: "The request's id; every line of the server's log about it has it.",
        },
        details: {
          type: "array",
          description:
            "Messages of `google.rpc` and of this server, as ErrorInfo, BadRequest with the wrong fields, RetryInfo.",
          items: {
            type: "object",
            properties: {
              "@type": { type: "string", description: "Type of the message, behind `type.googleapis.com/`." },
            },
            required: ["@type"],
            additionalProperties: true,
          },
        },
      },
      required: ["code", "message", "reason", "request_id", "details"],
    },
    message: { type: "string", description: "The same as `error.message`, for older clients." },
    detail: { type: "string", description: "The same as `error.message`, for older clients." },
  },
  required: ["error", "message", "detail"],
};

interface ErrorResponse {
  readonly status: number;
  readonly description: string;
  /** The error of the example. */
  readonly reason: ErrorReason;
  readonly message: string;
  /** Whether requests of this route can get it. */
  readonly concerns: (binding: RestBinding) => boolean;
}

const always = (): boolean => true;
const hasPathVariable = (binding: RestBinding): boolean => binding.pathVariables.length > 0;
const hasBody = (binding: RestBinding): boolean => binding.body.kind !== "none";
const isStream = (binding: RestBinding): boolean => binding.eventStream !== undefined;
const hasInput = (binding: RestBinding): boolean => hasBody(binding) || binding.method.input.fields.length > 0;

const errorResponses: Readonly<Record<string, ErrorResponse>> = {
  BadRequest: {
    status: 400,
    description: "The request, one of its fields or its body is wrong. Sending it again does not help.",
    reason: "FIELD_INVALID",
    message: "page_size: must be a whole number from -2147483648 to 2147483647",
    concerns: hasInput,
  },
  Forbidden: {
    status: 403,
    description: "The `Host` header names another host than this machine.",
    reason: "HOST_NOT_ALLOWED",
    message: 'this server answers to localhost only, not to host "example.com"',
    concerns: always,
  },
  NotFound: {
    status: 404,
    description: "There is no such thing.",
    reason: "AGENT_NOT_FOUND",
    message: "Agent with ID 'my-agent' not found",
    concerns: hasPathVariable,
  },
  BodyTooLarge: {
    status: 413,
    description: "The body is larger than the limit, as sent or after decompression.",
    reason: "BODY_TOO_LARGE",
    message: "the body is larger than 16777216 bytes",
    concerns: hasBody,
  },
  UriTooLong: {
    status: 414,
    description: "A part of the path is longer than any id can be.",
    reason: "BAD_REQUEST",
    message: "Route is exceeding the max param length",
    concerns: hasPathVariable,
  },
  UnsupportedMediaType: {
    status: 415,
    description:
      "The body is not `application/json` in UTF-8, or it is compressed in another way than gzip, deflate or br.",
    reason: "UNSUPPORTED_MEDIA_TYPE",
    message: "the content type must be application/json, in UTF-8",
    concerns: hasBody,
  },
  TooManyRequests: {
    status: 429,
    description: "As many clients as the server allows are using this already. Try again later.",
    reason: "TOO_MANY_WATCHERS",
    message: "the server lets 64 clients watch events at a time; try again when one has ended",
    concerns: isStream,
  },
  InternalError: {
    status: 500,
    description: "A fault of the server. Its log has the request's id.",
    reason: "INTERNAL",
    message: "internal error",
    concerns: always,
  },
  Unavailable: {
    status: 503,
    description: "The database cannot serve the request now, or the server is shutting down. Try again later.",
    reason: "STORE_UNAVAILABLE",
    message: "the database is busy",
    concerns: always,
  },
  OtherError: {
    status: 0,
    description: "Any other refusal, as 405 with `Allow` where the path does not answer the method.",
    reason: "METHOD_NOT_ALLOWED",
    message: "this path does not answer DELETE",
    concerns: always,
  },
};

/** The error responses for `components.responses`. */
export function createErrorComponents(): JsonObject {
  return Object.fromEntries(Object.entries(errorResponses).map(([name, response]) => [name, componentOf(response)]));
}

/** The error responses that a route can give, by HTTP status, as references. */
export function errorResponsesOf(binding: RestBinding): JsonObject {
  const fitting = Object.entries(errorResponses).filter(([, response]) => response.concerns(binding));
  return Object.fromEntries(
    fitting.map(([name, { status }]) => [
      status === 0 ? "default" : status,
      { $ref: `#/components/responses/${name}` },
    ]),
  );
}

/** The body of an error reply, as an example. */
export function createErrorExample(reason: ErrorReason, message: string): JsonObject {
  return JSON.parse(exampleReply(reason, message).body);
}

function exampleReply(reason: ErrorReason, message: string): ErrorReply {
  return createErrorReply(connectErrorFrom(new TelemetryError(reason, message)), { requestId: "01JRFZQ9V2T4N8X6" });
}

function componentOf({ description, reason, message }: ErrorResponse): JsonObject {
  const reply = exampleReply(reason, message);
  const retryAfter = {
    "Retry-After": { description: "Seconds to wait before the next attempt.", schema: { type: "integer", minimum: 1 } },
  };
  return {
    description,
    ...(reply.headers["retry-after"] !== undefined && { headers: retryAfter }),
    content: {
      "application/json": { schema: { $ref: "#/components/schemas/Error" }, example: JSON.parse(reply.body) },
    },
  };
}
