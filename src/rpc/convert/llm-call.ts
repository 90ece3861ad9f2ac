import { create } from "@bufbuild/protobuf";
import {
  type LlmCall,
  type LlmCallContent,
  LlmCallContentSchema,
  LlmCallSchema,
} from "../../../gen/cylestio/v1/llm_call_pb.ts";
import { type CallEvents, readLlmCall } from "../../ingest/call-content.ts";
import type { LlmMessage } from "../../ingest/cylestio/llm-messages.ts";
import { noTokens } from "../../model/llm-call.ts";
import { type OperationRecord, operationStatusOf } from "../../model/operation.ts";
import { callPriceToProto } from "./call-price.ts";
import { present } from "./event.ts";
import { errorMessageOf, operationPlace } from "./operation.ts";
import { costToUsd, tokensToProto } from "./tokens.ts";

/** Call of a language model → message. */
export function llmCallToProto(operation: OperationRecord): LlmCall {
  const { llm } = operation;
  return create(LlmCallSchema, {
    callId: String(operation.id),
    status: operationStatusOf(operation.outcome),
    tokens: tokensToProto(llm?.tokens ?? noTokens),
    isWrapper: llm?.isWrapper === true,
    counted: llm?.isCovered !== true,
    ...operationPlace(operation),
    ...present({
      vendor: llm?.vendor ?? null,
      requestedModel: llm?.requestedModel ?? null,
      usedModel: llm?.usedModel ?? null,
      stopReason: llm?.stopReason ?? null,
      costUsd: costToUsd(llm?.costPicoUsd ?? null),
      price: llm?.priceJson == null ? null : callPriceToProto(llm.priceJson),
      errorMessage: errorMessageOf(operation),
    }),
  });
}

/** What the events of a call say that it was about → message. */
export function llmContentToProto(events: CallEvents): LlmCallContent {
  const { inputMessages, outputMessages, parameters, responseId } = readLlmCall(events);
  return create(LlmCallContentSchema, {
    inputMessages: inputMessages.map(messageToProto),
    outputMessages: outputMessages.map(messageToProto),
    parametersJson: JSON.stringify(parameters),
    ...present({ responseId }),
  });
}

function messageToProto({ role, content }: LlmMessage) {
  return { contentJson: JSON.stringify(content), ...present({ role }) };
}
