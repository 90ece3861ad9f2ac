import { describe, expect, test } from "vitest";
import { startServer } from "../running-server.ts";
import { readSampleEvents } from "../samples.ts";
import type { RestEvent } from "./dump.ts";
import { getJson, nextPath, pagesFrom, parseBody, type Reply, send, sendJson } from "./http.ts";
import { sendOverHttp2 } from "./raw.ts";

/** Starts a server with the legacy sample: 60 events of 3 agents. */
async function startFilledServer(): Promise<string> {
  const { url } = await startServer({ environment: { CYLESTIO_DURABILITY: "normal" } });
  const reply = await sendJson(url, "/api/v1/telemetry/batch", readSampleEvents("legacy-events.json"));
  expect(reply.status).toBe(202);
  return url;
}

/** The paths for reading that the README of the earlier server documents, and those that came since. */
const paths = [
  "/",
  "/healthz",
  "/api/agents",
  "/api/agents/docs-rag",
  "/api/agents/docs-rag/summary",
  "/api/events",
  "/api/events/docs-rag",
  "/api/events/docs-rag/tool_start",
  "/api/metrics/docs-rag/event_counts",
  "/api/metrics/docs-rag/event_types",
  "/api/metrics/docs-rag/latency",
  "/api/v1/sessions",
  "/api/v1/sessions/session_20250321140000",
  "/api/v1/traces",
  "/api/v1/llm_calls",
  "/api/v1/tool_calls",
  "/api/v1/alerts",
];

describe("every path for reading", () => {
  test("answers with JSON, with and without a slash at its end", async () => {
    const url = await startFilledServer();

    for (const path of paths) {
      const reply = await send(url, path);
      expect({ path, status: reply.status, ...Object.fromEntries(reply.headers) }).toMatchObject({
        path,
        status: 200,
        "content-type": "application/json; charset=utf-8",
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
        "x-request-id": expect.any(String),
      });
      const slashed = path === "/" ? path : `${path}/`;
      expect({ path, answer: await getJson(url, slashed) }).toEqual({ path, answer: parseBody(reply) });
    }
  });

  test("answers HEAD with the headers of GET", async () => {
    const url = await startFilledServer();

    for (const path of paths.flatMap((one) => [one, one === "/" ? one : `${one}/`])) {
      const get = await send(url, path);
      const head = await send(url, path, { method: "HEAD" });
      expect([path, head.status, head.text, headersOf(head)]).toEqual([path, 200, "", headersOf(get)]);
    }
  });

  test("of one event answers, with and without a slash, and to HEAD", async () => {
    const url = await startFilledServer();
    const [event] = await getJson<readonly RestEvent[]>(url, "/api/events?limit=1");
    const path = `/api/v1/events/${event?.event_id}`;

    expect(await getJson(url, path)).toEqual(event);
    expect(await getJson(url, `${path}/`)).toEqual(event);
    expect((await send(url, path, { method: "HEAD" })).status).toBe(200);
  });

  test.for(["/docs", "/redoc", "/openapi.json"])("describes the API: %s", async (path) => {
    const { url } = await startServer();

    const reply = await send(url, path);

    expect(reply.status).toBe(200);
    expect(reply.headers.get("content-type")).toMatch(path.endsWith(".json") ? /json/ : /html/);
  });

  test("takes agents and names with any characters, percent-encoded", async () => {
    const { url } = await startServer();
    const agent_id = "a/b c?d&e=%25+ü🚀:*";
    await sendJson(url, "/v1/telemetry", { timestamp: "2025-04-10T08:00:00Z", agent_id, name: "x/y.*" });
    const agent = encodeURIComponent(agent_id);

    expect(await getJson(url, `/api/agents/${agent}`)).toMatchObject({ agent_id });
    expect(await getJson(url, `/api/events/${agent}/${encodeURIComponent("x/y.*")}`)).toHaveLength(1);
    expect(await getJson(url, `/api/events?agent_id=${agent}`)).toHaveLength(1);
    expect(await getJson(url, `/api/metrics/${agent}/event_counts`)).toMatchObject({ agent_id, total_count: 1 });
  });
});

