import type { Event, OperationPart } from "../../model/event.ts";

/*
 * Events on their way to another thread. A copy of an object carries the name of every field; a copy of its values alone costs
 * less than half.
 */

type Values<Row, Fields extends readonly (keyof Row)[]> = { readonly [Index in keyof Fields]: Row[Fields[Index]] };

/** The fields of an event but its operation, in the order of a tuple. */
type EventFields = readonly [
  "id",
  "clientEventId",
  "agentId",
  "sessionId",
  "traceId",
  "spanId",
  "parentSpanId",
  "name",
  "level",
  "channel",
  "direction",
  "timeMicros",
  "receivedAtMicros",
  "durationMs",
  "callerFile",
  "callerLine",
  "callerFunction",
  "schemaVersion",
  "dialect",
  "attributesJson",
  "extensionsJson",
  "llmProvider",
];

type OperationFields = readonly [
  "kind",
  "family",
  "outcome",
  "runId",
  "chainId",
  "nodeId",
  "subject",
  "toolName",
  "isAlone",
  "endMicros",
  "llm",
];

/** The facts of a model's call stay objects: few events have them, and with few fields each. */
type OperationTuple = Values<OperationPart, OperationFields>;

/** The values of an event, without names. */
export type EventTuple = readonly [
  ...Values<Event, EventFields>,
  OperationTuple | null,
  Event["alert"],
  Event["ownership"],
];

/** Event → values. */
export function eventToTuple(event: Event): EventTuple {
  const { operation } = event;
  return [
    event.id,
    event.clientEventId,
    event.agentId,
    event.sessionId,
    event.traceId,
    event.spanId,
    event.parentSpanId,
    event.name,
    event.level,
    event.channel,
    event.direction,
    event.timeMicros,
    event.receivedAtMicros,
    event.durationMs,
    event.callerFile,
    event.callerLine,
    event.callerFunction,
    event.schemaVersion,
    event.dialect,
    event.attributesJson,
    event.extensionsJson,
    event.llmProvider,
    operation === null ? null : operationToTuple(operation),
    event.alert,
    event.ownership,
  ];
}

/** Values → event. */
export function eventFromTuple(tuple: EventTuple): Event {
  const operation = tuple[22];
  return {
    id: tuple[0],
    clientEventId: tuple[1],
    agentId: tuple[2],
    sessionId: tuple[3],
    traceId: tuple[4],
    spanId: tuple[5],
    parentSpanId: tuple[6],
    name: tuple[7],
    level: tuple[8],
    channel: tuple[9],
    direction: tuple[10],
    timeMicros: tuple[11],
    receivedAtMicros: tuple[12],
    durationMs: tuple[13],
    callerFile: tuple[14],
    callerLine: tuple[15],
    callerFunction: tuple[16],
    schemaVersion: tuple[17],
    dialect: tuple[18],
    attributesJson: tuple[19],
    extensionsJson: tuple[20],
    llmProvider: tuple[21],
    operation: operation === null ? null : operationFromTuple(operation),
    alert: tuple[23],
    ownership: tuple[24],
  };
}

function operationToTuple(operation: OperationPart): OperationTuple {
  const { kind, family, outcome, runId, chainId, nodeId, subject, toolName, isAlone, endMicros, llm } = operation;
  return [kind, family, outcome, runId, chainId, nodeId, subject, toolName, isAlone, endMicros, llm];
}

function operationFromTuple(tuple: OperationTuple): OperationPart {
  const [kind, family, outcome, runId, chainId, nodeId, subject, toolName, isAlone, endMicros, llm] = tuple;
  return { kind, family, outcome, runId, chainId, nodeId, subject, toolName, isAlone, endMicros, llm };
}
