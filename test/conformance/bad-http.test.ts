import { describe, expect, test } from "vitest";
import { startServer } from "../running-server.ts";
import { type Reply, restError, send, sendJson } from "./http.ts";
import { sendOverHttp2, sendOverSocket } from "./raw.ts";

/** The answer to a request that went over a socket as it was, and on a connection that closes behind it. */
async function sendRaw(url: string, request: string): Promise<Reply> {
  const answer = await sendOverSocket(url, request);
  const [head = "", text = ""] = answer.split("\r\n\r\n");
  const [statusLine = "", ...lines] = head.split("\r\n");
  const headers = lines.map((line): [string, string] => {
    const [name = "", ...value] = line.split(": ");
    return [name, value.join(": ")];
  });
  return { status: Number(statusLine.split(" ")[1]), headers: new Headers(headers), text };
}

const close = "Connection: close\r\n\r\n";

const noRequests: Readonly<Record<string, string>> = {
  "a word": "GARBAGE\r\n\r\n",
  bytes: `${"\u0000\u0001\u0002\u0003".repeat(20)}\r\n\r\n`,
  "a method that does not exist": `FOO / HTTP/1.1\r\nHost: localhost\r\n${close}`,
  "a version that does not exist": `GET / HTTP/9.9\r\nHost: localhost\r\n${close}`,
  "a NUL in the path": `GET /\u0000 HTTP/1.1\r\nHost: localhost\r\n${close}`,
  "a header without a name": `GET / HTTP/1.1\r\nHost: localhost\r\n: x\r\n${close}`,
  "two lengths": `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 7\r\n${close}{}`,
  "a length and chunks": `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n${close}0\r\n\r\n`,
  "a chunk without a size": `POST /v1/telemetry HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n${close}zz\r\n`,
};

