import type { ServiceImpl } from "@connectrpc/connect";
import type { TraceService } from "../../gen/cylestio/v1/trace_service_pb.ts";
import { parseFilter } from "../query/filter/filter-parser.ts";
import type { TraceQueries } from "../query/trace-queries.ts";
import { pageFrom, required } from "./convert/request.ts";
import { timeRangeFrom } from "./convert/time.ts";
import { traceSpanToProto, traceToProto } from "./convert/trace.ts";

/** `TraceService` over the trace queries. */
export function createTraceService(queries: TraceQueries): ServiceImpl<typeof TraceService> {
  return {
    async listTraces(request) {
      const { agentId, traceId } = request;
      const filter = {
        agentId: agentId || null,
        traceId: traceId || null,
        expression: parseFilter("traces", request.filter),
        ...timeRangeFrom(request),
      };
      const { items, nextPageToken } = await queries.listTraces(filter, pageFrom(request));
      return { traces: items.map(traceToProto), nextPageToken };
    },
    async getTrace({ traceId, agentId }) {
      const detail = await queries.getTrace({ traceId: required("trace_id", traceId), agentId: agentId || null });
      return {
        traces: detail.traces.map(traceToProto),
        spans: detail.nodes.map(traceSpanToProto),
        truncated: detail.truncated,
      };
    },
  };
}
