import { defineEntity, p } from "@mikro-orm/core";

/*
 * What is kept so that OpenTelemetry events can be given to another agent or session when a span above them arrives. Derived from the
 * events, but for `service`.
 */

/** An OpenTelemetry event of a trace: where it lies, and what it tells itself of its agent and session. */
export const SpanOwnerEntity = defineEntity({
  name: "SpanOwner",
  tableName: "span_owners",
  indexes: [
    { name: "span_owners_by_span", properties: ["traceId", "spanId"] },
    {
      name: "span_owners_by_parent",
      properties: ["traceId", "parentSpanId"],
      where: "parent_span_id is not null",
    },
  ],
  properties: {
    /** Of the event. */
    sequence: p.integer().primary().autoincrement(false),
    eventId: p.blob(),
    traceId: p.text(),
    /** Null for log records: nothing lies under them. */
    spanId: p.text().nullable(),
    /** Of a log record: the span that it lies in. */
    parentSpanId: p.text().nullable(),
    agentId: p.text().nullable(),
    sessionId: p.text().nullable(),
    /** The agent where neither the event nor a span above it tells one; null where the event does. */
    service: p.text().nullable(),
  },
});

/**
 * Who of an agent's events names a vendor of language models, and when: of those that may go to another agent each one, of all others
 * the earliest.
 */
export const ProviderReportEntity = defineEntity({
  name: "ProviderReport",
  tableName: "provider_reports",
  properties: {
    agentKey: p.integer().primary(),
    isMovable: p.integer().primary(),
    timeMicros: p.bigint("number").primary(),
    eventId: p.blob().primary(),
    provider: p.text(),
  },
});

/** The tables that this file is about. */
export const ownerEntities = [SpanOwnerEntity, ProviderReportEntity];
