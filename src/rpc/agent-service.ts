import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { AgentSummarySchema } from "../../gen/cylestio/v1/agent_pb.ts";
import type { AgentService } from "../../gen/cylestio/v1/agent_service_pb.ts";
import type { AgentQueries } from "../query/agent-queries.ts";
import { agentToProto } from "./convert/agent.ts";
import { countsToProto } from "./convert/counts.ts";
import { present } from "./convert/event.ts";
import { pagingFrom, required } from "./convert/request.ts";
import { timestampFromMicros } from "./convert/time.ts";

/** `AgentService` over the agent queries. */
export function createAgentService(queries: AgentQueries): ServiceImpl<typeof AgentService> {
  return {
    async listAgents(request, context) {
      const { agents, nextPageToken } = await queries.listAgents(pagingFrom(request, context));
      return { agents: agents.map(agentToProto), nextPageToken };
    },
    async getAgent({ agentId }) {
      return { agent: agentToProto(await queries.getAgent(required("agent_id", agentId))) };
    },
    async getAgentSummary({ agentId }) {
      const summary = await queries.summariseAgent(required("agent_id", agentId));
      return {
        summary: create(AgentSummarySchema, {
          agentId,
          eventCountByName: countsToProto(summary.countByName),
          eventCountByChannel: countsToProto(summary.countByChannel),
          firstSeenTime: timestampFromMicros(summary.agent.firstSeenMicros),
          lastSeenTime: timestampFromMicros(summary.agent.lastSeenMicros),
          ...present({ avgResponseTimeMs: summary.meanLlmMs }),
        }),
      };
    },
  };
}
