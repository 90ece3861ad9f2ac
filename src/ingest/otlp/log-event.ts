import type { EventResult } from "../batch.ts";
import { type OtlpEventOptions, otlpEvent, otlpResult } from "./otlp-event.ts";
import type { OtlpLogRecord } from "./otlp-input.ts";

/** What a log record is called that has no name of its own. */
const logName = "log";

/** Levels by severity number, four numbers each: 1 to 4 are the first one. */
const levels = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"] as const;

/**
 * Makes events of log records: one of each. A record that is sent again gives the same event; identical ones within one request are kept
 * apart. They may lie in a span, of which they are no part of their own.
 */
export function createLogNormaliser(options: OtlpEventOptions): (record: OtlpLogRecord) => EventResult {
  const occurrences = new Map<string, number>();
  return (record) => {
    const { origin, timeNanos, observedNanos, attributes } = record;
    const made = otlpEvent(
      {
        origin,
        channel: "LOG",
        name: nameOf(record),
        level: levelOf(record),
        timeNanos: timeNanos === 0n ? observedNanos : timeNanos,
        durationMs: null,
        traceId: record.traceId,
        spanId: record.spanId,
        parentSpanId: null,
        attributes,
        rest: record.rest,
      },
      options,
    );
    if (!made.ok) return made;
    const { id } = made.idOf(0);
    const ordinal = occurrences.get(id) ?? 0;
    occurrences.set(id, ordinal + 1);
    return otlpResult(made, ordinal);
  };
}

function nameOf({ eventName, attributes }: OtlpLogRecord): string {
  if (eventName !== null) return eventName;
  const name = attributes["event.name"];
  return typeof name === "string" && name !== "" ? name : logName;
}

function levelOf({ severityNumber, severityText }: OtlpLogRecord): string {
  return levels[Math.ceil(severityNumber / 4) - 1] ?? severityText ?? "INFO";
}
