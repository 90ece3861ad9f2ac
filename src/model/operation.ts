import type { OperationKind, OperationOutcome, StoredEvent } from "./event.ts";
import type { LlmFacts } from "./llm-call.ts";
import type { Span } from "./trace.ts";

/** How an operation stands: how it ended, or that it has not. */
export const operationStatuses = ["running", "ok", "error", "blocked"] as const;
export type OperationStatus = (typeof operationStatuses)[number];

/** How an operation with this outcome stands. */
export function operationStatusOf(outcome: OperationOutcome | null): OperationStatus {
  return outcome ?? "running";
}

/** An operation as it is read: what its one or two events say together (see `pairing.ts`). Absent is null. */
export interface OperationRecord extends Span {
  readonly agentId: string;
  readonly sessionId: string | null;
  readonly traceId: string | null;
  readonly kind: OperationKind;
  /** When it started; where that is not known, when it finished. Operations are listed by it. */
  readonly atMicros: number;
  /** The tool that is called. */
  readonly toolName: string | null;
  /** Ids of its two events, 32 hexadecimal digits; at least one is there. */
  readonly startEventId: string | null;
  readonly finishEventId: string | null;
  /** Null for operations that are no call of a language model. */
  readonly llm: LlmCallRecord | null;
  /** What the event says that ended it; null unless it failed or was blocked, and where that is too long for a list. */
  readonly failure: OperationFailure | null;
}

/** The event that ended an operation which failed, as far as its error is looked for in it. */
export type OperationFailure = Pick<
  StoredEvent,
  "dialect" | "channel" | "spanId" | "parentSpanId" | "name" | "level" | "attributesJson" | "extensionsJson"
>;

/** A call of a language model. */
export interface LlmCallRecord extends LlmFacts {
  /** A wrapper whose call a vendor's client reports too: it is listed, and left out of counts and sums. */
  readonly isCovered: boolean;
  /** In 1e-12 USD; null is not known, which is not free. */
  readonly costPicoUsd: number | null;
  /** What it was priced with, as the text of a JSON object. */
  readonly priceJson: string | null;
}
