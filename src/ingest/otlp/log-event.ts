import type { EventResult } from "../batch.ts";
import { findFact } from "./alias.ts";
import { attributeTable } from "./attribute-table.ts";
import { logBodyNames, logNamePrefixes } from "./operation-table.ts";
import { type OtlpEventOptions, otlpEvent } from "./otlp-event.ts";
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
    const name = nameOf(record);
    const made = otlpEvent(
      {
        origin,
        channel: "LOG",
        name,
        level: levelOf(record),
        timeNanos: timeNanos === 0n ? observedNanos : timeNanos,
        durationMs: durationOf(record, name),
        traceId: record.traceId,
        spanId: record.spanId,
        parentSpanId: null,
        attributes,
        rest: record.rest,
      },
      options,
    );
    if (!made.ok) return made;
    const event = made.idOf(0);
    const ordinal = occurrences.get(event.id) ?? 0;
    occurrences.set(event.id, ordinal + 1);
    return { ok: true, event: ordinal === 0 ? event : made.idOf(ordinal) };
  };
}

/**
 * What a record is called: its event name, or the attribute that held it before there was one, or a text that is one. Where a client
 * leaves the beginning of its names to the body or to the library that reports, as Claude Code does, it is put back.
 */
function nameOf({ origin, eventName, attributes, body }: OtlpLogRecord): string {
  const attribute = attributes["event.name"];
  const name = eventName ?? (typeof attribute === "string" ? attribute : "");
  if (typeof body === "string" && isLogName(body) && body.endsWith(name === "" ? "" : `.${name}`)) return body;
  if (name === "") return logName;
  const scope = Object.keys(logNamePrefixes).find((beginning) => origin.scopeName?.startsWith(beginning) === true);
  const prefix = scope === undefined ? "" : (logNamePrefixes[scope] ?? "");
  return name.startsWith(prefix) ? name : `${prefix}${name}`;
}

function isLogName(text: string): boolean {
  return /^[\w.]{1,128}$/.test(text) && logBodyNames.some((beginning) => text.startsWith(beginning));
}

/** How long the work took that the record tells, as it says itself. */
function durationOf({ attributes }: OtlpLogRecord, name: string): number | null {
  const source = { channel: "LOG", spanId: null, parentSpanId: null, level: "", extensions: null, name, attributes };
  return findFact(source, attributeTable.durationMs, readMs)?.value ?? null;
}

function readMs(value: unknown): number | null {
  const ms = typeof value === "string" && /^\d{1,12}(?:\.\d{1,9})?$/.test(value) ? Number(value) : value;
  return typeof ms === "number" && ms >= 0 ? ms : null;
}

function levelOf({ severityNumber, severityText }: OtlpLogRecord): string {
  return levels[Math.ceil(severityNumber / 4) - 1] ?? severityText ?? "INFO";
}
