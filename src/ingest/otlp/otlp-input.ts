import type { JsonObject } from "../../model/exact-json.ts";

/*
 * What an OpenTelemetry client sent, as plain values whatever its encoding was: attributes as JSON values (integers that a JavaScript
 * number cannot hold as `RawJson`, bytes as base64, NaN and infinities as text, empty values as null), ids as lower-case hexadecimal
 * digits, times as nanoseconds since 1970. Absent is null.
 */

/** What reports, or the library that made the telemetry, and what it says of itself. */
export interface OtlpSource {
  /** As it is kept with every event: an object with `attributes` and what else there is. */
  readonly value: JsonObject;
  /** The same as JSON text: made once for all events that have it. */
  readonly text: string;
  readonly attributes: JsonObject;
}

/** What all telemetry of one scope has in common. */
export interface OtlpOrigin {
  readonly resource: OtlpSource;
  readonly scope: OtlpSource;
  readonly scopeName: string | null;
  readonly scopeVersion: string | null;
  /** Of the scope's attributes, else of the resource's. */
  readonly schemaUrl: string | null;
}

/** A span, as sent. */
export interface OtlpSpan {
  readonly origin: OtlpOrigin;
  /** 32 digits, or what else the client sent; likewise the others. */
  readonly traceId: string;
  /** 16 digits. */
  readonly spanId: string;
  readonly parentSpanId: string | null;
  readonly name: string;
  /** 0 is not known. */
  readonly startNanos: bigint;
  readonly endNanos: bigint;
  readonly attributes: JsonObject;
  /** 2 is an error. */
  readonly statusCode: number;
  /** What else was sent, by the names of the wire contract; what was not is not there. */
  readonly rest: JsonObject;
}

/** A log record, as sent. */
export interface OtlpLogRecord {
  readonly origin: OtlpOrigin;
  readonly traceId: string | null;
  readonly spanId: string | null;
  readonly eventName: string | null;
  /** 0 is not known. */
  readonly timeNanos: bigint;
  readonly observedNanos: bigint;
  /** 1 to 24; 0 is not told. */
  readonly severityNumber: number;
  readonly severityText: string | null;
  readonly attributes: JsonObject;
  /** Null where there is none. */
  readonly body: unknown;
  readonly rest: JsonObject;
}
