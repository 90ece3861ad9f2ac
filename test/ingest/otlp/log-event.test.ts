import { expect, test } from "vitest";
import { createLogNormaliser } from "../../../src/ingest/otlp/log-event.ts";
import type { OtlpLogRecord } from "../../../src/ingest/otlp/otlp-input.ts";
import type { Event } from "../../../src/model/event.ts";
import { limitsDefault } from "../../../src/model/limits.ts";

interface RecordInit {
  readonly eventName?: string;
  readonly attributes?: Record<string, unknown>;
  readonly body?: unknown;
  readonly scopeName?: string;
}

function sourceOf(value: Record<string, unknown>) {
  return { value, text: JSON.stringify(value), attributes: {} };
}

function eventOf({ eventName, attributes = {}, body = null, scopeName = "test" }: RecordInit): Event {
  const record: OtlpLogRecord = {
    origin: {
      resource: sourceOf({ attributes: {} }),
      scope: sourceOf({ name: scopeName }),
      scopeName,
      scopeVersion: null,
      schemaUrl: null,
    },
    traceId: null,
    spanId: null,
    eventName: eventName ?? null,
    timeNanos: 1_795_168_800_000_000_000n,
    observedNanos: 0n,
    severityNumber: 0,
    severityText: null,
    attributes,
    body,
    rest: { body },
  };
  const result = createLogNormaliser({ nowMicros: 0, limits: limitsDefault })(record);
  if (!result.ok) throw new Error(result.violation.message);
  return result.event;
}

test.for<readonly [what: string, record: RecordInit, name: string]>([
  ["its event name", { eventName: "gen_ai.evaluation.result", body: "text" }, "gen_ai.evaluation.result"],
  ["the attribute that held it before", { attributes: { "event.name": "codex.tool_result" } }, "codex.tool_result"],
  ["the whole name in the body", { attributes: { "event.name": "x" }, body: "claude_code.x" }, "claude_code.x"],
  ["the body alone", { body: "gemini_cli.api_response" }, "gemini_cli.api_response"],
  [
    "completed by the library's name",
    { attributes: { "event.name": "api_request" }, scopeName: "com.anthropic.claude_code.events" },
    "claude_code.api_request",
  ],
  [
    "complete already",
    { eventName: "claude_code.api_request", scopeName: "com.anthropic.claude_code.events" },
    "claude_code.api_request",
  ],
  ["not a body that names something else", { eventName: "mine", body: "codex.tool_result" }, "mine"],
  ["not any text", { body: "claude_code. is what I use" }, "log"],
  ["not any name in a body", { body: "my.event" }, "log"],
])("a record is called by %s", ([, record, name]) => {
  expect(eventOf(record).name).toBe(name);
});

test.for<readonly [name: string, attributes: Record<string, unknown>, durationMs: number | null]>([
  ["claude_code.api_request", { duration_ms: 12 }, 12],
  ["claude_code.api_request", { duration_ms: "12.5" }, 12.5],
  ["gemini_cli.tool_call", { duration_ms: 0 }, 0],
  ["codex.tool_result", { duration_ms: "soon" }, null],
  ["codex.tool_result", { duration_ms: -1 }, null],
  ["other", { duration_ms: 12 }, null],
])("%s with %j took %s ms", ([eventName, attributes, durationMs]) => {
  expect(eventOf({ eventName, attributes }).durationMs).toBe(durationMs);
});
