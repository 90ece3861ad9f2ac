import * as fc from "fast-check";
import type { Event, OperationKind, OperationOutcome } from "../../src/model/event.ts";
import type { LatencyRecord } from "../../src/model/latency.ts";
import { operationDurationMs, type PairingPart, pairParts, partitionNameOf, tiesOf } from "../../src/model/pairing.ts";
import { buildPart, builtFromMicros } from "./event-builder.ts";

/** An operation as far as it can be told from outside. */
export interface Operation {
  readonly agentId: string;
  readonly kind: OperationKind;
  /** Ids of the two events. */
  readonly start: string | null;
  readonly finish: string | null;
  readonly startToolName: string | null;
  readonly finishToolName: string | null;
  readonly outcome: OperationOutcome | null;
  readonly durationMs: number | null;
}

const kinds = { "llm.call": "llm", tool: "tool" } as const;

/** Parts of operations, with so few keys and times that they compete for each other. */
export const anyParts: fc.Arbitrary<readonly Partial<Event>[]> = fc
  .array(
    fc.record({
      agentId: fc.constantFrom("one", "one", "one", "two"),
      sessionId: fc.constantFrom("s1", "s1", null),
      traceId: fc.constantFrom(null, "t1"),
      spanId: fc.constantFrom(null, null, null, "x"),
      timeMicros: fc.integer({ min: 0, max: 7 }).map((step) => builtFromMicros + step * 500),
      durationMs: fc.constantFrom(null, null, 3.5),
      family: fc.constantFrom("llm.call" as const, "llm.call" as const, "tool" as const),
      outcome: fc.constantFrom<OperationOutcome | null>(null, null, null, "ok", "error", "blocked"),
      runId: fc.constantFrom(null, null, "r1", "r2"),
      chainId: fc.constantFrom(null, null, "c1", "c2"),
      nodeId: fc.constantFrom(null, null, "n1"),
      subject: fc.constantFrom(null, "a", "b"),
      toolName: fc.constantFrom(null, "search", "fetch"),
    }),
    { minLength: 1, maxLength: 24 },
  )
  .map((parts) =>
    parts.map(({ agentId, sessionId, traceId, spanId, timeMicros, durationMs, family, ...part }) => ({
      agentId,
      sessionId,
      traceId,
      spanId,
      timeMicros,
      durationMs: part.outcome === null ? null : durationMs,
      operation: buildPart({ ...part, family, kind: kinds[family] }),
    })),
  );

/** The operations of a set of events by definition: each partition paired as a whole. */
export function operationsFrom(events: readonly Event[]): readonly Operation[] {
  const parts = events.flatMap((event) => (event.operation === null ? [] : [{ event, operation: event.operation }]));
  const partitions = Map.groupBy(parts, ({ event, operation }) => partitionNameOf(event, operation).whole);
  return [...partitions.values()].flatMap((members) => pairParts(members.map(partFrom)).map(operationFrom));
}

interface Part extends PairingPart {
  readonly event: Event;
}

function partFrom({ event, operation }: { event: Event; operation: NonNullable<Event["operation"]> }): Part {
  return {
    event,
    eventId: event.id,
    timeMicros: event.timeMicros,
    finish: operation.outcome !== null,
    ties: tiesOf(event, operation),
  };
}

function operationFrom({ start, finish }: { readonly start: Part | null; readonly finish: Part | null }): Operation {
  const any = start ?? finish;
  return {
    agentId: any?.event.agentId ?? "",
    kind: any?.event.operation?.kind ?? "other",
    start: start?.eventId ?? null,
    finish: finish?.eventId ?? null,
    startToolName: start?.event.operation?.toolName ?? null,
    finishToolName: finish?.event.operation?.toolName ?? null,
    outcome: finish?.event.operation?.outcome ?? null,
    durationMs: operationDurationMs({
      startMicros: start?.timeMicros ?? null,
      finishMicros: finish?.timeMicros ?? null,
      reportedMs: finish?.event.durationMs ?? null,
    }),
  };
}

/** What latency is by definition: the percentile p of n values is the value of rank ceil(n × p / 100). */
export function latencyFrom(
  operations: readonly Pick<Operation, "kind" | "outcome" | "durationMs">[],
): readonly LatencyRecord[] {
  const finished = operations.filter(({ durationMs }) => durationMs !== null);
  const byKind = [...Map.groupBy(finished, ({ kind }) => kind)].sort(([a], [b]) => (a < b ? -1 : 1));
  return byKind.map(([kind, group]) => {
    const sorted = group.flatMap(({ durationMs }) => durationMs ?? []).sort((a, b) => a - b);
    const rank = (percentile: number) => sorted[Math.ceil((sorted.length * percentile) / 100) - 1] ?? Number.NaN;
    return {
      kind,
      count: group.length,
      errorCount: group.filter(({ outcome }) => outcome !== "ok").length,
      meanMs: sorted.reduce((sum, value) => sum + value, 0) / sorted.length,
      minMs: sorted[0] ?? Number.NaN,
      maxMs: sorted.at(-1) ?? Number.NaN,
      p50Ms: rank(50),
      p90Ms: rank(90),
      p95Ms: rank(95),
      p99Ms: rank(99),
    };
  });
}

/** What is expected, where a value is within 1 % of it; else the value. */
export function withinOnePercent(value: number | undefined, expected: number | undefined): number | undefined {
  return Math.abs((value ?? Number.NaN) - (expected ?? Number.NaN)) <= 0.01 * (expected ?? 0) ? expected : value;
}

/** The same with what may differ a little replaced by what is expected. */
export function snapped(record: LatencyRecord, expected: LatencyRecord | undefined): LatencyRecord {
  if (expected === undefined) return record;
  const loose = ["p50Ms", "p90Ms", "p95Ms", "p99Ms"] as const;
  const percentiles = Object.fromEntries(loose.map((name) => [name, withinOnePercent(record[name], expected[name])]));
  // Sums are of whole microseconds.
  const meanMs = Math.abs(record.meanMs - expected.meanMs) <= 0.001 ? expected.meanMs : record.meanMs;
  return { ...record, ...percentiles, meanMs };
}
