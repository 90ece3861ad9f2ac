import { describe, expect, test } from "vitest";
import type { EventResult } from "../../src/ingest/batch.ts";
import { deriveStoredFacts } from "../../src/ingest/derive-facts.ts";
import { createLogNormaliser } from "../../src/ingest/otlp/log-event.ts";
import { createSpanNormaliser } from "../../src/ingest/otlp/span-event.ts";
import type { Event } from "../../src/model/event.ts";
import { limitsDefault } from "../../src/model/limits.ts";
import { logRecordFromProto, logRecordsOf } from "../../src/rpc/otlp/log-records.ts";
import { spanFromProto, spansOf } from "../../src/rpc/otlp/spans.ts";
import { otlpFixtures } from "./fixtures/index.ts";
import { buildLogs, buildSpans } from "./otlp-builder.ts";

const options = { nowMicros: 0, limits: limitsDefault };

describe("what is derived from an event of OpenTelemetry", () => {
  test.for(otlpFixtures)("is derived again from what is stored: $name", ({ origin, spans = [], logs = [] }) => {
    const events = [
      ...spansOf(buildSpans(spans, origin).resourceSpans).map(spanFromProto).map(createSpanNormaliser(options)),
      ...logRecordsOf(buildLogs(logs, origin).resourceLogs).map(logRecordFromProto).map(createLogNormaliser(options)),
    ].map(eventOf);
    expect(events).toHaveLength(spans.length + logs.length);
    for (const event of events) {
      const { llmProvider, operation, alert, ownership } = event;
      expect(deriveStoredFacts(event, limitsDefault)).toEqual({ llmProvider, operation, alert, ownership });
    }
  });
});

function eventOf(result: EventResult): Event {
  if (!result.ok) throw new Error(result.violation.message);
  return result.event;
}
