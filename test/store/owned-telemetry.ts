import * as fc from "fast-check";
import type { Event } from "../../src/model/event.ts";
import { buildAlert, buildLlm } from "./call-builder.ts";
import { buildEvent, buildPart, builtFromMicros } from "./event-builder.ts";
import { buildLog, buildSpan } from "./span-builder.ts";

const minuteMicros = 60_000_000;
const spanIds = ["a", "b", "c", "d", "e"];
const agentIds = ["one", "two"];

/** What an event may be beside its place. */
const anyFields = fc.record({
  traceId: fc.constantFrom("t", "t", "t", "t", "t", "u"),
  parentSpanId: fc.constantFrom(null, ...spanIds, ...spanIds),
  sessionId: fc.constantFrom(null, null, null, "s1", "s2"),
  name: fc.constantFrom("x", "y"),
  level: fc.constantFrom("INFO", "INFO", "ERROR"),
  timeMicros: fc
    .tuple(fc.constantFrom(0, 0, 0, 1, 16, 1441), fc.constantFrom(0, 1, 2, 29_999_999))
    .map(([minute, micros]) => builtFromMicros + minute * minuteMicros + micros),
  llmProvider: fc.constantFrom(null, null, "openai", "anthropic"),
  alert: fc.constantFrom(null, null, null, buildAlert(), buildAlert({ severity: "high", category: null })),
});

const anyOperation = fc
  .record({
    layer: fc.constantFrom("wrapper", "vendor", "vendor", "tool", "chain"),
    outcome: fc.constantFrom("ok" as const, "ok" as const, "error" as const, null),
    micros: fc.constantFrom(-1, 0, 1500, 40_000_000, 200_000_000),
    tokens: fc.constantFrom(null, 7),
  })
  .map(({ layer, outcome, micros, tokens }) => (timeMicros: number) => {
    const isLlm = layer === "wrapper" || layer === "vendor";
    return buildPart({
      kind: isLlm ? "llm" : layer === "tool" ? "tool" : "chain",
      family: layer,
      isAlone: true,
      outcome,
      endMicros: outcome === null ? null : timeMicros + micros,
      toolName: layer === "tool" ? "search" : null,
      llm: isLlm
        ? buildLlm({ isWrapper: layer === "wrapper", requestedModel: "priced", tokens: { input: tokens } })
        : null,
    });
  });

/** Few ids, so that spans lie in one another in every way, also in themselves, and several have one id. */
const anySpan = fc
  .tuple(
    anyFields,
    fc.constantFrom(...spanIds, ...spanIds, null),
    fc.constantFrom(null, null, null, null, ...agentIds),
    fc.constantFrom("one", "service"),
    anyOperation,
  )
  .map(([{ parentSpanId, ...fields }, spanId, agentId, service, operationAt]) => () => {
    const operation = operationAt(fields.timeMicros);
    return buildSpan(spanId, parentSpanId, { ...fields, agentId, service, operation });
  });

const anyLog = fc
  .tuple(anyFields, fc.constantFrom(null, null, null, ...agentIds), fc.constantFrom("one", "service"))
  .map(
    ([{ parentSpanId, ...fields }, agentId, service]) =>
      () =>
        buildLog(parentSpanId, { ...fields, agentId, service }),
  );

/** Events of the other dialect, of the same agents, sessions and traces: starts and finishes that pair. */
const anyOther = fc.tuple(anyFields, fc.constantFrom(...agentIds, "service"), fc.constantFrom("ok" as const, null)).map(
  ([fields, agentId, outcome]) =>
    () =>
      buildEvent({ ...fields, agentId, spanId: "a", operation: buildPart({ family: "chat", outcome }) }),
);

/** Events of which many take their agents and sessions from others, in any order. */
export const anyOwnedTelemetry: fc.Arbitrary<readonly Event[]> = fc
  .array(
    fc.oneof({ weight: 6, arbitrary: anySpan }, { weight: 2, arbitrary: anyLog }, { weight: 1, arbitrary: anyOther }),
    { minLength: 6, maxLength: 24 },
  )
  .map((builders) => builders.map((build) => build()));

/** Whose events are by definition, as `agent/session` by their ids. */
export function ownersFrom(events: readonly Event[]): ReadonlyMap<string, string> {
  const spans = events.filter(({ ownership, channel }) => ownership !== null && channel !== "LOG");
  const above = (traceId: string | null, spanId: string | null): Event | undefined =>
    spans
      .filter((span) => spanId !== null && span.traceId === traceId && span.spanId === spanId)
      .sort((a, b) => (a.id < b.id ? -1 : 1))[0];
  const told = (event: Event, owner: "agentId" | "sessionId"): string | null => {
    const seen = new Set<Event>();
    let at: Event | undefined = event;
    while (at !== undefined && !seen.has(at)) {
      seen.add(at);
      const own = at.ownership?.[owner] ?? null;
      if (own !== null) return own;
      at = above(at.traceId, at.channel === "LOG" ? at.spanId : at.parentSpanId);
    }
    return null;
  };
  return new Map(
    events.map((event) => {
      const { id, agentId, sessionId, ownership } = event;
      const session = ownership === null ? sessionId : told(event, "sessionId");
      const agent = ownership === null ? agentId : (told(event, "agentId") ?? agentId);
      return [id, `${agent}/${session ?? "-"}`];
    }),
  );
}
