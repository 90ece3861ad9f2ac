import { TelemetryError } from "../model/error.ts";
import type { AgentCursor, AgentRecord, EventCount, LatencyRecord, TelemetryStore, TimeRange } from "../store/store.ts";
import { createPageToken, parsePageToken } from "./page-token.ts";
import { type PagingRequest, parsePaging } from "./paging.ts";

/** Questions about agents and their events in numbers. All reject with `AGENT_NOT_FOUND` for an agent that never reported. */
export interface AgentQueries {
  listAgents(paging: PagingRequest): Promise<AgentPage>;
  getAgent(agentId: string): Promise<AgentRecord>;
  summariseAgent(agentId: string): Promise<AgentSummary>;
  countEvents(agentId: string, range: TimeRange): Promise<EventCounts>;
  /** By name: the most frequent first, then by name. */
  countEventTypes(agentId: string, range: TimeRange): Promise<readonly EventTypeCount[]>;
  measureLatency(agentId: string, range: TimeRange): Promise<readonly LatencyRecord[]>;
}

export interface AgentPage {
  readonly agents: readonly AgentRecord[];
  /** Empty: the last page. */
  readonly nextPageToken: string;
}

/** Counts by a value that events carry; those without one count under the empty text. */
export type Counts = Readonly<Record<string, number>>;

export interface AgentSummary {
  readonly agent: AgentRecord;
  readonly countByName: Counts;
  readonly countByChannel: Counts;
  /** Mean of the finished LLM calls; null if there is none whose duration is known. */
  readonly meanLlmMs: number | null;
}

export interface EventCounts {
  readonly total: number;
  readonly countByLevel: Counts;
  readonly countByChannel: Counts;
}

export interface EventTypeCount {
  readonly name: string;
  readonly count: number;
  readonly firstMicros: number;
  readonly latestMicros: number;
}

const allTime: TimeRange = { fromMicros: null, toMicros: null };

/** Answers the questions from a store. */
export function createAgentQueries(store: TelemetryStore): AgentQueries {
  const getAgent = async (agentId: string): Promise<AgentRecord> => {
    const agent = await store.findAgent(agentId);
    if (agent === null) {
      throw new TelemetryError("AGENT_NOT_FOUND", `Agent with ID '${agentId}' not found`, {
        metadata: { agent_id: agentId },
      });
    }
    return agent;
  };

  return {
    getAgent,
    async listAgents(request) {
      const { offset, limit } = parsePaging(request);
      const after = request.pageToken === "" ? null : agentCursorFrom(request.pageToken);
      const found = await store.listAgents({ after, offset, limit: limit + 1 });
      const agents = found.slice(0, limit);
      const last = agents.at(-1);
      const hasMore = found.length > limit && last !== undefined;
      return { agents, nextPageToken: hasMore ? createPageToken([last.lastSeenMicros, last.agentId], "agents") : "" };
    },
    async summariseAgent(agentId) {
      const agent = await getAgent(agentId);
      const [names, channels, latency] = await Promise.all([
        store.countEvents({ agentId, dimension: "name", ...allTime }),
        store.countEvents({ agentId, dimension: "channel", ...allTime }),
        store.measureLatency({ agentId, ...allTime }),
      ]);
      return {
        agent,
        countByName: countsFrom(names),
        countByChannel: countsFrom(channels),
        meanLlmMs: latency.find(({ kind }) => kind === "llm")?.meanMs ?? null,
      };
    },
    async countEvents(agentId, range) {
      await getAgent(agentId);
      const [levels, channels] = await Promise.all([
        store.countEvents({ agentId, dimension: "level", ...range }),
        store.countEvents({ agentId, dimension: "channel", ...range }),
      ]);
      const total = levels.reduce((sum, { count }) => sum + count, 0);
      return { total, countByLevel: countsFrom(levels), countByChannel: countsFrom(channels) };
    },
    async countEventTypes(agentId, range) {
      await getAgent(agentId);
      const types = await store.countEvents({ agentId, dimension: "name", ...range });
      return types
        .map(({ value, ...counts }) => ({ name: value, ...counts }))
        .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
    },
    async measureLatency(agentId, range) {
      await getAgent(agentId);
      return store.measureLatency({ agentId, ...range });
    },
  };
}

function agentCursorFrom(pageToken: string): AgentCursor {
  const [lastSeenMicros, agentId] = parsePageToken(pageToken, "agents");
  return { lastSeenMicros: Number(lastSeenMicros), agentId: String(agentId) };
}

function countsFrom(counts: readonly EventCount[]): Counts {
  // Without a prototype, so that an event named `__proto__` counts like any other.
  const result: Record<string, number> = Object.create(null) as Record<string, number>;
  for (const { value, count } of counts) result[value] = count;
  return result;
}
