import type { EventResult } from "../batch.ts";
import { microsOf } from "./nanos.ts";
import { type OtlpEventOptions, otlpEvent } from "./otlp-event.ts";
import type { OtlpSpan } from "./otlp-input.ts";

const traceIdPattern = /^(?!0{32})[0-9a-f]{32}$/;
const spanIdPattern = /^(?!0{16})[0-9a-f]{16}$/;

/** Status code of a span that failed. */
const statusError = 2;

/**
 * Makes events of spans: one of each, at the time of its start. The same span gives the same event, so that one which is sent again, in
 * whatever request, is stored once. Refused are only spans without an id, which no conforming client sends.
 */
export function createSpanNormaliser(options: OtlpEventOptions): (span: OtlpSpan) => EventResult {
  return (span) => {
    const { origin, traceId, spanId, parentSpanId, startNanos, endNanos, attributes } = span;
    if (!traceIdPattern.test(traceId)) return refuse("trace_id", "must be 16 bytes, not all of them zero");
    if (!spanIdPattern.test(spanId)) return refuse("span_id", "must be 8 bytes, not all of them zero");
    if (microsOf(endNanos) === null) return refuse("end_time_unix_nano", "lies beyond the year 2255");
    const made = otlpEvent(
      {
        origin,
        channel: "SPAN",
        name: span.name,
        level: span.statusCode === statusError ? "ERROR" : "INFO",
        // Of a span whose start is not known, all that is known is when it was over.
        timeNanos: startNanos === 0n ? endNanos : startNanos,
        durationMs: startNanos === 0n || endNanos < startNanos ? null : Number(endNanos - startNanos) / 1e6,
        traceId,
        spanId,
        parentSpanId: parentSpanId !== null && spanIdPattern.test(parentSpanId) ? parentSpanId : null,
        attributes,
        rest: span.rest,
      },
      options,
    );
    return made.ok ? { ok: true, event: made.idOf(0) } : made;
  };
}

function refuse(field: string, message: string): EventResult {
  return { ok: false, violation: { field, reason: "FIELD_INVALID", message } };
}
