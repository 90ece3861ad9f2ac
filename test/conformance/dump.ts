import { expect } from "vitest";
import { getJson, pagesFrom } from "./http.ts";

/** An event as REST shows it. */
export interface RestEvent {
  readonly id: number;
  readonly event_id: string;
  readonly agent_id: string;
  readonly event_type: string;
  readonly timestamp: string;
  readonly receive_time: string;
  readonly level: string;
  readonly session_id: string | null;
  readonly duration_ms: number | null;
  readonly data: unknown;
}

/** Everything that a server tells, without what depends on when and in which order the events came. */
export interface Dump {
  /** By event id, without sequence and receive time. */
  readonly events: readonly DumpedEvent[];
  /** As the list has them. */
  readonly agents: readonly RestAgent[];
  /** By agent: every answer about it. */
  readonly answers: Readonly<Record<string, AgentAnswers>>;
}

export type DumpedEvent = Omit<RestEvent, "id" | "receive_time">;

interface RestAgent extends Readonly<Record<string, unknown>> {
  readonly agent_id: string;
  readonly event_count: number;
}

/** What is asked about one agent. */
export interface AgentAnswers {
  readonly agent: RestAgent;
  readonly summary: unknown;
  readonly eventCounts: { readonly total_count: number; readonly count_by_level: Readonly<Record<string, number>> };
  readonly eventTypes: unknown;
  readonly latency: { readonly operations: readonly Readonly<Record<string, unknown>>[] };
}

/** Asks a server for everything that it has, over REST, in pages that are much smaller than the whole. */
export async function dumpServer(url: string): Promise<Dump> {
  const events = (await pagesFrom<RestEvent>(url, "/api/events?sort=asc&page_size=41")).flat();
  const times = events.map(({ timestamp }) => microsFrom(timestamp));
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);

  const agents = (await pagesFrom<RestAgent>(url, "/api/agents?page_size=2")).flat();
  const answers: Record<string, AgentAnswers> = {};
  for (const { agent_id } of agents) answers[agent_id] = await askAbout(url, agent_id);
  return {
    events: events
      .map(({ id: _id, receive_time: _receiveTime, ...event }) => event)
      .sort((a, b) => (a.event_id < b.event_id ? -1 : 1)),
    agents,
    answers,
  };
}

/** Microseconds since 1970 of a time as the server writes it: UTC with `Z` and up to six digits of fraction. */
export function microsFrom(timestamp: string): number {
  const [, seconds, fraction = ""] = /^(.{19})(?:\.(\d{3}|\d{6}))?Z$/.exec(timestamp) ?? [];
  if (seconds === undefined) throw new Error(`${timestamp} is not a time in UTC`);
  return Date.parse(`${seconds}Z`) * 1000 + Number(fraction.padEnd(6, "0"));
}

async function askAbout(url: string, agentId: string): Promise<AgentAnswers> {
  return {
    agent: await getJson(url, `/api/agents/${agentId}`),
    summary: await getJson(url, `/api/agents/${agentId}/summary`),
    eventCounts: await getJson(url, `/api/metrics/${agentId}/event_counts`),
    eventTypes: await getJson(url, `/api/metrics/${agentId}/event_types`),
    latency: await getJson(url, `/api/metrics/${agentId}/latency`),
  };
}
