import type { OperationKind, OperationOutcome } from "./event.ts";

/** One span of a trace: an operation that has a span id, or any other that lies in the trace. Absent is null. */
export interface Span {
  /** The store's key of the operation; grows with the order of arrival and says nothing else. */
  readonly id: number;
  readonly spanId: string | null;
  readonly parentSpanId: string | null;
  readonly kind: OperationKind;
  /** The operation's name without its phase, as `llm.call`. */
  readonly name: string;
  /** Null: only its finish came. */
  readonly startMicros: number | null;
  /** Null: it runs, or its finish never came. */
  readonly finishMicros: number | null;
  /** As reported by the finish, else the time since the start, in milliseconds; null where neither is known. */
  readonly durationMs: number | null;
  /** Null while it runs. */
  readonly outcome: OperationOutcome | null;
}

/** A trace of one agent in numbers. The same trace id under two agents is two of these. */
export interface TraceRecord {
  readonly agentId: string;
  readonly traceId: string;
  /** Times of its earliest and its latest event. */
  readonly startMicros: number;
  readonly endMicros: number;
  readonly eventCount: number;
  /** Events of the level error or worse. */
  readonly errorCount: number;
}
