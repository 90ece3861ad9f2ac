import type { Event, OperationKind, OperationOutcome, OperationPart } from "../../model/event.ts";
import type { LlmFacts } from "../../model/llm-call.ts";
import {
  operationDurationMs,
  type Pair,
  type PairingPart,
  type PartitionName,
  pairParts,
  partitionNameOf,
  tiesOf,
} from "../../model/pairing.ts";

/** One part of an operation, whether new or read back. */
export interface Part extends PairingPart {
  readonly kind: OperationKind;
  /** The operation's family, which is its name. */
  readonly name: string;
  readonly toolName: string | null;
  readonly outcome: OperationOutcome | null;
  readonly reportedMs: number | null;
  readonly llm: LlmFacts | null;
  /** See `OperationPart`. */
  readonly isAlone: boolean;
  readonly agentId: string;
  /** Where it lies, as its event says. */
  readonly place: SpanPlace;
  /** Of its event's row; null until it is stored, and for good where it is not. */
  sequence: number | null;
  agentKey: number | null;
  sessionKey: number | null;
  /** `events.paired_duration_ms` of its event as it stands, or as it will be inserted. */
  pairedMs: number | null;
}

/** Which span an event belongs to. */
export type SpanPlace = Pick<Event, "traceId" | "spanId" | "parentSpanId">;

/** Parts of one partition that are about to be stored. */
export interface PlannedPartition {
  readonly name: PartitionName;
  readonly parts: Part[];
  /** How they pair among themselves. */
  pairs: readonly Pair<Part>[];
}

/** The operations of the events of one transaction, as far as these events tell. */
export interface OperationPlan {
  /** The parts of each event, in the order of the events: none, one, or both of an operation that it tells alone. */
  readonly parts: readonly (readonly Part[])[];
  readonly partitions: Iterable<PlannedPartition>;
}

/**
 * Pairs the parts of events that are about to be stored with each other. Where neither a duplicate nor a part that is stored
 * already interferes, which is the rule, that is the whole truth: the events can be inserted with it and need no second write.
 */
export function planOperations(events: readonly Event[]): OperationPlan {
  const partitions = new Map<string, PlannedPartition>();
  const parts = events.map((event) => {
    if (event.operation === null) return [];
    const own = partsOf(event, event.operation);
    const name = partitionNameOf(event, event.operation);
    const known = partitions.get(name.whole);
    if (known === undefined) partitions.set(name.whole, { name, parts: [...own], pairs: pairsOf(own) });
    else known.parts.push(...own);
    return own;
  });
  for (const partition of partitions.values()) {
    if (partition.pairs.length === 0) partition.pairs = pairParts(partition.parts);
    for (const { start, finish } of partition.pairs) if (finish !== null) finish.pairedMs = pairedMsOf(start, finish);
  }
  return { parts, partitions: partitions.values() };
}

/** What a finish's event says of its duration because of the pair: nothing, where it reports one itself. */
export function pairedMsOf(start: Part | null, finish: Part): number | null {
  return finish.reportedMs === null ? durationMsOf(start, finish) : null;
}

/** How long the operation of such a pair took, in milliseconds; null if it is not known. */
export function durationMsOf(start: Part | null, finish: Part | null): number | null {
  return operationDurationMs({
    startMicros: start?.timeMicros ?? null,
    finishMicros: finish?.timeMicros ?? null,
    reportedMs: finish?.reportedMs ?? null,
  });
}

/** The pair of the parts that tell an operation alone; none yet where it takes others to tell. */
function pairsOf([start, finish]: readonly Part[]): readonly Pair<Part>[] {
  return start === undefined || finish === undefined ? [] : [{ start, finish }];
}

function partsOf(event: Event, operation: OperationPart): readonly Part[] {
  const part = partOf(event, operation);
  const { endMicros } = operation;
  if (endMicros === null) return [part];
  // What the event says of the operation is said once, with its finish.
  const start = { ...part, finish: false, outcome: null, toolName: null, reportedMs: null, llm: null };
  return [start, { ...part, timeMicros: endMicros }];
}

function partOf(event: Event, operation: OperationPart): Part {
  return {
    eventId: event.id,
    timeMicros: event.timeMicros,
    finish: operation.outcome !== null,
    ties: tiesOf(event, operation),
    kind: operation.kind,
    name: operation.family,
    toolName: operation.toolName,
    outcome: operation.outcome,
    reportedMs: event.durationMs,
    llm: operation.llm,
    isAlone: operation.isAlone,
    agentId: event.agentId,
    place: event,
    sequence: null,
    agentKey: null,
    sessionKey: null,
    pairedMs: null,
  };
}
