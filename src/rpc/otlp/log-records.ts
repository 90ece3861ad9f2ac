import type { LogRecord, ResourceLogs } from "../../../gen/opentelemetry/proto/logs/v1/logs_pb.ts";
import type { OtlpLogRecord, OtlpOrigin } from "../../ingest/otlp/otlp-input.ts";
import { attributesFromProto, valueFromProto } from "./any-value.ts";
import { given, idText, nanosText, originsOf } from "./origin.ts";

/** A log record as it came, with what it has in common with others. */
export interface ReceivedLogRecord {
  readonly origin: OtlpOrigin;
  readonly record: LogRecord;
}

/** The log records of a request, in its order: to be converted one by one, as there may be very many. */
export function logRecordsOf(resourceLogs: readonly ResourceLogs[]): readonly ReceivedLogRecord[] {
  const records: ReceivedLogRecord[] = [];
  const resources = resourceLogs.map(({ resource, schemaUrl, scopeLogs }) => ({
    resource,
    schemaUrl,
    scopes: scopeLogs,
  }));
  for (const [origin, scoped] of originsOf(resources)) {
    for (const record of scoped.logRecords) records.push({ origin, record });
  }
  return records;
}

/** A log record in plain values. */
export function logRecordFromProto({ origin, record }: ReceivedLogRecord): OtlpLogRecord {
  const body = valueFromProto(record.body);
  return {
    origin,
    traceId: usableId(record.traceId, 16),
    spanId: usableId(record.spanId, 8),
    eventName: record.eventName || null,
    timeNanos: record.timeUnixNano,
    observedNanos: record.observedTimeUnixNano,
    severityNumber: record.severityNumber,
    severityText: record.severityText || null,
    attributes: attributesFromProto(record.attributes),
    body,
    rest: given({
      time_unix_nano: nanosText(record.timeUnixNano),
      observed_time_unix_nano: nanosText(record.observedTimeUnixNano),
      severity_number: record.severityNumber,
      severity_text: record.severityText,
      body,
      event_name: record.eventName,
      flags: record.flags,
      dropped_attributes_count: record.droppedAttributesCount,
    }),
  };
}

/** A log record may lie in no span: an id of another length, or of zeros alone, is none. */
function usableId(bytes: Uint8Array, length: number): string | null {
  return bytes.length === length && bytes.some((byte) => byte !== 0) ? idText(bytes) : null;
}
