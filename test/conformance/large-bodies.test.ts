import { connect } from "node:http2";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { createClient, type Transport } from "@connectrpc/connect";
import {
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { describe, expect, test } from "vitest";
import { TelemetryService } from "../../gen/cylestio/v1/telemetry_service_pb.ts";
import { startServer } from "../running-server.ts";
import { callError, streamOf } from "./clients.ts";
import { getJson, restError, send, sendJson } from "./http.ts";
import { sendOverSocket, upload } from "./raw.ts";
import { eventInputFromSample } from "./senders.ts";

const mebibyte = 1024 * 1024;
const environment = {
  CYLESTIO_DURABILITY: "normal",
  CYLESTIO_BODY_MAX_BYTES: String(mebibyte),
  // A client that was refused in the middle of its message may leave its stream open.
  CYLESTIO_SHUTDOWN_TIMEOUT_MS: "50",
};
const singlePath = "/api/v1/telemetry";
const rpcPath = "/cylestio.v1.TelemetryService/SendEvents";
const json = { "content-type": "application/json" };
const event = { timestamp: "2025-06-01T08:00:00.000000Z", agent_id: "agent", name: "tick", attributes: {} };

/** A body of exactly so many bytes. */
function bodyOf(bytes: number): string {
  const text = JSON.stringify(event);
  return text + " ".repeat(bytes - text.length);
}

function noEventsIn(bytes: number): string {
  return `{"events":[]${" ".repeat(bytes - 13)}}`;
}

/** A request as it goes over the wire: with its length, or in chunks. */
function post(path: string, body: string, { chunked }: { readonly chunked: boolean }): string {
  const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
  return chunked
    ? `${head}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
    : `${head}Connection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

describe("a body over the limit", () => {
  test("is refused from the first byte too many on", async () => {
    const { url } = await startServer({ environment });

    expect((await sendJson(url, singlePath, bodyOf(mebibyte))).status).toBe(202);
    expect(restError(await sendJson(url, singlePath, bodyOf(mebibyte + 1)))).toMatchObject({
      status: 413,
      code: "resource_exhausted",
      reasons: ["BODY_TOO_LARGE"],
      hasRetryInfo: false,
    });
    expect((await sendJson(url, rpcPath, noEventsIn(mebibyte))).status).toBe(200);
    const overConnect = await sendJson(url, rpcPath, noEventsIn(mebibyte + 1));
    expect([overConnect.status, JSON.parse(overConnect.text)]).toMatchObject([429, { code: "resource_exhausted" }]);
  });

  test.for([
    ["REST, which tells its length", singlePath, true],
    ["REST, in chunks", singlePath, false],
    ["Connect, which tells its length", rpcPath, true],
    ["Connect, in chunks", rpcPath, false],
  ] as const)("of 100 MB is refused without being held: %s", async ([, path, tellsLength]) => {
    const { url } = await startServer({ environment });
    const chunk = Buffer.alloc(mebibyte, " ");
    const length: Record<string, string> = tellsLength ? { "content-length": String(100 * mebibyte) } : {};

    const reply = await upload(`${url}${path}`, { headers: { ...json, ...length }, chunk, count: 100 });

    expect([reply.status, JSON.parse(reply.text)]).toMatchObject(
      path === rpcPath
        ? [429, { code: "resource_exhausted" }]
        : [413, { error: { code: "resource_exhausted", reason: "BODY_TOO_LARGE" } }],
    );
    expect(reply.headers["retry-after"]).toBeUndefined();
    // The client's chunk is one and the same, so anything near the whole would be held by the server.
    expect(reply.heldBytesMax).toBeLessThan(32 * mebibyte);
    expect((await sendJson(url, singlePath, event)).status).toBe(202);
  });

  test("of 100 MB is refused over HTTP/2 while it comes, and the session goes on", async () => {
    const { url } = await startServer({ environment });
    const session = connect(url);
    const chunk = Buffer.alloc(64 * 1024, " ");
    const head = { ":method": "POST", ":path": singlePath, ...json };

    const status = await new Promise((resolve, reject) => {
      const stream = session.request(head);
      let left = (100 * mebibyte) / chunk.length;
      const writeOn = (): void => {
        while (left > 0 && !stream.closed && stream.write(chunk)) left -= 1;
      };
      stream.on("response", (headers) => resolve(headers[":status"]));
      stream.on("drain", writeOn);
      stream.on("error", reject);
      writeOn();
    });
    const next = await new Promise((resolve, reject) => {
      const stream = session.request(head);
      stream.on("response", (headers) => resolve(headers[":status"]));
      stream.on("error", reject);
      stream.end(JSON.stringify(event));
    });
    session.destroy();

    expect([status, next]).toEqual([413, 202]);
  });

  test.for([
    [singlePath, 413],
    [rpcPath, 429],
    ["/cylestio.v1.AgentService/ListAgents", 429],
  ] as const)("leaves the connection fit for the next request: %s", async ([path, status]) => {
    const { url } = await startServer({ environment });
    const next = post(singlePath, JSON.stringify(event), { chunked: false });

    for (const size of [1.5, 3, 8]) {
      const replies = await sendOverSocket(url, post(path, bodyOf(size * mebibyte), { chunked: true }) + next);
      expect([size, ...(replies.match(/HTTP\/1\.1 \d+/g) ?? [])]).toEqual([size, `HTTP/1.1 ${status}`, "HTTP/1.1 202"]);
    }
  });
});

describe("a body that grows over the limit when it is decompressed", () => {
  const zeros = Buffer.alloc(24 * mebibyte);

  test.for([
    ["gzip", gzipSync(zeros)],
    ["br", brotliCompressSync(zeros)],
  ] as const)("is refused: %s", async ([encoding, bomb]) => {
    const { url } = await startServer({ environment });
    const options = { method: "POST", headers: { ...json, "content-encoding": encoding }, body: bomb };
    const heldBefore = process.memoryUsage().arrayBuffers;

    const overRest = restError(await send(url, singlePath, options));
    const overConnect = await send(url, rpcPath, options);

    expect(bomb.length).toBeLessThan(mebibyte);
    expect(overRest).toMatchObject({ status: 413, code: "resource_exhausted", reasons: ["BODY_TOO_LARGE"] });
    expect([overConnect.status, JSON.parse(overConnect.text)]).toMatchObject([429, { code: "resource_exhausted" }]);
    expect(process.memoryUsage().arrayBuffers - heldBefore).toBeLessThan(16 * mebibyte);
  });
});

describe("a message over the limit", () => {
  const transports: Readonly<Record<string, (baseUrl: string) => Transport>> = {
    gRPC: (baseUrl) => createGrpcTransport({ baseUrl }),
    "gRPC, compressed": (baseUrl) => createGrpcTransport({ baseUrl, sendCompression: compressionGzip }),
    "gRPC-Web over HTTP/1.1": (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
    "gRPC-Web over HTTP/2": (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "2" }),
    "Connect over HTTP/1.1": (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1" }),
    "Connect over HTTP/2": (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "2" }),
    "Connect, compressed": (baseUrl) =>
      createConnectTransport({ baseUrl, httpVersion: "1.1", sendCompression: compressionGzip }),
  };
  const small = eventInputFromSample(event, "attributes_json");
  const large = { ...small, attributesValue: { case: "attributesJson" as const, value: `[${" ".repeat(2_000_000)}]` } };

  test.for(Object.entries(transports))("is refused: %s", async ([, createTransport]) => {
    const { url } = await startServer({ environment });
    const client = createClient(TelemetryService, createTransport(url));

    const error = await callError(client.sendEvents({ events: [small, large] }));

    expect(error).toMatchObject({ code: "resource_exhausted", hasRetryInfo: false, requestId: expect.any(String) });
    expect(await getJson(url, "/api/events")).toEqual([]);
    expect((await client.sendEvent({ event: small })).duplicate).toBe(false);
  });

  test.for(["gRPC", "gRPC, compressed", "Connect over HTTP/2"])(
    "ends a stream, with the batches before it stored: %s",
    async (name) => {
      const { url } = await startServer({ environment });
      const client = createClient(TelemetryService, transports[name]?.(url) ?? createGrpcTransport({ baseUrl: url }));
      const batches = streamOf({ batchNumber: 1n, events: [small] }, { batchNumber: 2n, events: [large] });
      const answers = client.streamEvents(batches)[Symbol.asyncIterator]();

      expect((await answers.next()).value).toMatchObject({ batchNumber: 1n, receipt: { acceptedCount: 1 } });
      expect(await callError(answers.next())).toMatchObject({
        code: "resource_exhausted",
        reasons: ["BODY_TOO_LARGE"],
        hasRetryInfo: false,
      });
      expect(await getJson(url, "/api/events")).toHaveLength(1);
    },
  );
});
