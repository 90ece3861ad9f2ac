import type { Clients } from "./clients.ts";

/** A call that is refused, over RPC and over REST. */
export interface Refusal {
  readonly what: string;
  readonly call: (clients: Clients) => Promise<unknown>;
  readonly path: string;
  readonly code: string;
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly string[];
}

const noAgent = { code: "not_found", status: 404, reason: "AGENT_NOT_FOUND", fields: [] };

/** What is not there, and fields that are wrong. */
export const refusals: readonly Refusal[] = [
  {
    what: "an agent that never reported",
    call: ({ agents }) => agents.getAgent({ agentId: "nobody" }),
    path: "/api/agents/nobody",
    ...noAgent,
  },
  {
    what: "a summary of nobody",
    call: ({ agents }) => agents.getAgentSummary({ agentId: "nobody" }),
    path: "/api/agents/nobody/summary",
    ...noAgent,
  },
  {
    what: "events of nobody",
    call: ({ events }) => events.listAgentEvents({ agentId: "nobody" }),
    path: "/api/events/nobody",
    ...noAgent,
  },
  {
    what: "events of nobody with a name",
    call: ({ events }) => events.listAgentEventsByName({ agentId: "nobody", name: "x" }),
    path: "/api/events/nobody/x",
    ...noAgent,
  },
  {
    what: "counts of nobody",
    call: ({ metrics }) => metrics.getEventCounts({ agentId: "nobody" }),
    path: "/api/metrics/nobody/event_counts",
    ...noAgent,
  },
  {
    what: "event types of nobody",
    call: ({ metrics }) => metrics.getEventTypes({ agentId: "nobody" }),
    path: "/api/metrics/nobody/event_types",
    ...noAgent,
  },
  {
    what: "latency of nobody",
    call: ({ metrics }) => metrics.getLatency({ agentId: "nobody" }),
    path: "/api/metrics/nobody/latency",
    ...noAgent,
  },
  {
    what: "an event that is not there",
    call: ({ events }) => events.getEvent({ eventId: "0".repeat(32) }),
    path: `/api/v1/events/${"0".repeat(32)}`,
    code: "not_found",
    status: 404,
    reason: "EVENT_NOT_FOUND",
    fields: [],
  },
  ...["1", "g".repeat(32), "0".repeat(31), "0".repeat(33)].map((eventId) => ({
    what: `what is no event id: ${eventId}`,
    call: ({ events }: Clients) => events.getEvent({ eventId }),
    path: `/api/v1/events/${eventId}`,
    ...badField("event_id"),
  })),
  {
    what: "an agent without an id",
    call: ({ agents }) => agents.getAgent({}),
    path: "/api/agents//",
    ...badField("agent_id", "FIELD_REQUIRED"),
  },
  {
    what: "events of an agent without an id",
    call: ({ events }) => events.listAgentEvents({ pageSize: 1 }),
    path: "/api/events//?page_size=1",
    ...badField("agent_id", "FIELD_REQUIRED"),
  },
  {
    what: "numbers of an agent without an id",
    call: ({ metrics }) => metrics.getLatency({}),
    path: "/api/metrics//latency",
    ...badField("agent_id", "FIELD_REQUIRED"),
  },
  {
    what: "an event without an id",
    call: ({ events }) => events.getEvent({}),
    path: "/api/v1/events//",
    ...badField("event_id", "FIELD_REQUIRED"),
  },
  {
    what: "a negative page size",
    call: ({ events }) => events.listEvents({ pageSize: -1 }),
    path: "/api/events?page_size=-1",
    ...badField("page_size"),
  },
  {
    what: "a negative limit",
    call: ({ agents }) => agents.listAgents({ limit: -1 }),
    path: "/api/agents?limit=-1",
    ...badField("limit"),
  },
  {
    what: "a negative offset",
    call: ({ agents }) => agents.listAgents({ offset: -1 }),
    path: "/api/agents?offset=-1",
    ...badField("offset"),
  },
  {
    what: "an offset over the maximum",
    call: ({ events }) => events.listEvents({ offset: 10_001 }),
    path: "/api/events?offset=10001",
    ...badField("offset"),
  },
  {
    what: "an offset together with a token",
    call: ({ events }) => events.listEvents({ offset: 1, pageToken: "x" }),
    path: "/api/events?offset=1&page_token=x",
    ...badField("offset"),
  },
  {
    what: "an order that is none",
    call: ({ events }) => events.listEvents({ sort: "up" }),
    path: "/api/events?sort=up",
    ...badField("sort"),
  },
  ...["x", "WyJ4IiwxLDJd", "é", "e30"].flatMap((pageToken): readonly Refusal[] => [
    {
      what: `a page token that was made up: ${pageToken}`,
      call: ({ events }) => events.listEvents({ pageToken }),
      path: `/api/events?page_token=${encodeURIComponent(pageToken)}`,
      ...badField("page_token", "PAGE_TOKEN_INVALID"),
    },
    {
      what: `a page token of agents that was made up: ${pageToken}`,
      call: ({ agents }) => agents.listAgents({ pageToken }),
      path: `/api/agents?page_token=${encodeURIComponent(pageToken)}`,
      ...badField("page_token", "PAGE_TOKEN_INVALID"),
    },
  ]),
  ...[
    {
      what: "a session that is not there",
      path: "/api/v1/sessions/none",
      reason: "SESSION_NOT_FOUND",
      call: ({ sessions }: Clients) => sessions.getSession({ sessionId: "none" }),
    },
    {
      what: "a trace that is not there",
      path: "/api/v1/traces/none",
      reason: "TRACE_NOT_FOUND",
      call: ({ traces }: Clients) => traces.getTrace({ traceId: "none" }),
    },
    {
      what: "an LLM call that is not there",
      path: "/api/v1/llm_calls/1",
      reason: "CALL_NOT_FOUND",
      call: ({ llmCalls }: Clients) => llmCalls.getLlmCall({ callId: "1" }),
    },
    {
      what: "a tool call that is not there",
      path: "/api/v1/tool_calls/1",
      reason: "CALL_NOT_FOUND",
      call: ({ toolCalls }: Clients) => toolCalls.getToolCall({ callId: "1" }),
    },
    {
      what: "an alert that is not there",
      path: `/api/v1/alerts/${"0".repeat(32)}`,
      reason: "ALERT_NOT_FOUND",
      call: ({ alerts }: Clients) => alerts.getAlert({ eventId: "0".repeat(32) }),
    },
  ].map((refusal) => ({ ...refusal, code: "not_found", status: 404, fields: [] })),
  ...[
    {
      what: "an LLM call whose id is no number",
      path: "/api/v1/llm_calls/x",
      field: "call_id",
      call: ({ llmCalls }: Clients) => llmCalls.getLlmCall({ callId: "x" }),
    },
    {
      what: "a tool call whose id is no number",
      path: "/api/v1/tool_calls/0",
      field: "call_id",
      call: ({ toolCalls }: Clients) => toolCalls.getToolCall({ callId: "0" }),
    },
    {
      what: "an alert whose id is none",
      path: "/api/v1/alerts/x",
      field: "event_id",
      call: ({ alerts }: Clients) => alerts.getAlert({ eventId: "x" }),
    },
    {
      what: "LLM calls of no status",
      path: "/api/v1/llm_calls?status=done",
      field: "status",
      call: ({ llmCalls }: Clients) => llmCalls.listLlmCalls({ status: "done" }),
    },
    {
      what: "tool calls of no status",
      path: "/api/v1/tool_calls?status=done",
      field: "status",
      call: ({ toolCalls }: Clients) => toolCalls.listToolCalls({ status: "done" }),
    },
    {
      what: "alerts of no severity",
      path: "/api/v1/alerts?severity=9",
      field: "severity",
      call: ({ alerts }: Clients) => alerts.listAlerts({ severity: "9" }),
    },
    {
      what: "alerts of no status",
      path: "/api/v1/alerts?status=done",
      field: "status",
      call: ({ alerts }: Clients) => alerts.listAlerts({ status: "done" }),
    },
    {
      what: "a search for nothing",
      path: "/api/v1/search",
      field: "query",
      call: ({ search }: Clients) => search.search({}),
    },
    {
      what: "a search of no kind",
      path: "/api/v1/search?query=x&kind=span",
      field: "kind",
      call: ({ search }: Clients) => search.search({ query: "x", kind: "span" }),
    },
    {
      what: "a page of a search of a negative size",
      path: "/api/v1/search?query=x&page_size=-1",
      field: "page_size",
      call: ({ search }: Clients) => search.search({ query: "x", pageSize: -1 }),
    },
    {
      what: "a page of sessions of a negative size",
      path: "/api/v1/sessions?page_size=-1",
      field: "page_size",
      call: ({ sessions }: Clients) => sessions.listSessions({ pageSize: -1 }),
    },
    {
      what: "a timeline's page of a negative size",
      path: "/api/v1/sessions/none?page_size=-1",
      field: "page_size",
      call: ({ sessions }: Clients) => sessions.getSession({ sessionId: "none", pageSize: -1 }),
    },
  ].map(({ field, ...refusal }) => ({ ...refusal, ...badField(field) })),
  {
    what: "a search for too much",
    call: ({ search }) => search.search({ query: "x".repeat(1001) }),
    path: `/api/v1/search?query=${"x".repeat(1001)}`,
    ...badField("query", "FIELD_TOO_LONG"),
  },
  {
    what: "a page token of a search that was made up",
    call: ({ search }) => search.search({ query: "x", pageToken: "abc" }),
    path: "/api/v1/search?query=x&page_token=abc",
    ...badField("page_token", "PAGE_TOKEN_INVALID"),
  },
  ...(
    [
      ["/api/v1/sessions", ({ sessions }, pageToken) => sessions.listSessions({ pageToken })],
      ["/api/v1/sessions/none", ({ sessions }, pageToken) => sessions.getSession({ sessionId: "none", pageToken })],
      ["/api/v1/traces", ({ traces }, pageToken) => traces.listTraces({ pageToken })],
      ["/api/v1/llm_calls", ({ llmCalls }, pageToken) => llmCalls.listLlmCalls({ pageToken })],
      ["/api/v1/tool_calls", ({ toolCalls }, pageToken) => toolCalls.listToolCalls({ pageToken })],
      ["/api/v1/alerts", ({ alerts }, pageToken) => alerts.listAlerts({ pageToken })],
    ] as const satisfies readonly (readonly [string, (clients: Clients, pageToken: string) => Promise<unknown>])[]
  ).map(([path, list]) => ({
    what: `a page token that was made up: ${path}`,
    call: (clients: Clients) => list(clients, "abc"),
    path: `${path}?page_token=abc`,
    ...badField("page_token", "PAGE_TOKEN_INVALID"),
  })),
];

function badField(field: string, reason = "FIELD_INVALID") {
  return { code: "invalid_argument", status: 400, reason, fields: [`${field} ${reason}`] };
}
