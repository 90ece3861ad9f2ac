import { create } from "@bufbuild/protobuf";
import { type Agent, AgentSchema } from "../../../gen/cylestio/v1/agent_pb.ts";
import type { AgentRecord } from "../../model/agent.ts";
import { present } from "./event.ts";
import { timestampFromMicros } from "./time.ts";

/** Agent → message. */
export function agentToProto(agent: AgentRecord): Agent {
  return create(AgentSchema, {
    agentId: agent.agentId,
    firstSeenTime: timestampFromMicros(agent.firstSeenMicros),
    lastSeenTime: timestampFromMicros(agent.lastSeenMicros),
    eventCount: BigInt(agent.eventCount),
    sessionCount: BigInt(agent.sessionCount),
    firstEventName: agent.firstEventName,
    firstEventTime: timestampFromMicros(agent.firstSeenMicros),
    latestEventName: agent.lastEventName,
    latestEventTime: timestampFromMicros(agent.lastSeenMicros),
    ...present({ llmProvider: agent.llmProvider }),
  });
}
