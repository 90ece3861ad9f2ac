import type { Event, OperationPart } from "../../src/model/event.ts";
import { type EventDraft, eventId } from "../../src/model/event-id.ts";

/** 2026-01-01T00:00:00Z in microseconds: the time of built events begins here. */
export const builtFromMicros = 1_767_225_600_000_000;

let built = 0;

/**
 * An event with plausible fields, each of which can be overridden. Events differ in id and, by a millisecond, in time. The id
 * begins with the time; with a client's id, it is the one that the server gives, so that the same client's id in the same
 * millisecond is the same id.
 */
export function buildEvent(overrides: Partial<Event> = {}): Event {
  built += 1;
  const timeMicros = overrides.timeMicros ?? builtFromMicros + built * 1000;
  const draft: EventDraft = {
    clientEventId: null,
    agentId: "agent",
    sessionId: "session",
    traceId: null,
    spanId: null,
    parentSpanId: null,
    name: "user.message",
    level: "INFO",
    channel: "SYSTEM",
    direction: null,
    timeMicros,
    receivedAtMicros: timeMicros + 250,
    durationMs: null,
    callerFile: null,
    callerLine: null,
    callerFunction: null,
    schemaVersion: null,
    dialect: "cylestio",
    attributesJson: "{}",
    extensionsJson: null,
    llmProvider: null,
    operation: null,
    alert: null,
    ownership: null,
    ...overrides,
  };
  return { ...draft, id: overrides.id ?? idOf(draft) };
}

/** A part of an operation: by default the start of an LLM call that nothing but its family ties to a finish. */
export function buildPart(overrides: Partial<OperationPart> = {}): OperationPart {
  return {
    kind: "llm",
    family: "llm.call",
    outcome: null,
    runId: null,
    chainId: null,
    nodeId: null,
    subject: null,
    toolName: null,
    isAlone: false,
    endMicros: null,
    llm: null,
    ...overrides,
  };
}

function idOf(draft: EventDraft): string {
  if (draft.clientEventId !== null) {
    return eventId(draft, { attributes: {}, extensions: null, explicitDurationMs: null }, 0);
  }
  const millis = Math.max(0, Math.floor(draft.timeMicros / 1000));
  return millis.toString(16).padStart(12, "0") + built.toString(16).padStart(20, "0");
}
