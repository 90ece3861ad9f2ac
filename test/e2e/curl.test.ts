import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { killServer, makeFolder, removeFolder, type ServerProcess, startServerProcess } from "./server-process.ts";

let folder: string;
let server: ServerProcess;

beforeAll(async () => {
  folder = await makeFolder();
  server = await startServerProcess({ folder });
});

afterAll(async () => {
  await killServer(server);
  await removeFolder(folder);
});

interface Answer {
  readonly status: number;
  /** As curl says it: `1.1` or `2`. */
  readonly version: string;
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly body: string;
}

const run = promisify(execFile);
const json = ["-H", "content-type: application/json"];

const protocols = [
  { option: "--http1.1", version: "1.1", agent: "curl-1" },
  { option: "--http2-prior-knowledge", version: "2", agent: "curl-2" },
];

describe.each(protocols)("curl $option", ({ option, version, agent }) => {
  async function curl(path: string, ...args: readonly string[]): Promise<Answer> {
    const format = '%{stderr}{"status":%{http_code},"version":"%{http_version}","headers":%{header_json}}';
    const all = ["--silent", option, "--max-time", "15", "--write-out", format, ...args, server.url + path];
    const { stdout, stderr } = await run("curl", all, { maxBuffer: 16_000_000 });
    return { ...JSON.parse(stderr), body: stdout };
  }

  test("takes the first steps of the README", async () => {
    const start = `{
      "timestamp": "2026-01-15T10:00:00Z", "agent_id": "${agent}", "session_id": "s1", "name": "llm.call.start",
      "span_id": "a1", "attributes": {"llm.vendor": "anthropic", "llm.model": "claude-3-haiku-20240307"}}`;
    const finish = `[{"timestamp": "2026-01-15T10:00:01.200Z", "agent_id": "${agent}", "session_id": "s1",
      "name": "llm.call.finish", "span_id": "a1"}]`;

    const sent = await curl("/api/v1/telemetry", "-X", "POST", ...json, "-d", start);
    const batch = await curl("/api/v1/telemetry/batch", "-X", "POST", ...json, "-d", finish);
    const events = await curl(`/api/events?agent_id=${agent}`);
    const latency = await curl(`/api/metrics/${agent}/latency`);

    expect([sent, batch, events, latency].map((answer) => [answer.status, answer.version])).toEqual([
      [202, version],
      [202, version],
      [200, version],
      [200, version],
    ]);
    expect(JSON.parse(batch.body)).toMatchObject({ accepted_count: 1, duplicate_count: 0, rejected_count: 0 });
    expect(JSON.parse(events.body)).toMatchObject([
      { event_type: "llm.call.finish", timestamp: "2026-01-15T10:00:01.200Z" },
      { event_type: "llm.call.start", event_id: JSON.parse(sent.body).event_id, session_id: "s1" },
    ]);
    expect(JSON.parse(latency.body)).toMatchObject({ operations: [{ kind: "llm", count: 1, mean_ms: 1200 }] });
  });

  test("reads one event at the path of its id", async () => {
    const sent = await curl("/v1/telemetry", ...json, "-d", eventOf(`${agent}-single`, 0));
    const read = await curl(`/api/v1/events/${JSON.parse(sent.body).event_id}`);

    expect([sent.status, read.status]).toEqual([201, 200]);
    expect(JSON.parse(read.body)).toMatchObject({ agent_id: `${agent}-single`, event_type: "e0", data: { n: 0 } });
  });

  test("follows the Link header from page to page", async () => {
    const events = Array.from({ length: 5 }, (_, index) => eventOf(`${agent}-pages`, index));
    await curl("/v1/telemetry/batch", ...json, "-d", `{"events": [${events.join(",")}]}`);

    const pages: string[][] = [];
    let next: string | undefined = `/api/events/${agent}-pages?limit=2&sort=asc`;
    while (next !== undefined && pages.length < 10) {
      const page: Answer = await curl(next);
      pages.push(JSON.parse(page.body).map((event: { event_type: string }) => event.event_type));
      next = /^<([^>]+)>; rel="next"$/.exec(page.headers["link"]?.[0] ?? "")?.[1];
    }

    expect(pages).toEqual([["e0", "e1"], ["e2", "e3"], ["e4"]]);
  });

  test("sends a body in gzip", async () => {
    const file = join(folder, `${agent}.json.gz`);
    await writeFile(file, gzipSync(`[${eventOf(`${agent}-gzip`, 0)}, ${eventOf(`${agent}-gzip`, 1)}]`));
    const gzip = ["-H", "content-encoding: gzip", "--data-binary", `@${file}`];

    const answer = await curl("/api/v1/telemetry/batch", ...json, ...gzip);

    expect([answer.status, JSON.parse(answer.body).accepted_count]).toEqual([202, 2]);
  });

  test("gets leave to send a large body that it announces", async () => {
    const file = join(folder, `${agent}.json`);
    const attributes = JSON.stringify({ prompt: "x".repeat(2_000_000) });
    await writeFile(file, eventOf(`${agent}-large`, 0, attributes));
    // Without the server's leave curl would wait for longer than the test may take.
    const expect100 = ["-H", "expect: 100-continue", "--expect100-timeout", "600"];

    const answer = await curl("/api/v1/telemetry", ...json, ...expect100, "--data-binary", `@${file}`);
    const read = await curl(`/api/v1/events/${JSON.parse(answer.body).event_id}`);

    expect(answer.status).toBe(202);
    expect(JSON.parse(read.body).data.prompt).toHaveLength(2_000_000);
  });

  test("calls an RPC as Connect JSON, by POST and by GET", async () => {
    await curl("/api/v1/telemetry", ...json, "-d", eventOf(`${agent}-connect`, 0));
    const message = encodeURIComponent(JSON.stringify({ agentId: `${agent}-connect` }));

    const posted = await curl("/cylestio.v1.AgentService/GetAgent", ...json, "-d", `{"agentId": "${agent}-connect"}`);
    const got = await curl(`/cylestio.v1.AgentService/GetAgent?connect=v1&encoding=json&message=${message}`);

    expect([posted.status, posted.version, got.status, got.version]).toEqual([200, version, 200, version]);
    expect(JSON.parse(posted.body)).toMatchObject({ agent: { agentId: `${agent}-connect`, eventCount: "1" } });
    expect(JSON.parse(got.body)).toEqual(JSON.parse(posted.body));
  });

  test("reads what is wrong with an event, and the id of its request", async () => {
    const answer = await curl("/api/v1/telemetry", ...json, "-H", "x-request-id: mine-1", "-d", '{"agent_id": "a"}');

    expect(answer.status).toBe(400);
    expect(answer.headers["x-request-id"]).toEqual(["mine-1"]);
    expect(JSON.parse(answer.body)).toMatchObject({
      error: { code: "invalid_argument", reason: "FIELD_REQUIRED", request_id: "mine-1" },
      message: expect.stringContaining("timestamp"),
      detail: expect.stringContaining("timestamp"),
    });
  });
});

/** An event that is named after its number, one second after the other. */
function eventOf(agentId: string, index: number, attributes = `{"n": ${index}}`): string {
  return `{"timestamp": "2026-01-15T10:00:0${index}Z", "agent_id": "${agentId}", "name": "e${index}", "attributes": ${attributes}}`;
}
