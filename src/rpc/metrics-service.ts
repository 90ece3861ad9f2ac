import type { ServiceImpl } from "@connectrpc/connect";
import type { MetricsService } from "../../gen/cylestio/v1/metrics_service_pb.ts";
import type { AgentQueries } from "../query/agent-queries.ts";
import { countsToProto } from "./convert/counts.ts";
import { required } from "./convert/request.ts";
import { timeRangeFrom, timestampFromMicros } from "./convert/time.ts";

/** `MetricsService` over the agent queries. */
export function createMetricsService(queries: AgentQueries): ServiceImpl<typeof MetricsService> {
  return {
    async getEventCounts(request) {
      const agentId = required("agent_id", request.agentId);
      const { total, countByLevel, countByChannel } = await queries.countEvents(agentId, timeRangeFrom(request));
      return {
        agentId,
        totalCount: BigInt(total),
        countByLevel: countsToProto(countByLevel),
        countByChannel: countsToProto(countByChannel),
      };
    },
    async getEventTypes(request) {
      const agentId = required("agent_id", request.agentId);
      const types = await queries.countEventTypes(agentId, timeRangeFrom(request));
      return {
        agentId,
        eventTypes: types.map(({ name, count, firstMicros, latestMicros }) => ({
          name,
          count: BigInt(count),
          firstTime: timestampFromMicros(firstMicros),
          latestTime: timestampFromMicros(latestMicros),
        })),
      };
    },
    async getLatency(request) {
      const agentId = required("agent_id", request.agentId);
      const kinds = await queries.measureLatency(agentId, timeRangeFrom(request));
      return {
        agentId,
        operations: kinds.map(({ count, errorCount, ...latency }) => ({
          ...latency,
          count: BigInt(count),
          errorCount: BigInt(errorCount),
        })),
      };
    },
  };
}
