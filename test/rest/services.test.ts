import { connect as connectHttp2, constants } from "node:http2";
import { type FastifyInstance, fastify } from "fastify";
import { describe, expect, onTestFinished, test } from "vitest";
import { registerErrorReplies } from "../../src/rest/error-reply.ts";
import { restPlugin } from "../../src/rest/rest-plugin.ts";
import { type Call, createServices } from "./stand-in-services.ts";
import { startTestServer } from "./test-server.ts";

/** 2025-03-18T09:15:00Z. */
const time = { seconds: 1742289300n, nanos: 0 };

async function serve() {
  const calls: Call[] = [];
  const options = { services: createServices(calls), limits: { bodyMaxBytes: 1000 } };
  const server = await startTestServer((app) => void app.register(restPlugin, options));
  return { ...server, calls };
}

describe("the REST paths", () => {
  test.each([
    ["/", { status: "healthy", service: "", version: "" }],
    ["/healthz", { status: "healthy" }],
    ["/healthz/", { status: "healthy" }],
    [
      "/api/agents",
      [
        {
          agent_id: "a",
          first_seen: "2025-03-18T09:15:00Z",
          last_seen: null,
          llm_provider: null,
          event_count: 2,
          first_event: "",
        },
      ],
    ],
    [
      "/api/agents/a/summary",
      { agent_id: "a", event_count_by_type: { "": 3 }, event_count_by_channel: {}, avg_response_time_ms: null },
    ],
    ["/api/v1/events/00", { event_id: "00", data: [1], extensions: { x: 1 }, session_id: null }],
    [
      "/api/metrics/a%2Fb/event_counts",
      { agent_id: "a/b", total_count: 2, count_by_level: { INFO: 2 }, count_by_channel: {} },
    ],
    [
      "/api/metrics/a/event_types",
      { agent_id: "a", event_types: [{ event_type: "llm.call", count: 1, latest_time: null }] },
    ],
    ["/api/metrics/a/latency", { operations: [{ kind: "llm", mean_ms: 0.5, p99_ms: 0 }] }],
  ])("GET %s answers in the names that clients know", async (path, expected) => {
    const { url } = await serve();
    const reply = await fetch(url + path);
    expect(reply.status).toBe(200);
    expect(await reply.json()).toMatchObject(expected);
  });

  test.each([
    ["/api/agents?limit=5&skip=10", "ListAgents", { limit: 5, offset: 10 }],
    ["/api/agents/?limit=5&offset=10", "ListAgents", { limit: 5, offset: 10 }],
    [
      "/api/events?agent_id=&event_type=x&from_time=2025-03-18T09:15:00%2B00:00&to_time=2025-03-18T11:15:00+02:00&sort=asc",
      "ListEvents",
      { agentId: "", name: "x", fromTime: time, toTime: time, sort: "asc" },
    ],
    ["/api/events/a/?level=INFO&page_token=t", "ListAgentEvents", { agentId: "a", level: "INFO", pageToken: "t" }],
    ["/api/events/a/llm.call?page_size=7", "ListAgentEventsByName", { agentId: "a", name: "llm.call", pageSize: 7 }],
    [
      "/api/v1/events/watch?agent_id=a&event_type=b&channel=c&level=d&session_id=e&cursor=f",
      "WatchEvents",
      { agentId: "a", name: "b", channel: "c", level: "d", sessionId: "e", cursor: "f" },
    ],
    ["/api/v1/events/watch/?cursor=", "WatchEvents", { cursor: "" }],
    ["/api/events/a/b/?attributes_format=ATTRIBUTES_FORMAT_STRUCT", "ListAgentEventsByName", { attributesFormat: 1 }],
  ])("GET %s asks %s", async (path, rpc, request) => {
    const { url, calls } = await serve();
    expect((await fetch(url + path)).status).toBe(200);
    expect(calls).toMatchObject([{ rpc, request }]);
  });

  test("a bare array is followed by a link", async () => {
    const { url } = await serve();
    const reply = await fetch(`${url}/api/agents?limit=1&skip=3`);
    expect(reply.headers.get("link")).toBe('</api/agents?limit=1&page_token=next>; rel="next"');
  });

  test("an unknown agent is not found, in the words of the earlier servers", async () => {
    const { url } = await serve();
    const reply = await fetch(`${url}/api/agents/zz`);
    expect(reply.status).toBe(404);
    expect(await reply.json()).toMatchObject({
      detail: "Agent with ID 'zz' not found",
      message: "Agent with ID 'zz' not found",
      error: { code: "not_found", reason: "AGENT_NOT_FOUND" },
    });
  });

  const paths = ["/api/v1/telemetry", "/v1/telemetry", "/v1/telemetry/v1/telemetry"];
  const spellings = [...paths.flatMap((path) => [path, `${path}/`]), "/"];
  test.each(["POST", "PUT"].flatMap((method) => spellings.map((path) => [method, path] as const)))(
    "%s %s takes an event",
    async (method, path) => {
      const { url, calls } = await serve();
      const body = '{"agent_id": "a"}';
      const options = { method, body, headers: { "content-type": "application/json" } };
      const reply = await fetch(url + path, options);
      expect(reply.status).toBe(path.startsWith("/v1/") ? 201 : 202);
      expect(await reply.json()).toEqual({ event_id: "00", duplicate: false });
      expect(calls).toMatchObject([{ rpc: "SendEvent", request: {}, body }]);
    },
  );

  test.each([
    ["POST", "/api/v1/telemetry/batch", 202],
    ["PUT", "/api/v1/telemetry/batch/", 202],
    ["POST", "/v1/telemetry/batch/", 201],
    ["PUT", "/v1/telemetry/batch", 201],
  ])("%s %s takes a batch: %i", async (method, path, status) => {
    const { url, calls } = await serve();
    const options = { method, headers: { "content-type": "application/json" } };
    const reply = await fetch(url + path, { ...options, body: "[{}]" });
    expect(reply.status).toBe(status);
    expect(await reply.json()).toEqual({ accepted_count: 1, duplicate_count: 0, rejected_count: 0, rejections: [] });
    expect(calls).toMatchObject([{ rpc: "SendEvents", body: "[{}]" }]);
    const refused = await fetch(url + path, { ...options, body: "[]" });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({
      error: {
        reason: "ALL_EVENTS_REJECTED",
        details: [
          { reason: "ALL_EVENTS_REJECTED" },
          { "@type": "type.googleapis.com/cylestio.v1.Receipt", rejected_count: 1 },
        ],
      },
    });
  });

  test.each([
    ["DELETE", "/api/agents/a/summary", "GET, HEAD"],
    ["GET", "/api/v1/telemetry", "POST, PUT"],
    ["DELETE", "/", "GET, HEAD, POST, PUT"],
    ["POST", "/api/events/a", "GET, HEAD"],
    ["POST", "/api/v1/events/watch", "GET, HEAD"],
  ])("%s %s: 405 with Allow: %s", async (method, path, allow) => {
    const { url } = await serve();
    const reply = await fetch(url + path, { method });
    expect([reply.status, reply.headers.get("allow")]).toEqual([405, allow]);
  });
});

