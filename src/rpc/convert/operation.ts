import { create } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { type Operation, OperationSchema } from "../../../gen/cylestio/v1/operation_pb.ts";
import { findEventError } from "../../ingest/call-content.ts";
import { limitsDefault } from "../../model/limits.ts";
import { type OperationRecord, operationStatusOf } from "../../model/operation.ts";
import { present } from "./event.ts";
import { timestampFromMicros } from "./time.ts";
import { costToUsd, tokensToProto } from "./tokens.ts";

/** Operation → message. */
export function operationToProto(operation: OperationRecord): Operation {
  const { llm } = operation;
  return create(OperationSchema, {
    operationId: String(operation.id),
    kind: operation.kind,
    name: operation.name,
    status: operationStatusOf(operation.outcome),
    counted: llm?.isCovered !== true,
    ...(llm !== null && { tokens: tokensToProto(llm.tokens) }),
    ...operationPlace(operation),
    ...present({
      toolName: operation.toolName,
      model: llm?.usedModel ?? llm?.requestedModel ?? null,
      costUsd: costToUsd(llm?.costPicoUsd ?? null),
      errorMessage: errorMessageOf(operation),
    }),
  });
}

/** The fields that the messages of operations and of calls have in common: where it lies and when it ran. */
export interface OperationPlace {
  readonly agentId: string;
  readonly sessionId?: string;
  readonly traceId?: string;
  readonly spanId?: string;
  readonly parentSpanId?: string;
  readonly startTime?: Timestamp;
  readonly finishTime?: Timestamp;
  readonly durationMs?: number;
  readonly startEventId?: string;
  readonly finishEventId?: string;
}

/** Operation → those fields. */
export function operationPlace(operation: OperationRecord): OperationPlace {
  const { agentId, startMicros, finishMicros } = operation;
  return {
    agentId,
    ...present({
      sessionId: operation.sessionId,
      traceId: operation.traceId,
      spanId: operation.spanId,
      parentSpanId: operation.parentSpanId,
      startTime: startMicros === null ? null : timestampFromMicros(startMicros),
      finishTime: finishMicros === null ? null : timestampFromMicros(finishMicros),
      durationMs: operation.durationMs,
      startEventId: operation.startEventId,
      finishEventId: operation.finishEventId,
    }),
  };
}

/** What the event that ended an operation says went wrong, or null. */
export function errorMessageOf({ failure }: Pick<OperationRecord, "failure">): string | null {
  return failure === null ? null : findEventError(failure, limitsDefault.textMaxBytes);
}