test("what is no HTTP gets 400 in JSON and a closed connection", async () => {
  const { url } = await startServer();

  for (const [what, request] of Object.entries(noRequests)) {
    const reply = await sendRaw(url, request);
    expect({ what, ...restError(reply) }).toMatchObject({
      what,
      status: 400,
      code: "invalid_argument",
      reasons: ["BAD_REQUEST"],
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(reply.headers.get("content-type")).toBe("application/json; charset=utf-8");
  }
  expect((await send(url, "/")).status).toBe(200);
});

describe("a URL", () => {
  test("that cannot be decoded is refused", async () => {
    const { url } = await startServer();

    for (const path of ["/api/agents/%zz", "/api/agents/%", "/api/events/a/%ff%fe", "/%c0%af"]) {
      const overHttp1 = restError(await sendRaw(url, `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${close}`));
      const overHttp2 = await sendOverHttp2(url, { ":path": path });
      expect({ path, ...overHttp1 }).toMatchObject({ path, status: 400, reasons: ["BAD_REQUEST"] });
      expect([path, overHttp2.status, JSON.parse(overHttp2.text)]).toMatchObject([
        path,
        400,
        { error: { reason: "BAD_REQUEST" } },
      ]);
    }
  });

  test("may hold an id of 256 bytes, percent-encoded, and not much more", async () => {
    const { url } = await startServer();
    const statusOf = async (id: string) => {
      const error = restError(await send(url, `/api/agents/${id}`));
      return [error.status, ...error.reasons];
    };

    expect(await statusOf(encodeURIComponent("é".repeat(128)))).toEqual([404, "AGENT_NOT_FOUND"]);
    expect(await statusOf("a".repeat(768))).toEqual([404, "AGENT_NOT_FOUND"]);
    expect(await statusOf("a".repeat(769))).toEqual([414, "BAD_REQUEST"]);
  });

  test("that is too long is refused", async () => {
    const { url } = await startServer();

    const error = restError(await send(url, `/api/events?level=${"x".repeat(17_000)}`));

    expect(error).toMatchObject({ status: 431, code: "invalid_argument", reasons: ["BAD_REQUEST"] });
  });

  test("of a page token as long as headers may be is answered", async () => {
    const { url } = await startServer();

    const error = restError(await send(url, `/api/events?page_token=${"x".repeat(15_000)}`));

    expect(error).toMatchObject({ status: 400, reasons: ["PAGE_TOKEN_INVALID"] });
  });
});

describe("a path", () => {
  const unknown = [
    "/nowhere",
    "/api",
    "/api/v1",
    "/api/v1/agents",
    "/api/metrics/a",
    "/api/events/a/b/c",
    "/API/AGENTS",
    "/api//agents",
    "/cylestio.v1.EventService/Nothing",
    "/cylestio.v1.NoService/ListEvents",
    "/favicon.ico",
    "/..%2f..%2fetc/passwd",
  ];

  test("that does not exist is 404 by every method", async () => {
    const { url } = await startServer();

    for (const path of unknown) {
      for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
        const body = method === "GET" ? {} : { body: "x", headers: { "content-type": "what/ever" } };
        const { status, code, reasons } = restError(await send(url, path, { method, ...body }));
        expect([method, path, status, code, reasons]).toEqual([method, path, 404, "not_found", ["PATH_NOT_FOUND"]]);
      }
    }
  });

  const known = [
    ["/", "GET, HEAD, POST, PUT", ["PATCH", "DELETE", "OPTIONS"]],
    ["/healthz", "GET, HEAD", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"]],
    ["/api/agents", "GET, HEAD", ["POST", "PUT", "PATCH", "DELETE"]],
    ["/api/agents/a/summary/", "GET, HEAD", ["POST", "PUT", "PATCH", "DELETE"]],
    ["/api/events", "GET, HEAD", ["POST", "PUT", "PATCH", "DELETE"]],
    ["/api/metrics/a/latency", "GET, HEAD", ["POST", "PUT"]],
    ["/api/v1/telemetry", "POST, PUT", ["GET", "HEAD", "PATCH", "DELETE"]],
    ["/v1/telemetry/batch/", "POST, PUT", ["GET", "HEAD", "PATCH", "DELETE"]],
  ] as const;

  test("answers a wrong method with 405 and the right ones", async () => {
    const { url } = await startServer();

    for (const [path, allow, methods] of known) {
      for (const method of methods) {
        const reply = await send(url, path, { method });
        const reasons = reply.text === "" ? [] : restError(reply).reasons;
        const expected = method === "HEAD" ? [] : ["METHOD_NOT_ALLOWED"];
        expect([method, path, reply.status, reply.headers.get("allow"), reasons]).toEqual([
          method,
          path,
          405,
          allow,
          expected,
        ]);
      }
    }
  });

  test("of an RPC refuses methods that would write by a link", async () => {
    const { url } = await startServer();
    const path = "/cylestio.v1.TelemetryService/SendEvents";
    const message = encodeURIComponent('{"events":[]}');

    for (const method of ["GET", "PUT", "DELETE"]) {
      const reply = await send(url, `${path}?connect=v1&encoding=json&message=${message}`, { method });
      expect([method, reply.status]).toEqual([method, 405]);
    }
  });
});

describe("a host that is not this machine", () => {
  const event = { timestamp: "2025-06-01T08:00:00Z", agent_id: "agent", name: "tick" };

  const foreign = [
    "evil.example",
    "evil.example:8000",
    "127.0.0.1.evil.example",
    "192.168.1.5",
    "localhost.evil.example",
    "0.0.0.0",
    "",
  ];

  test("is refused on every path before anything is read", async () => {
    const { url } = await startServer();
    const post = (path: string, body: string) => [
      `POST ${path}`,
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n${close}${body}`,
    ];
    const requests = [
      ["GET /api/events", close],
      ["GET /nowhere", close],
      post("/v1/telemetry", JSON.stringify(event)),
      post("/cylestio.v1.EventService/ListEvents", "{}"),
    ];

    for (const host of foreign) {
      for (const [start, rest] of requests) {
        const { status, code, reasons } = restError(
          await sendRaw(url, `${start} HTTP/1.1\r\nHost: ${host}\r\n${rest}`),
        );
        expect([host, start, status, code, reasons]).toEqual([
          host,
          start,
          403,
          "permission_denied",
          ["HOST_NOT_ALLOWED"],
        ]);
      }
    }
    expect((await send(url, "/api/events")).text).toBe("[]");
  });

  test("is refused over HTTP/2 and gRPC", async () => {
    const { url } = await startServer();
    const authority = { ":authority": "evil.example" };

    const read = await sendOverHttp2(url, { ":path": "/", ...authority });
    const call = await sendOverHttp2(url, {
      ":method": "POST",
      ":path": "/cylestio.v1.EventService/ListEvents",
      "content-type": "application/grpc",
      te: "trailers",
      ...authority,
    });

    for (const { status, text } of [read, call]) {
      expect([status, JSON.parse(text)]).toMatchObject([403, { error: { reason: "HOST_NOT_ALLOWED" } }]);
    }
  });

  test("is none that leads back to this machine", async () => {
    const { url } = await startServer();

    for (const host of ["localhost", "LOCALHOST:1", "127.0.0.1", "127.1.2.3:9", "[::1]:8000", "cylestio.localhost"]) {
      const overHttp1 = await sendRaw(url, `GET / HTTP/1.1\r\nHost: ${host}\r\n${close}`);
      const overHttp2 = await sendOverHttp2(url, { ":path": "/", ":authority": host });
      expect([host, overHttp1.status, overHttp2.status]).toEqual([host, 200, 200]);
    }
  });
});

test("a page of another origin can read nothing: there are no CORS headers", async () => {
  const { url } = await startServer();
  const headers = { origin: "http://evil.example", "access-control-request-method": "POST" };

  const replies = [
    await send(url, "/api/events", { headers }),
    await send(url, "/v1/telemetry", { method: "OPTIONS", headers }),
    await sendJson(url, "/cylestio.v1.EventService/ListEvents", {}, { headers }),
  ];

  expect(replies.map((reply) => reply.headers.get("access-control-allow-origin"))).toEqual([null, null, null]);
});
