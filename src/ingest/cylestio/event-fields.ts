import type { FieldViolation } from "../../model/error.ts";
import type { JsonObject } from "../../model/exact-json.ts";

/**
 * What a client said in one event, each thing in its own type but not checked any further: the form between the protocols, which
 * produce it, and `normaliseEvent`. Absent and empty texts are null.
 */
export interface EventFields {
  /** What the client calls the fields that have several names. */
  readonly names: FieldNames;
  readonly clientEventId: string | null;
  /** Microseconds since 1970-01-01 UTC. */
  readonly timeMicros: number | null;
  readonly agentId: string | null;
  readonly name: string | null;
  readonly level: string | null;
  readonly sessionId: string | null;
  readonly traceId: string | null;
  readonly spanId: string | null;
  readonly parentSpanId: string | null;
  readonly channel: string | null;
  readonly direction: string | null;
  /** What the client gave as the duration, in milliseconds. */
  readonly durationMs: number | null;
  readonly callerFile: string | null;
  readonly callerLine: number | null;
  readonly callerFunction: string | null;
  readonly schemaVersion: string | null;
  /** Any JSON value, as `parseExactJson` gives it; `{}` if the client sent none. */
  readonly attributes: unknown;
  /** The JSON text that the attributes came as; null if there is none that can be kept. */
  readonly attributesText: string | null;
  /** Further top-level members; null if there are none. */
  readonly extensions: JsonObject | null;
  /** The JSON text that the extensions came as; null if there is none that can be kept. */
  readonly extensionsText: string | null;
}

/** Names of fields for violations. */
export interface FieldNames {
  readonly clientEventId: string;
  readonly time: string;
  readonly name: string;
  readonly attributes: string;
  readonly callerFile: string;
  readonly callerFunction: string;
  /** Null where they are members of the event itself, each under its own name. */
  readonly extensions: string | null;
}

/** The fields of an event, or the first thing that is wrong with it. */
export type EventFieldsResult =
  | { readonly ok: true; readonly fields: EventFields }
  | { readonly ok: false; readonly violation: FieldViolation };
