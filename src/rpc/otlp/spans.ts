import type { ResourceSpans, Span, Span_Event, Span_Link } from "../../../gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import type { OtlpOrigin, OtlpSpan } from "../../ingest/otlp/otlp-input.ts";
import type { JsonObject } from "../../model/exact-json.ts";
import { attributesFromProto } from "./any-value.ts";
import { given, idText, nanosText, originsOf } from "./origin.ts";

/** A span as it came, with what it has in common with others. */
export interface ReceivedSpan {
  readonly origin: OtlpOrigin;
  readonly span: Span;
}

/** The spans of a request, in its order: to be converted one by one, as there may be very many. */
export function spansOf(resourceSpans: readonly ResourceSpans[]): readonly ReceivedSpan[] {
  const spans: ReceivedSpan[] = [];
  const resources = resourceSpans.map(({ resource, schemaUrl, scopeSpans }) => ({
    resource,
    schemaUrl,
    scopes: scopeSpans,
  }));
  for (const [origin, scoped] of originsOf(resources)) {
    for (const span of scoped.spans) spans.push({ origin, span });
  }
  return spans;
}

/** Names of `SpanKind`, by number. */
const kinds = ["", "internal", "server", "client", "producer", "consumer"] as const;

/** Names of `StatusCode`, by number. */
const statusCodes = ["", "ok", "error"] as const;

/** A span in plain values. */
export function spanFromProto({ origin, span }: ReceivedSpan): OtlpSpan {
  const status = given({ code: statusCodes[span.status?.code ?? 0], message: span.status?.message });
  return {
    origin,
    traceId: idText(span.traceId),
    spanId: idText(span.spanId),
    parentSpanId: idText(span.parentSpanId) || null,
    name: span.name,
    startNanos: span.startTimeUnixNano,
    endNanos: span.endTimeUnixNano,
    attributes: attributesFromProto(span.attributes),
    statusCode: span.status?.code ?? 0,
    rest: given({
      kind: kinds[span.kind],
      start_time_unix_nano: nanosText(span.startTimeUnixNano),
      end_time_unix_nano: nanosText(span.endTimeUnixNano),
      status: Object.keys(status).length === 0 ? null : status,
      trace_state: span.traceState,
      flags: span.flags,
      events: span.events.map(eventFromProto),
      links: span.links.map(linkFromProto),
      dropped_attributes_count: span.droppedAttributesCount,
      dropped_events_count: span.droppedEventsCount,
      dropped_links_count: span.droppedLinksCount,
    }),
  };
}

function eventFromProto({ timeUnixNano, name, attributes, droppedAttributesCount }: Span_Event): JsonObject {
  return {
    name,
    ...given({ time_unix_nano: nanosText(timeUnixNano), dropped_attributes_count: droppedAttributesCount }),
    attributes: attributesFromProto(attributes),
  };
}

function linkFromProto(link: Span_Link): JsonObject {
  return {
    trace_id: idText(link.traceId),
    span_id: idText(link.spanId),
    ...given({
      trace_state: link.traceState,
      flags: link.flags,
      dropped_attributes_count: link.droppedAttributesCount,
    }),
    attributes: attributesFromProto(link.attributes),
  };
}
