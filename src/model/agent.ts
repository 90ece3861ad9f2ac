/** One agent, as its events tell. Times are microseconds since 1970 UTC. */
export interface AgentRecord {
  readonly agentId: string;
  readonly firstSeenMicros: number;
  readonly firstEventName: string;
  readonly lastSeenMicros: number;
  readonly lastEventName: string;
  readonly llmProvider: string | null;
  readonly eventCount: number;
  readonly sessionCount: number;
}
