import { type Condition, equals } from "./condition.ts";
import type { RunQuery } from "./reader.ts";

/** The key of an agent, or null if it never reported. */
export async function findAgentKey(run: RunQuery, agentId: string): Promise<number | null> {
  const [agent] = await run<{ readonly id: number }>("select id from agents where agent_id = ?", [agentId]);
  return agent?.id ?? null;
}

/** Which sessions: those with this id, of one agent or, with null, of all. */
export interface SessionOwner {
  readonly sessionId: string;
  readonly agentId: string | null;
}

/** The condition that `column` is the key of such a session; null if there is none. */
export async function findSessionCondition(
  run: RunQuery,
  column: string,
  { sessionId, agentId }: SessionOwner,
): Promise<Condition | null> {
  const sessions = {
    sql: `select id from sessions where session_id = ?
      ${agentId === null ? "" : "and agent_key = (select id from agents where agent_id = ?)"}`,
    parameters: agentId === null ? [sessionId] : [sessionId, agentId],
  };
  const [first, second] = await run<{ readonly id: number }>(`${sessions.sql} limit 2`, sessions.parameters);
  if (first === undefined) return null;
  // By its one key, an index gives what belongs to a session in order; what belongs to several has to be sorted.
  if (second === undefined) return equals(column, first.id);
  return { ...sessions, sql: `${column} in (${sessions.sql})` };
}
