import type { Event } from "../../src/model/event.ts";
import { buildEvent, buildPart } from "./event-builder.ts";

/** What an event tells of its owners, beside the fields of the event. */
export interface SpanFields extends Partial<Omit<Event, "agentId" | "sessionId">> {
  /** What it tells itself. */
  readonly agentId?: string | null;
  readonly sessionId?: string | null;
  /** The agent where nothing tells one. */
  readonly service?: string;
}

/** An OpenTelemetry span, which took a millisecond. */
export function buildSpan(spanId: string | null, parentSpanId: string | null, fields: SpanFields = {}): Event {
  const event = buildOwned({ spanId, parentSpanId, channel: "SPAN", ...fields });
  if (fields.operation !== undefined) return event;
  const endMicros = event.timeMicros + 1000;
  return { ...event, operation: buildPart({ kind: "other", isAlone: true, outcome: "ok", endMicros }) };
}

/** An OpenTelemetry log record in a span. */
export function buildLog(spanId: string | null, fields: SpanFields = {}): Event {
  return buildOwned({ spanId, channel: "LOG", ...fields });
}

function buildOwned({ agentId = null, sessionId = null, service = "service", ...fields }: SpanFields): Event {
  const ownership = { agentId, sessionId };
  return buildEvent({ dialect: "otlp", traceId: "t", ...fields, agentId: agentId ?? service, sessionId, ownership });
}
