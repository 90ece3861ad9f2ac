/** What an event says about a security finding. Absent is null. */
export interface AlertFacts {
  readonly severity: AlertSeverity;
  /** What was found, as `sensitive_data`, `dangerous_commands`, `prompt_manipulation`; as sent. */
  readonly category: string | null;
  /** Words or patterns that gave rise to it, as sent (the SDK masks them). */
  readonly keywords: readonly string[];
  /** The beginning of the text in question, as sent. */
  readonly sample: string | null;
  readonly description: string | null;
}

/** How bad it is, from least to worst. */
export const alertSeverities = ["low", "medium", "high", "critical"] as const;
export type AlertSeverity = (typeof alertSeverities)[number];

/** What became of an alert. */
export const alertStatuses = ["open", "resolved", "false_positive"] as const;
export type AlertStatus = (typeof alertStatuses)[number];

/** A security finding as it is kept. Absent is null. */
export interface AlertRecord extends AlertFacts {
  /** Position of its event in the store. */
  readonly sequence: number;
  /** The event that reports it: 32 hexadecimal digits. */
  readonly eventId: string;
  /** Name of that event. */
  readonly eventName: string;
  readonly agentId: string;
  readonly sessionId: string | null;
  readonly traceId: string | null;
  readonly spanId: string | null;
  readonly timeMicros: number;
  readonly status: AlertStatus;
  /** When the status was last changed; null: never. */
  readonly statusMicros: number | null;
}