describe("lists", () => {
  test("are walked to the end by their links, each item once", async () => {
    const url = await startFilledServer();
    const all = await getJson<readonly RestEvent[]>(url, "/api/events?limit=1000&sort=asc");

    const pages = await pagesFrom<RestEvent>(url, "/api/events?sort=asc&page_size=13");

    expect(pages.map((page) => page.length)).toEqual([13, 13, 13, 13, 8]);
    expect(pages.flat()).toEqual(all);
  });

  test("of agents are in order of their last event, the latest first", async () => {
    const url = await startFilledServer();

    const pages = await pagesFrom<{ readonly agent_id: string }>(url, "/api/agents/?limit=1");

    expect(pages.map((page) => page.map(({ agent_id }) => agent_id))).toEqual([
      ["docs-rag"],
      ["trip-planner"],
      ["inventory-helper"],
    ]);
  });

  test.for([
    "/api/events/docs-rag?page_size=5",
    "/api/events/docs-rag/?page_size=5&level=INFO",
    "/api/events/docs-rag/tool_start?limit=1",
  ])("keep path and filters in their links: %s", async (path) => {
    const url = await startFilledServer();
    const separator = path.includes("?") ? "&" : "?";
    const all = await getJson<readonly RestEvent[]>(url, `${path}${separator}page_size=1000`);

    const pages = await pagesFrom<RestEvent>(url, path);

    expect(pages.flat()).toEqual(all);
  });

  test("end without a link, also where the last page is full", async () => {
    const url = await startFilledServer();

    expect(nextPath(await send(url, "/api/events?page_size=60"))).toBeUndefined();
    expect(nextPath(await send(url, "/api/events?page_size=61"))).toBeUndefined();
    expect(nextPath(await send(url, "/api/events?page_size=59"))).toContain("page_token=");
  });

  test("go on where they were while events come in", async () => {
    const url = await startFilledServer();
    const first = await send(url, "/api/events?page_size=30");
    await sendJson(url, "/v1/telemetry", { timestamp: "2025-06-01T00:00:00Z", agent_id: "late", name: "late" });

    const second = await send(url, nextPath(first) ?? "");

    const ids = [first, second].flatMap((page) => parseBody<readonly RestEvent[]>(page).map(({ id }) => id));
    expect(new Set(ids).size).toBe(60);
    expect(nextPath(second)).toBeUndefined();
  });

  test.for(["limit=10&offset=20", "limit=10&skip=20", "page_size=10&offset=20", "page_size=10&skip=20&limit=3"])(
    "take the older clients' names for a page: %s",
    async (query) => {
      const url = await startFilledServer();
      const all = await getJson<readonly RestEvent[]>(url, "/api/events?limit=1000");

      const page = await send(url, `/api/events?${query}`);

      expect(parseBody(page)).toEqual(all.slice(20, 30));
      const next = await send(url, nextPath(page) ?? "");
      expect(parseBody(next)).toEqual(all.slice(30, 40));
    },
  );

  test("pass over agents too", async () => {
    const url = await startFilledServer();
    const all = await getJson<readonly unknown[]>(url, "/api/agents");

    expect(await getJson(url, "/api/agents?skip=1&limit=1")).toEqual(all.slice(1, 2));
    expect(await getJson(url, "/api/agents?offset=3")).toEqual([]);
    expect(await getJson(url, "/api/agents?offset=10000")).toEqual([]);
  });

  test("hold at most 1000 items, however many are asked for", async () => {
    const { url } = await startServer({ environment: { CYLESTIO_DURABILITY: "normal" } });
    const events = Array.from({ length: 1001 }, (_, index) => ({
      timestamp: new Date(Date.UTC(2025, 3, 1) + index).toISOString(),
      agent_id: `agent-${index}`,
      name: "tick",
    }));
    expect((await sendJson(url, "/v1/telemetry/batch", events)).status).toBe(201);

    for (const path of ["/api/events", "/api/agents"]) {
      for (const query of ["page_size=1001", "limit=5000", "page_size=2147483647"]) {
        const pages = await pagesFrom(url, `${path}?${query}`);
        expect([path, query, ...pages.map((page) => page.length)]).toEqual([path, query, 1000, 1]);
      }
      expect(await getJson(url, `${path}?page_size=1000`)).toHaveLength(1000);
    }
  });

  test("take an empty filter and an unknown parameter for none", async () => {
    const url = await startFilledServer();
    const query = "agent_id=&event_type=&channel=&level=&session_id=&from_time=&to_time=&sort=&unknown=1&limit=1000";

    expect(await getJson(url, `/api/events?${query}`)).toHaveLength(60);
  });

  test("of events include both ends of a time range, whatever its offset and spelling", async () => {
    const url = await startFilledServer();
    const count = async (query: string) => (await getJson<readonly unknown[]>(url, `/api/events?${query}`)).length;

    const inUtc = await count("from_time=2025-03-18T09:15:12.5Z&to_time=2025-03-18T09:15:13.912345Z");
    expect(inUtc).toBe(2);
    // A "+" that is not percent-encoded arrives as a space.
    expect(await count("from_time=2025-03-18T11:15:12.5+02:00&to_time=2025-03-18T11:15:13.912345+02:00")).toBe(inUtc);
    expect(await count("from_time=2025-03-18T11:15:12.5%2B02:00&to_time=2025-03-18 09:15:13.912345")).toBe(inUtc);
    expect(await count("from_time=2025-03-18T09:15:12.500001Z&to_time=2025-03-18T09:15:13.912345Z")).toBe(inUtc - 1);
    expect(await count("from_time=2025-03-19&to_time=9999-12-31")).toBe(45);
  });

  test("have links over HTTP/2 as well", async () => {
    const url = await startFilledServer();

    const { headers, status } = await sendOverHttp2(url, { ":path": "/api/events?limit=1" });

    expect([status, String(headers["link"])]).toEqual([
      200,
      expect.stringMatching(/^<\/api\/events\?limit=1&page_token=[\w-]+>; rel="next"$/),
    ]);
  });
});

/** Headers that say something about the body. */
function headersOf({ headers }: Reply): readonly (string | null)[] {
  return ["content-type", "content-length", "link", "cache-control"].map((name) => headers.get(name));
}
