import type { ServiceImpl } from "@connectrpc/connect";
import type { ToolCallService } from "../../gen/cylestio/v1/tool_call_service_pb.ts";
import type { CallQueries } from "../query/call-queries.ts";
import { parseFilter } from "../query/filter/filter-parser.ts";
import { pageFrom, required } from "./convert/request.ts";
import { timeRangeFrom } from "./convert/time.ts";
import { toolCallToProto, toolContentToProto } from "./convert/tool-call.ts";

/** `ToolCallService` over the queries for calls of tools. */
export function createToolCallService(queries: CallQueries): ServiceImpl<typeof ToolCallService> {
  return {
    async listToolCalls(request) {
      const filter = {
        agentId: request.agentId || null,
        sessionId: request.sessionId || null,
        toolName: request.toolName || null,
        status: request.status,
        expression: parseFilter("tool_calls", request.filter),
        ...timeRangeFrom(request),
      };
      const { items, nextPageToken } = await queries.listCalls(filter, pageFrom(request));
      return { toolCalls: items.map(toolCallToProto), nextPageToken };
    },
    async getToolCall({ callId }) {
      const detail = await queries.getCall(required("call_id", callId));
      return { toolCall: toolCallToProto(detail.operation), content: toolContentToProto(detail) };
    },
  };
}
