import type { LlmFacts } from "./llm-call.ts";
import type { AlertFacts } from "./security-alert.ts";

/**
 * One event in the one form that everything behind ingest works with, whatever protocol and dialect it came in.
 * Absent is null. Texts are well-formed Unicode within the limits of `limits.ts`.
 */
export interface Event {
  /** The server's id: 32 lower-case hexadecimal digits, see `event-id.ts`. */
  readonly id: string;
  /** The client's own id, as sent. */
  readonly clientEventId: string | null;
  readonly agentId: string;
  readonly sessionId: string | null;
  readonly traceId: string | null;
  readonly spanId: string | null;
  readonly parentSpanId: string | null;
  /** What happened, as `llm.call.start`; the legacy `event_type` is the same thing. */
  readonly name: string;
  /** Severity, as sent. */
  readonly level: string;
  readonly channel: string | null;
  readonly direction: string | null;
  /** When it happened: microseconds since 1970-01-01 UTC, an integer. */
  readonly timeMicros: number;
  /** When the server received it, in the same unit. Not part of the event's identity. */
  readonly receivedAtMicros: number;
  /** How long the operation took that this event finishes, as the event itself reports it, in milliseconds. */
  readonly durationMs: number | null;
  readonly callerFile: string | null;
  readonly callerLine: number | null;
  readonly callerFunction: string | null;
  readonly schemaVersion: string | null;
  readonly dialect: Dialect;
  /** The event's own facts as JSON text, digits as sent. Any JSON value; `{}` if the client sent none. */
  readonly attributesJson: string;
  /** Further top-level members that the client sent, as the text of a JSON object. */
  readonly extensionsJson: string | null;
  /** Vendor of the language model that the event names, as `anthropic`. */
  readonly llmProvider: string | null;
  /** The event's part in an operation that has a start and a finish, if it has one. */
  readonly operation: OperationPart | null;
  /** The security finding that the event reports, if it does. */
  readonly alert: AlertFacts | null;
  /** What the event itself tells of its agent and session; null for a dialect whose events always tell. */
  readonly ownership: Ownership | null;
}

/**
 * What an OpenTelemetry event itself tells of the agent and session that it belongs to. What it does not tell, the nearest span above it
 * tells; where none does, the agent is the resource's service, and there is no session.
 */
export interface Ownership {
  readonly agentId: string | null;
  readonly sessionId: string | null;
}

/** The format that an event came in. */
export type Dialect = "cylestio" | "otlp";

/** What kinds of work there are. */
export const operationKinds = ["llm", "tool", "chain", "retriever", "graph", "node", "agent", "other"] as const;

/** What kind of work an operation is. */
export type OperationKind = (typeof operationKinds)[number];

/** How an operation ended. */
export type OperationOutcome = "ok" | "error" | "blocked";

/** What an event says about an operation: that it started, or how it ended, and what ties the two together. */
export interface OperationPart {
  readonly kind: OperationKind;
  /** The operation's name without its phase, as `llm.call`: only parts of one family belong together. */
  readonly family: string;
  /** Null for a start. */
  readonly outcome: OperationOutcome | null;
  /** Ids that the older formats carry in their data. Where both parts have one, it decides. */
  readonly runId: string | null;
  readonly chainId: string | null;
  readonly nodeId: string | null;
  /** The function, tool or method that both parts of one call name. */
  readonly subject: string | null;
  /** The name of the tool that is called, where this part tells it. */
  readonly toolName: string | null;
  /** The event tells the operation alone: no other event's part belongs to it. */
  readonly isAlone: boolean;
  /**
   * When the operation ended, in microseconds, where an event that tells it alone has the time of its start; may lie before it, as
   * clocks differ. Null: the event's time is that of this part.
   */
  readonly endMicros: number | null;
  /** What this part says of the call of a language model that it is part of; null for other kinds. */
  readonly llm: LlmFacts | null;
}

/** What is read out of an event's own facts, and can be read out of them again. */
export type DerivedFacts = Pick<Event, "llmProvider" | "operation" | "alert" | "ownership">;

/** An event as it is kept. */
export interface StoredEvent extends Omit<Event, keyof DerivedFacts> {
  /** Position in the store: increasing, never used again. */
  readonly sequence: number;
  /** For an event that finishes an operation and reports no duration: the time since its start, in milliseconds. */
  readonly pairedDurationMs: number | null;
}
