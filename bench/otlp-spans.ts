import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type ExportTraceServiceRequest,
  ExportTraceServiceRequestSchema,
} from "../gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import type { AnyValueSchema, KeyValueSchema } from "../gen/opentelemetry/proto/common/v1/common_pb.ts";
import { Span_SpanKind, type SpanSchema } from "../gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import { createSpanNormaliser } from "../src/ingest/otlp/span-event.ts";
import type { Event } from "../src/model/event.ts";
import { limitsDefault } from "../src/model/limits.ts";
import { spanFromProto, spansOf } from "../src/rpc/otlp/spans.ts";
import { firstMicros } from "./events.ts";

/** Attributes of each span. */
const attributesPerSpan = 20;

/** A trace: an agent around calls of a model and of tools in turn. */
const spansPerTrace = 10;

/** Traces that report at the same time, span by span in turn. */
const tracesAtOnce = 16;

/** Between two spans. */
const stepNanos = 1_003_000n;

const serviceCount = 4;

/** Spans from `from` on as one request: the same at every call, each later than the one before. */
export function spanRequest(from: number, spanCount: number): ExportTraceServiceRequest {
  const spans = Array.from({ length: spanCount }, (_, offset) => from + offset);
  const byService = Map.groupBy(spans, (index) => traceOf(index) % serviceCount);
  return create(ExportTraceServiceRequestSchema, {
    resourceSpans: [...byService].map(([service, indexes]) => ({
      resource: {
        attributes: attributesOf({
          "service.name": `bench-service-${service}`,
          "telemetry.sdk.language": "nodejs",
          "telemetry.sdk.version": "3.1.0",
        }),
      },
      scopeSpans: [{ scope: { name: "bench.instrumentation", version: "1.0.0" }, spans: indexes.map(spanAt) }],
    })),
  });
}

/** What the server makes of the span of that number. */
export function spanEventAt(index: number): Event {
  const normalise = createSpanNormaliser({ nowMicros: firstMicros, limits: limitsDefault });
  const [span] = spansOf(spanRequest(index, 1).resourceSpans);
  const result = span === undefined ? undefined : normalise(spanFromProto(span));
  if (result?.ok !== true) throw new Error(`the server would refuse span ${index}`);
  return result.event;
}

function traceOf(index: number): number {
  return Math.floor(index / (tracesAtOnce * spansPerTrace)) * tracesAtOnce + (index % tracesAtOnce);
}

function spanAt(index: number): MessageInitShape<typeof SpanSchema> {
  const trace = traceOf(index);
  const place = Math.floor(index / tracesAtOnce) % spansPerTrace;
  const startTimeUnixNano = BigInt(firstMicros) * 1000n + BigInt(index) * stepNanos;
  return {
    traceId: hexBytes(trace + 1, 16),
    spanId: hexBytes(trace * spansPerTrace + place + 1, 8),
    ...(place > 0 && { parentSpanId: hexBytes(trace * spansPerTrace + 1, 8) }),
    startTimeUnixNano,
    endTimeUnixNano: startTimeUnixNano + BigInt(5 + (index % 97)) * 10_000_000n,
    ...kinds[place === 0 ? 0 : 1 + (place % 2)]?.(trace, index),
  };
}

type Made = Pick<MessageInitShape<typeof SpanSchema>, "name" | "kind" | "attributes">;

/** What a span is about: the agent, a call of a model, a call of a tool. */
const kinds: readonly ((trace: number, index: number) => Made)[] = [
  (trace) => ({
    name: "invoke_agent helper",
    kind: Span_SpanKind.INTERNAL,
    attributes: filled({
      "gen_ai.operation.name": "invoke_agent",
      "gen_ai.agent.name": `helper-${trace % serviceCount}`,
      "gen_ai.conversation.id": `conversation-${trace}`,
    }),
  }),
  (trace, index) => ({
    name: "chat gpt-4o",
    kind: Span_SpanKind.CLIENT,
    attributes: filled({
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "openai",
      "gen_ai.request.model": "gpt-4o",
      "gen_ai.response.model": "gpt-4o-2024-08-06",
      "gen_ai.response.id": `chatcmpl-${index}`,
      "gen_ai.response.finish_reasons": ["stop"],
      "gen_ai.request.temperature": 0.5,
      "gen_ai.request.max_tokens": 1024,
      "gen_ai.usage.input_tokens": 100 + (index % 900),
      "gen_ai.usage.output_tokens": 10 + (index % 90),
      "gen_ai.conversation.id": `conversation-${trace}`,
    }),
  }),
  (trace, index) => ({
    name: "execute_tool search_orders",
    kind: Span_SpanKind.INTERNAL,
    attributes: filled({
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": "search_orders",
      "gen_ai.tool.call.id": `call_${index}`,
      "gen_ai.tool.call.arguments": JSON.stringify({ order: index, limit: 10 }),
      "gen_ai.conversation.id": `conversation-${trace}`,
    }),
  }),
];

/** Up to as many attributes as every span has. */
function filled(own: Readonly<Record<string, unknown>>): MessageInitShape<typeof KeyValueSchema>[] {
  const attributes = attributesOf(own);
  for (let number = attributes.length; number < attributesPerSpan; number += 1) {
    attributes.push(
      ...attributesOf({ [`app.attribute_${number}`]: number % 2 === 0 ? number * 1000 : `value ${number}` }),
    );
  }
  return attributes;
}

function attributesOf(values: Readonly<Record<string, unknown>>): MessageInitShape<typeof KeyValueSchema>[] {
  return Object.entries(values).map(([key, value]) => ({ key, value: anyValue(value) }));
}

function anyValue(value: unknown): MessageInitShape<typeof AnyValueSchema> {
  if (typeof value === "string") return { value: { case: "stringValue", value } };
  if (Array.isArray(value)) return { value: { case: "arrayValue", value: { values: value.map(anyValue) } } };
  const number = Number(value);
  return Number.isInteger(number)
    ? { value: { case: "intValue", value: BigInt(number) } }
    : { value: { case: "doubleValue", value: number } };
}

function hexBytes(number: number, length: number): Uint8Array {
  return Buffer.from(number.toString(16).padStart(2 * length, "0"), "hex");
}
