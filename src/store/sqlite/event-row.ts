import type { Dialect, Event } from "../../model/event.ts";
import type { StoredEvent } from "../store.ts";

/** A row of `events` with the texts that its keys stand for. */
export interface EventRow {
  readonly sequence: number;
  readonly event_id: Uint8Array;
  readonly agent_id: string;
  readonly session_id: string | null;
  readonly time_micros: number;
  readonly received_at_micros: number;
  readonly name: string;
  readonly level: string;
  readonly channel: string | null;
  readonly direction: string | null;
  readonly duration_ms: number | null;
  readonly paired_duration_ms: number | null;
  readonly trace_id: string | null;
  readonly span_id: string | null;
  readonly parent_span_id: string | null;
  readonly caller_file: string | null;
  readonly caller_line: number | null;
  readonly caller_function: string | null;
  readonly client_event_id: string | null;
  readonly schema_version: string | null;
  readonly dialect: string;
  readonly attributes_json: string;
  readonly extensions_json: string | null;
}

/** Row → event. */
export function eventFromRow(row: EventRow): StoredEvent {
  return {
    sequence: row.sequence,
    id: eventIdFromBytes(row.event_id),
    clientEventId: row.client_event_id,
    agentId: row.agent_id,
    sessionId: row.session_id,
    traceId: row.trace_id,
    spanId: row.span_id,
    parentSpanId: row.parent_span_id,
    name: row.name,
    level: row.level,
    channel: row.channel,
    direction: row.direction,
    timeMicros: row.time_micros,
    receivedAtMicros: row.received_at_micros,
    durationMs: row.duration_ms,
    pairedDurationMs: row.paired_duration_ms,
    callerFile: row.caller_file,
    callerLine: row.caller_line,
    callerFunction: row.caller_function,
    schemaVersion: row.schema_version,
    // Only this server writes the column, and only from the type.
    dialect: row.dialect as Dialect,
    attributesJson: row.attributes_json,
    extensionsJson: row.extensions_json,
  };
}

/** The columns that an event is inserted with, in the order of `eventToColumns`. */
export const eventColumns = [
  "event_id",
  "agent_key",
  "session_key",
  "time_micros",
  "received_at_micros",
  "name",
  "level",
  "channel",
  "direction",
  "duration_ms",
  "paired_duration_ms",
  "trace_id",
  "span_id",
  "parent_span_id",
  "caller_file",
  "caller_line",
  "caller_function",
  "client_event_id",
  "schema_version",
  "dialect",
  "attributes_json",
  "extensions_json",
] as const;

/** Event → values of `eventColumns`. */
export function eventToColumns(
  event: Event,
  keys: { readonly agentKey: number; readonly sessionKey: number | null },
  pairedMs: number | null = null,
): unknown[] {
  return [
    eventIdToBytes(event.id),
    keys.agentKey,
    keys.sessionKey,
    event.timeMicros,
    event.receivedAtMicros,
    event.name,
    event.level,
    event.channel,
    event.direction,
    event.durationMs,
    pairedMs,
    event.traceId,
    event.spanId,
    event.parentSpanId,
    event.callerFile,
    event.callerLine,
    event.callerFunction,
    event.clientEventId,
    event.schemaVersion,
    event.dialect,
    event.attributesJson,
    event.extensionsJson,
  ];
}

/** Indexes of the events by which rows are found. */
export type EventIndex =
  | "events_event_id"
  | "events_by_time"
  | "events_by_agent"
  | "events_by_agent_name"
  | "events_by_session";

/** Reads rows as `EventRow` along an index, null for that of the sequences; a `where` may follow, in which the events are `e`. */
export function eventRowSql(index: EventIndex | null): string {
  return `select e.*, a.agent_id, s.session_id from events e ${index === null ? "not indexed" : `indexed by ${index}`}
    join agents a on a.id = e.agent_key left join sessions s on s.id = e.session_key`;
}

/** 32 hexadecimal digits → 16 bytes. */
export function eventIdToBytes(eventId: string): Buffer {
  return Buffer.from(eventId, "hex");
}

/** 16 bytes → 32 hexadecimal digits. */
export function eventIdFromBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}
