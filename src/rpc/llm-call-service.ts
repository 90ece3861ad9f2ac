import type { ServiceImpl } from "@connectrpc/connect";
import type { LlmCallService } from "../../gen/cylestio/v1/llm_call_service_pb.ts";
import type { CallQueries } from "../query/call-queries.ts";
import { parseFilter } from "../query/filter/filter-parser.ts";
import { llmCallToProto, llmContentToProto } from "./convert/llm-call.ts";
import { pageFrom, required } from "./convert/request.ts";
import { timeRangeFrom } from "./convert/time.ts";

/** `LlmCallService` over the queries for calls of language models. */
export function createLlmCallService(queries: CallQueries): ServiceImpl<typeof LlmCallService> {
  return {
    async listLlmCalls(request) {
      const filter = {
        agentId: request.agentId || null,
        sessionId: request.sessionId || null,
        vendor: request.vendor || null,
        model: request.model || null,
        status: request.status,
        expression: parseFilter("llm_calls", request.filter),
        ...timeRangeFrom(request),
      };
      const { items, nextPageToken } = await queries.listCalls(filter, pageFrom(request));
      return { llmCalls: items.map(llmCallToProto), nextPageToken };
    },
    async getLlmCall({ callId }) {
      const detail = await queries.getCall(required("call_id", callId));
      return { llmCall: llmCallToProto(detail.operation), content: llmContentToProto(detail) };
    },
  };
}
