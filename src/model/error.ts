/** Names of the gRPC status codes that this server answers with. */
export type ErrorCode =
  | "cancelled"
  | "deadline_exceeded"
  | "internal"
  | "invalid_argument"
  | "not_found"
  | "permission_denied"
  | "resource_exhausted"
  | "unavailable"
  | "unimplemented";

/** How one reason leaves the server: as a gRPC or Connect code, as an HTTP status over REST, and whether trying again can help. */
export interface ErrorKind {
  readonly code: ErrorCode;
  readonly httpStatus: number;
  readonly retryable: boolean;
}

const refused = (code: ErrorCode, httpStatus: number): ErrorKind => ({ code, httpStatus, retryable: false });
const passing = (code: ErrorCode, httpStatus: number): ErrorKind => ({ code, httpStatus, retryable: true });

/**
 * Every reason that a call or an event can be refused for. The same names, with a prefix, are the contract's enum ErrorReason.
 */
export const errorKinds = {
  INTERNAL: refused("internal", 500),
  MALFORMED_BODY: refused("invalid_argument", 400),
  FIELD_REQUIRED: refused("invalid_argument", 400),
  FIELD_INVALID: refused("invalid_argument", 400),
  FIELD_TOO_LONG: refused("invalid_argument", 400),
  TIME_INVALID: refused("invalid_argument", 400),
  TIME_OUT_OF_RANGE: refused("invalid_argument", 400),
  NESTING_TOO_DEEP: refused("invalid_argument", 400),
  EVENT_ID_CONFLICT: refused("invalid_argument", 400),
  BATCH_EMPTY: refused("invalid_argument", 400),
  BATCH_TOO_LARGE: refused("invalid_argument", 400),
  ALL_EVENTS_REJECTED: refused("invalid_argument", 400),
  PAGE_TOKEN_INVALID: refused("invalid_argument", 400),
  CURSOR_INVALID: refused("invalid_argument", 400),
  AGENT_NOT_FOUND: refused("not_found", 404),
  EVENT_NOT_FOUND: refused("not_found", 404),
  SESSION_NOT_FOUND: refused("not_found", 404),
  TRACE_NOT_FOUND: refused("not_found", 404),
  CALL_NOT_FOUND: refused("not_found", 404),
  ALERT_NOT_FOUND: refused("not_found", 404),
  PATH_NOT_FOUND: refused("not_found", 404),
  METHOD_NOT_ALLOWED: refused("unimplemented", 405),
  UNSUPPORTED_MEDIA_TYPE: refused("invalid_argument", 415),
  BODY_TOO_LARGE: refused("resource_exhausted", 413),
  OVERLOADED: passing("resource_exhausted", 429),
  TOO_MANY_WATCHERS: passing("resource_exhausted", 429),
  WATCHER_TOO_SLOW: passing("resource_exhausted", 429),
  HOST_NOT_ALLOWED: refused("permission_denied", 403),
  SHUTTING_DOWN: passing("unavailable", 503),
  STORE_UNAVAILABLE: passing("unavailable", 503),
  DEADLINE_EXCEEDED: passing("deadline_exceeded", 504),
  CANCELLED: refused("cancelled", 499),
  BAD_REQUEST: refused("invalid_argument", 400),
} as const satisfies Record<string, ErrorKind>;

/** Why a call or an event was refused. */
export type ErrorReason = keyof typeof errorKinds;

/** Who defines the reasons; `google.rpc.ErrorInfo.domain`. */
export const errorDomain = "cylestio.dev";

/** How long a client is told to wait before it tries again, in milliseconds, where nothing better is known. */
export const retryDelayMsDefault = 1_000;

/** One wrong field of a request or an event. */
export interface FieldViolation {
  /** The field under the name that the client used, as `timestamp` or `page_size`. */
  readonly field: string;
  readonly reason: ErrorReason;
  readonly message: string;
}

/** Anything beyond the reason that a client may want to know. */
export interface TelemetryErrorOptions {
  readonly violations?: readonly FieldViolation[];
  /** Facts for programs, as the id that was not found. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** When the client may try again; only for retryable reasons. Default `retryDelayMsDefault`. */
  readonly retryDelayMs?: number;
  readonly cause?: unknown;
}

/** The one error that this server throws for what it answers: a reason of a closed set, a message for people, and the fields. */
export class TelemetryError extends Error {
  override readonly name = "TelemetryError";
  readonly reason: ErrorReason;
  readonly violations: readonly FieldViolation[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly retryDelayMs: number | undefined;

  constructor(reason: ErrorReason, message: string, options: TelemetryErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.reason = reason;
    this.violations = options.violations ?? [];
    this.metadata = options.metadata ?? {};
    this.retryDelayMs = errorKinds[reason].retryable ? (options.retryDelayMs ?? retryDelayMsDefault) : undefined;
  }

  get kind(): ErrorKind {
    return errorKinds[this.reason];
  }
}

/** The error for one wrong field. */
export function fieldError(violation: FieldViolation): TelemetryError {
  return new TelemetryError(violation.reason, `${violation.field}: ${violation.message}`, { violations: [violation] });
}
