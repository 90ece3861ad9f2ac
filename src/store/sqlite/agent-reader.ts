import type { AgentQuery, AgentRecord } from "../store.ts";
import type { RunQuery } from "./reader.ts";

interface AgentRow {
  readonly agent_id: string;
  readonly first_seen_micros: number;
  readonly first_event_name: string;
  readonly last_seen_micros: number;
  readonly last_event_name: string;
  readonly llm_provider: string | null;
  readonly event_count: number;
  readonly session_count: number;
}

const agentRowSql = `select agent_id, first_seen_micros, first_event_name, last_seen_micros, last_event_name, llm_provider,
  event_count, session_count from agents`;

/** The agent with this id, or null. */
export async function findAgent(run: RunQuery, agentId: string): Promise<AgentRecord | null> {
  const [row] = await run<AgentRow>(`${agentRowSql} where agent_id = ?`, [agentId]);
  return row === undefined ? null : agentFromRow(row);
}

/** Agents in descending order of (last seen, id). */
export async function listAgents(run: RunQuery, { after, offset, limit }: AgentQuery): Promise<AgentRecord[]> {
  const where = after === null ? "" : "where (last_seen_micros, agent_id) < (?, ?)";
  const rows = await run<AgentRow>(
    `${agentRowSql} ${where} order by last_seen_micros desc, agent_id desc limit ? offset ?`,
    [...(after === null ? [] : [after.lastSeenMicros, after.agentId]), limit, offset],
  );
  return rows.map(agentFromRow);
}

function agentFromRow(row: AgentRow): AgentRecord {
  return {
    agentId: row.agent_id,
    firstSeenMicros: row.first_seen_micros,
    firstEventName: row.first_event_name,
    lastSeenMicros: row.last_seen_micros,
    lastEventName: row.last_event_name,
    llmProvider: row.llm_provider,
    eventCount: row.event_count,
    sessionCount: row.session_count,
  };
}
