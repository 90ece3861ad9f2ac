import { create } from "@bufbuild/protobuf";
import {
  type ToolCall,
  type ToolCallContent,
  ToolCallContentSchema,
  ToolCallSchema,
} from "../../../gen/cylestio/v1/tool_call_pb.ts";
import { type CallEvents, readToolCall } from "../../ingest/call-content.ts";
import { type OperationRecord, operationStatusOf } from "../../model/operation.ts";
import { present } from "./event.ts";
import { errorMessageOf, operationPlace } from "./operation.ts";

/** Call of a tool → message. */
export function toolCallToProto(operation: OperationRecord): ToolCall {
  return create(ToolCallSchema, {
    callId: String(operation.id),
    name: operation.name,
    status: operationStatusOf(operation.outcome),
    ...operationPlace(operation),
    ...present({ toolName: operation.toolName, errorMessage: errorMessageOf(operation) }),
  });
}

/** What the events of a call say that it was about → message. */
export function toolContentToProto(events: CallEvents): ToolCallContent {
  const { arguments: args, result, error } = readToolCall(events);
  return create(ToolCallContentSchema, present({ argumentsJson: jsonOf(args), resultJson: jsonOf(result), error }));
}

function jsonOf(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value);
}
