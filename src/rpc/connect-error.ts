import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type Interceptor, type StreamRequest, type UnaryRequest } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { type ErrorCode, type ErrorReason, errorDomain, TelemetryError } from "../model/error.ts";

/** One message in the details of an error, with its descriptor. */
type ErrorDetail = NonNullable<ConstructorParameters<typeof ConnectError>[3]>[number];

/** The Connect code of each of our codes. */
export const connectCodes: Readonly<Record<ErrorCode, Code>> = {
  cancelled: Code.Canceled,
  deadline_exceeded: Code.DeadlineExceeded,
  internal: Code.Internal,
  invalid_argument: Code.InvalidArgument,
  not_found: Code.NotFound,
  permission_denied: Code.PermissionDenied,
  resource_exhausted: Code.ResourceExhausted,
  unavailable: Code.Unavailable,
  unimplemented: Code.Unimplemented,
};

/**
 * The reason of an error that Connect itself throws inside a call: it knows codes only. A code that is not here says that
 * something inside went wrong.
 */
const reasonsByCode: ReadonlyMap<Code, ErrorReason> = new Map([
  // While a stream is read: a message that cannot be decoded, and one over the limit.
  [Code.InvalidArgument, "MALFORMED_BODY"],
  [Code.ResourceExhausted, "BODY_TOO_LARGE"],
  [Code.Canceled, "CANCELLED"],
  [Code.Aborted, "CANCELLED"],
  [Code.DeadlineExceeded, "DEADLINE_EXCEEDED"],
  [Code.NotFound, "PATH_NOT_FOUND"],
  // An RPC of the contract that the server does not implement.
  [Code.Unimplemented, "PATH_NOT_FOUND"],
  [Code.PermissionDenied, "HOST_NOT_ALLOWED"],
  // The reason that aborts running calls when the server stops.
  [Code.Unavailable, "SHUTTING_DOWN"],
  [Code.AlreadyExists, "BAD_REQUEST"],
  [Code.FailedPrecondition, "BAD_REQUEST"],
  [Code.OutOfRange, "BAD_REQUEST"],
  [Code.Unauthenticated, "BAD_REQUEST"],
]);

/**
 * How Connect's message begins where a stream brings a binary message that cannot be decoded. Its code for that is `internal`,
 * as if it were the server's fault; for JSON it is `invalid_argument`.
 */
const undecodablePrefix = "parse binary: ";

/**
 * The error as every protocol sends it: with exactly one ErrorInfo, with BadRequest where fields are wrong, and with RetryInfo
 * where trying again can help.
 *
 * A ConnectError that has an ErrorInfo is returned as it is. One without gets an ErrorInfo whose reason follows from its code,
 * unless the code says that something inside went wrong. That, and everything that is neither a TelemetryError nor a
 * ConnectError, becomes `internal` with a message that says nothing of the inside; the original is the `cause`.
 */
export function connectErrorFrom(error: unknown): ConnectError {
  if (error instanceof TelemetryError) return fromTelemetryError(error, error);
  if (error instanceof ConnectError) return fromConnectError(error);
  if (error instanceof Error && error.name === "AbortError") {
    return fromTelemetryError(new TelemetryError("CANCELLED", "the call was cancelled"), error);
  }
  if (error instanceof Error && error.name === "TimeoutError") {
    return fromTelemetryError(new TelemetryError("DEADLINE_EXCEEDED", "the deadline passed"), error);
  }
  return internalErrorFrom(error);
}

/** What the error interceptor needs. */
export interface ErrorInterceptorOptions {
  /** Called once for every error that the client sees as `internal`, with the original error, so that it can be logged. */
  readonly onInternalError: (error: unknown, request: UnaryRequest | StreamRequest) => void;
}

/**
 * Server interceptor that turns whatever a handler throws into the error of `connectErrorFrom`: thrown at once, or while the
 * messages of a response stream are read. Put it first, so that it also sees what the other interceptors throw.
 */
export function createErrorInterceptor({ onInternalError }: ErrorInterceptorOptions): Interceptor {
  return (next) => async (request) => {
    const answerable = (error: unknown): ConnectError => {
      const connectError = connectErrorFrom(error);
      if (connectError.code === Code.Internal) onInternalError(error, request);
      return connectError;
    };
    try {
      const response = await next(request);
      return response.stream ? { ...response, message: mapErrors(response.message, answerable) } : response;
    } catch (error) {
      throw answerable(error);
    }
  };
}

async function* mapErrors<T>(messages: AsyncIterable<T>, map: (error: unknown) => ConnectError): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (error) {
    throw map(error);
  }
}

function fromTelemetryError(error: TelemetryError, cause: unknown): ConnectError {
  const details: ErrorDetail[] = [errorInfo(error.reason, error.metadata)];
  if (error.violations.length > 0) {
    const fieldViolations = error.violations.map((violation) => ({
      field: violation.field,
      description: violation.message,
      reason: violation.reason,
    }));
    details.push({ desc: BadRequestSchema, value: create(BadRequestSchema, { fieldViolations }) });
  }
  if (error.retryDelayMs !== undefined) {
    const retryDelay = durationFromMs(error.retryDelayMs);
    details.push({ desc: RetryInfoSchema, value: create(RetryInfoSchema, { retryDelay }) });
  }
  return new ConnectError(error.message, connectCodes[error.kind.code], undefined, details, cause);
}

function fromConnectError(error: ConnectError): ConnectError {
  if (error.findDetails(ErrorInfoSchema).length > 0) return error;
  if (error.code === Code.Internal && error.rawMessage.startsWith(undecodablePrefix)) {
    return fromTelemetryError(new TelemetryError("MALFORMED_BODY", error.rawMessage), error);
  }
  const reason = reasonsByCode.get(error.code);
  if (reason === undefined) return internalErrorFrom(error);
  const complete = new ConnectError(error.rawMessage, error.code, error.metadata, undefined, error);
  const known = fromTelemetryError(new TelemetryError(reason, error.rawMessage), error);
  const hasRetryInfo = error.findDetails(RetryInfoSchema).length > 0;
  const added = hasRetryInfo ? known.details.slice(0, 1) : known.details;
  complete.details = [...added, ...error.details];
  return complete;
}

function internalErrorFrom(cause: unknown): ConnectError {
  return new ConnectError("internal error", Code.Internal, undefined, [errorInfo("INTERNAL", {})], cause);
}

function errorInfo(reason: ErrorReason, metadata: Readonly<Record<string, string>>): ErrorDetail {
  const value = create(ErrorInfoSchema, { domain: errorDomain, reason, metadata: { ...metadata } });
  return { desc: ErrorInfoSchema, value };
}
