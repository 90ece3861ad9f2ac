import type { ListFilter } from "./filter.ts";

/** Both ends are included; null is open. */
export interface TimeRange {
  readonly fromMicros: number | null;
  readonly toMicros: number | null;
}

/** Which events; null means any. */
export interface EventFilter extends TimeRange {
  readonly agentId: string | null;
  readonly sessionId: string | null;
  readonly name: string | null;
  readonly channel: string | null;
  readonly level: string | null;
  /** What else has to be true of them. */
  readonly expression?: ListFilter<"events"> | null;
}
