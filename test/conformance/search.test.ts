import { describe, expect, test, vi } from "vitest";
import { startServer } from "../running-server.ts";
import { createClients, protocols } from "./clients.ts";
import { getJson, restError, send, sendJson } from "./http.ts";

const at = (second: number) => `2026-01-15T10:00:0${second}Z`;

const events = [
  {
    timestamp: at(1),
    agent_id: "agent",
    session_id: "s1",
    name: "llm.call.start",
    attributes: { "llm.request.data": { messages: [{ role: "user", content: "Is São Paulo rainy?" }] } },
  },
  {
    timestamp: at(2),
    agent_id: "agent",
    session_id: "s1",
    name: "tool.start",
    attributes: { "tool.name": "weather", "tool.input": { city: "São Paulo", day: "today" } },
  },
  { timestamp: at(3), agent_id: "other", name: "tool.error", attributes: { error: { message: "no city São Paulo" } } },
  {
    timestamp: at(4),
    agent_id: "agent",
    session_id: "s1",
    name: "llm.call.finish",
    attributes: {
      "llm.request.data": { messages: [{ role: "user", content: "Is São Paulo rainy?" }] },
      "llm.response.content": [{ type: "text", text: "Yes. Take an umbrella." }],
    },
  },
];

interface RestSearch {
  readonly hits: readonly Readonly<Record<string, unknown>>[];
  readonly next_page_token: string;
  readonly pending_event_count: number;
}

/** Queries, and how many hits they have. */
const searches = [
  ["query=umbrella", 1],
  ["query=umbr*", 1],
  ["query=umbr", 0],
  ["query=%22paulo+rainy%22", 1],
  ["query=%22rainy+paulo%22", 0],
  ["query=paulo&agent_id=agent", 2],
  ["query=paulo&agent_id=agent&kind=tool", 1],
  ["query=paulo&session_id=s1", 2],
  ["query=paulo&session_id=none", 0],
  [`query=paulo&from_time=${at(2)}&to_time=${at(2)}`, 1],
  ["query=%22OR%20NOT%20)(:*", 0],
] as const;

/** A server with these events, whose index is filled. */
async function startFilledServer() {
  const { url } = await startServer({ environment: { CYLESTIO_DURABILITY: "normal" } });
  expect((await sendJson(url, "/api/v1/telemetry/batch", events)).status).toBe(202);
  await vi.waitFor(
    async () => expect(await getJson(url, "/api/v1/search?query=x")).toMatchObject({ pending_event_count: 0 }),
    { timeout: 10_000 },
  );
  return url;
}

describe("a search", () => {
  test("over REST finds what was sent, the newest first, each text once", async () => {
    const url = await startFilledServer();
    const found = await getJson<RestSearch>(url, "/api/v1/search?query=sao%20paulo");
    expect(found).toEqual({
      hits: [
        {
          kind: "error",
          role: null,
          agent_id: "other",
          session_id: null,
          event_id: expect.stringMatching(/^[0-9a-f]{32}$/),
          event_time: at(3),
          snippet: "no city São Paulo",
          text: "no city São Paulo",
        },
        expect.objectContaining({ kind: "tool", role: "arguments", text: "São Paulo\ntoday", session_id: "s1" }),
        expect.objectContaining({ kind: "message", role: "user", snippet: "Is São Paulo rainy?", event_time: at(1) }),
      ],
      next_page_token: "",
      pending_event_count: 0,
    });
    const eventId = String(found.hits[2]?.["event_id"]);
    expect(await getJson(url, `/api/v1/events/${eventId}`)).toMatchObject({ timestamp: at(1), agent_id: "agent" });
  });

  test("goes on page by page, and not with the token of another search", async () => {
    const url = await startFilledServer();
    const path = "/api/v1/search?query=paulo&page_size=2";
    const first = await getJson<RestSearch>(url, path);
    const second = await getJson<RestSearch>(url, `${path}&page_token=${first.next_page_token}`);
    expect([first.hits.length, second.hits.length, second.next_page_token]).toEqual([2, 1, ""]);
    const other = await send(url, `/api/v1/search?query=rainy&page_token=${first.next_page_token}`);
    expect(restError(other)).toMatchObject({ status: 400, reasons: ["PAGE_TOKEN_INVALID"] });
  });

  test("finds words, phrases and prefixes, of an agent, a session, a kind and a time", async () => {
    const url = await startFilledServer();
    for (const [query, count] of searches) {
      const { hits } = await getJson<RestSearch>(url, `/api/v1/search?${query}`);
      expect([query, hits.length]).toEqual([query, count]);
    }
  });

  test("finds the same over every protocol", async () => {
    const url = await startFilledServer();
    for (const protocol of protocols) {
      const { hits, pendingEventCount } = await createClients(protocol, url).search.search({ query: "paulo" });
      const told = hits.map(({ kind, role, agentId, sessionId, text }) => [kind, role, agentId, sessionId, text]);
      expect({ protocol: protocol.name, told, pendingEventCount }).toEqual({
        protocol: protocol.name,
        told: [
          ["error", undefined, "other", undefined, "no city São Paulo"],
          ["tool", "arguments", "agent", "s1", "São Paulo\ntoday"],
          ["message", "user", "agent", "s1", "Is São Paulo rainy?"],
        ],
        pendingEventCount: 0,
      });
    }
  });
});
