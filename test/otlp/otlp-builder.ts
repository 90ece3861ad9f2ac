import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type ExportLogsServiceRequest,
  ExportLogsServiceRequestSchema,
} from "../../gen/opentelemetry/proto/collector/logs/v1/logs_service_pb.ts";
import {
  type ExportMetricsServiceRequest,
  ExportMetricsServiceRequestSchema,
} from "../../gen/opentelemetry/proto/collector/metrics/v1/metrics_service_pb.ts";
import {
  type ExportTraceServiceRequest,
  ExportTraceServiceRequestSchema,
} from "../../gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import {
  type AnyValueSchema,
  type KeyValue,
  KeyValueSchema,
} from "../../gen/opentelemetry/proto/common/v1/common_pb.ts";
import type { LogRecordSchema } from "../../gen/opentelemetry/proto/logs/v1/logs_pb.ts";
import type { MetricSchema } from "../../gen/opentelemetry/proto/metrics/v1/metrics_pb.ts";
import type { SpanSchema } from "../../gen/opentelemetry/proto/trace/v1/trace_pb.ts";

/** 2026-11-20T10:00:00Z in nanoseconds: where built telemetry begins. */
export const otlpFromNanos = 1_795_168_800_000_000_000n;

type Attributes = Readonly<Record<string, unknown>>;

/** What telemetry of one scope has in common. */
export interface OriginInit {
  /** Attributes of the resource; by default a service `tester`. */
  readonly resource?: Attributes;
  readonly scopeName?: string;
  readonly scopeVersion?: string;
}

/** A span in short: hexadecimal ids, times in milliseconds since `otlpFromNanos`, attributes as plain values. */
export interface SpanInit
  extends Omit<
    MessageInitShape<typeof SpanSchema>,
    "$typeName" | "traceId" | "spanId" | "parentSpanId" | "attributes"
  > {
  readonly traceId?: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly startMs?: number;
  readonly endMs?: number;
  readonly attributes?: Attributes;
}

/** A log record likewise. */
export interface LogInit
  extends Omit<MessageInitShape<typeof LogRecordSchema>, "$typeName" | "traceId" | "spanId" | "attributes" | "body"> {
  readonly traceId?: string;
  readonly spanId?: string;
  readonly timeMs?: number;
  readonly attributes?: Attributes;
  readonly body?: unknown;
}

/** The trace of spans that name none. */
export const builtTraceId = "0af7651916cd43dd8448eb211c80319c";

/** A request of spans. */
export function buildSpans(spans: readonly SpanInit[], origin: OriginInit = {}): ExportTraceServiceRequest {
  return create(ExportTraceServiceRequestSchema, {
    resourceSpans: [
      { resource: resourceOf(origin), scopeSpans: [{ scope: scopeOf(origin), spans: spans.map(spanOf) }] },
    ],
  });
}

/** A request of log records. */
export function buildLogs(records: readonly LogInit[], origin: OriginInit = {}): ExportLogsServiceRequest {
  return create(ExportLogsServiceRequestSchema, {
    resourceLogs: [
      { resource: resourceOf(origin), scopeLogs: [{ scope: scopeOf(origin), logRecords: records.map(recordOf) }] },
    ],
  });
}

/** A request of metrics. */
export function buildMetrics(
  metrics: readonly MessageInitShape<typeof MetricSchema>[],
  origin: OriginInit = {},
): ExportMetricsServiceRequest {
  return create(ExportMetricsServiceRequestSchema, {
    resourceMetrics: [
      { resource: resourceOf(origin), scopeMetrics: [{ scope: scopeOf(origin), metrics: [...metrics] }] },
    ],
  });
}

function resourceOf({ resource = { "service.name": "tester" } }: OriginInit) {
  return { attributes: keyValues(resource) };
}

function scopeOf({ scopeName = "test-scope", scopeVersion = "1.0.0" }: OriginInit) {
  return { name: scopeName, version: scopeVersion };
}

function spanOf({
  traceId = builtTraceId,
  spanId,
  parentSpanId = "",
  startMs = 0,
  endMs = startMs + 1,
  ...span
}: SpanInit) {
  return {
    name: "work",
    startTimeUnixNano: nanosOf(startMs),
    endTimeUnixNano: nanosOf(endMs),
    ...span,
    traceId: Buffer.from(traceId, "hex"),
    spanId: Buffer.from(spanId, "hex"),
    parentSpanId: Buffer.from(parentSpanId, "hex"),
    attributes: keyValues(span.attributes ?? {}),
  };
}

function recordOf({ traceId = "", spanId = "", timeMs = 0, attributes = {}, body, ...record }: LogInit) {
  return {
    timeUnixNano: nanosOf(timeMs),
    ...record,
    traceId: Buffer.from(traceId, "hex"),
    spanId: Buffer.from(spanId, "hex"),
    attributes: keyValues(attributes),
    ...(body !== undefined && { body: anyValue(body) }),
  };
}

function nanosOf(ms: number): bigint {
  return otlpFromNanos + BigInt(Math.round(ms * 1e6));
}

/** Plain values → attributes: whole numbers and bigints are `int`, other numbers `double`, bytes `bytes`, null an empty value. */
export function keyValues(attributes: Attributes): KeyValue[] {
  return Object.entries(attributes).map(([key, value]) => create(KeyValueSchema, { key, value: anyValue(value) }));
}

/** A plain value → a value of any kind. */
export function anyValue(value: unknown): MessageInitShape<typeof AnyValueSchema> {
  if (typeof value === "string") return { value: { case: "stringValue", value } };
  if (typeof value === "boolean") return { value: { case: "boolValue", value } };
  if (typeof value === "bigint") return { value: { case: "intValue", value } };
  if (typeof value === "number") {
    return Number.isSafeInteger(value)
      ? { value: { case: "intValue", value: BigInt(value) } }
      : { value: { case: "doubleValue", value } };
  }
  if (value instanceof Uint8Array) return { value: { case: "bytesValue", value } };
  if (Array.isArray(value)) return { value: { case: "arrayValue", value: { values: value.map(anyValue) } } };
  if (typeof value !== "object" || value === null) return {};
  return { value: { case: "kvlistValue", value: { values: keyValues(value as Attributes) } } };
}