async function requestOverHttp2(headers: Record<string, string>, body?: string) {
  const app = fastify({ http2: true, return503OnClosing: false, genReqId: () => "request-1" });
  onTestFinished(async () => app.close());
  const calls: Call[] = [];
  // The two kinds of server differ in types that the plugin never touches.
  const http1App = app as unknown as FastifyInstance;
  registerErrorReplies(http1App);
  http1App.register(restPlugin, { services: createServices(calls), limits: { bodyMaxBytes: 1000 } });
  const session = connectHttp2(await app.listen({ port: 0, host: "127.0.0.1" }));
  onTestFinished(() => session.destroy());
  const stream = session.request(headers);
  const { promise, resolve, reject } = Promise.withResolvers<{ status: unknown; json: unknown; calls: Call[] }>();
  let status: unknown;
  let text = "";
  stream.on("response", (reply) => {
    status = reply[constants.HTTP2_HEADER_STATUS];
  });
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    text += chunk;
  });
  stream.on("end", () => resolve({ status, json: JSON.parse(text), calls }));
  stream.on("error", reject);
  stream.end(body);
  return promise;
}

describe("over HTTP/2", () => {
  test("a path answers as over HTTP/1.1", async () => {
    const { status, calls } = await requestOverHttp2({ ":path": "/api/events/a%2Fb?event_type=x" });
    expect(status).toBe(200);
    expect(calls).toMatchObject([{ rpc: "ListAgentEvents", request: { agentId: "a/b", name: "x" } }]);
  });

  test("a body is taken, and one that is too large is refused", async () => {
    const headers = { ":path": "/v1/telemetry", ":method": "POST", "content-type": "application/json" };
    expect(await requestOverHttp2(headers, '{"a":1}')).toMatchObject({ status: 201, calls: [{ body: '{"a":1}' }] });
    expect(await requestOverHttp2(headers, "1".repeat(500_000))).toMatchObject({
      status: 413,
      json: { error: { reason: "BODY_TOO_LARGE" } },
    });
  });
});
