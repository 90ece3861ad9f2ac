import { connect as connectTcp } from "node:net";
import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { ReceiptSchema } from "../../gen/cylestio/v1/receipt_pb.ts";
import { type ErrorReason, errorKinds, fieldError, TelemetryError } from "../../src/model/error.ts";
import { connectErrorFrom } from "../../src/rpc/connect-error.ts";
import { sendRaw, startTestServer } from "./test-server.ts";

async function serveError(error: unknown) {
  return startTestServer((app) => {
    app.get("/", async () => {
      throw error;
    });
  });
}

describe("an error reply", () => {
  test.each(Object.keys(errorKinds) as ErrorReason[])(
    "of %s has its status, its body and its headers",
    async (reason) => {
      const { url } = await serveError(new TelemetryError(reason, "some words", { metadata: { agent_id: "a" } }));
      const reply = await fetch(url);
      const { code, httpStatus, retryable } = errorKinds[reason];
      expect(reply.status).toBe(httpStatus);
      expect(reply.headers.get("content-type")).toBe("application/json; charset=utf-8");
      expect(reply.headers.get("x-content-type-options")).toBe("nosniff");
      expect(reply.headers.get("x-request-id")).toBe("request-1");
      expect(reply.headers.get("retry-after")).toBe(retryable ? "1" : null);
      const { error, message, detail, ...others } = Object(await reply.json());
      expect([message, detail, others]).toEqual(["some words", "some words", {}]);
      expect(error).toEqual({
        code,
        message: "some words",
        reason,
        request_id: "request-1",
        details: [
          {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            reason,
            domain: "cylestio.dev",
            metadata: { agent_id: "a" },
          },
          ...(retryable ? [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retry_delay: "1s" }] : []),
        ],
      });
    },
  );

  test("names wrong fields and carries whatever message was added", async () => {
    const error = connectErrorFrom(
      fieldError({ field: "sort", reason: "FIELD_INVALID", message: "must be asc or desc" }),
    );
    error.details.push({ desc: ReceiptSchema, value: create(ReceiptSchema, { rejectedCount: 2 }) });
    const { url, log } = await serveError(error);
    expect(await (await fetch(url)).json()).toMatchObject({
      detail: "sort: must be asc or desc",
      error: {
        details: [
          { "@type": "type.googleapis.com/google.rpc.ErrorInfo" },
          {
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            field_violations: [{ field: "sort", description: "must be asc or desc", reason: "FIELD_INVALID" }],
          },
          {
            "@type": "type.googleapis.com/cylestio.v1.Receipt",
            accepted_count: 0,
            duplicate_count: 0,
            rejected_count: 2,
            rejections: [],
          },
        ],
      },
    });
    expect(log).toEqual([]);
  });

  test.each([
    [1, "1"],
    [1000, "1"],
    [1001, "2"],
    [60_000, "60"],
  ])("says in whole seconds to wait %i ms: %s", async (retryDelayMs, retryAfter) => {
    const { url } = await serveError(new TelemetryError("STORE_UNAVAILABLE", "busy", { retryDelayMs }));
    expect((await fetch(url)).headers.get("retry-after")).toBe(retryAfter);
  });

  test("of a fault tells nothing, and the log everything", async () => {
    const { url, log } = await serveError(new RangeError("password=1"));
    const reply = await fetch(url);
    expect(reply.status).toBe(500);
    expect(await reply.json()).toMatchObject({
      message: "internal error",
      error: { code: "internal", reason: "INTERNAL", message: "internal error" },
    });
    expect(log).toMatchObject([{ msg: "request failed", reqId: "request-1", err: { message: "password=1" } }]);
  });

  test("of a fault that was reported before is not logged again", async () => {
    const { url, log } = await serveError(connectErrorFrom(new Error("password=1")));
    expect((await fetch(url)).status).toBe(500);
    expect(log).toEqual([]);
  });
});

async function serveRefusals() {
  return startTestServer((app) => {
    app.get("/things/:id", async () => "{}");
    app.put("/things/:id", async () => "{}");
    app.post("/things/:id/act", async () => "{}");
    app.register(async (scope) => {
      const parser = scope.getDefaultJsonParser("error", "error");
      scope.addContentTypeParser("application/json", { parseAs: "string", bodyLimit: 10 }, parser);
      scope.post("/json", async () => "{}");
    });
  });
}

describe("what Fastify refuses", () => {
  test.each(["/nowhere", "/things", "/things/1/other", "/things/1/", "/Things/1"])(
    "has a body for the unknown path %s",
    async (path) => {
      const { url } = await serveRefusals();
      const reply = await fetch(url + path);
      expect(reply.status).toBe(404);
      expect(reply.headers.get("allow")).toBeNull();
      expect(await reply.json()).toMatchObject({
        error: { code: "not_found", reason: "PATH_NOT_FOUND", request_id: "request-1" },
        detail: "there is no such path",
      });
    },
  );

  test.each(["POST", "PUT", "DELETE"])("does not look at the body of a %s to an unknown path", async (method) => {
    const { url } = await serveRefusals();
    for (const contentType of ["application/json", "text/plain", "x/y"]) {
      const options = { method, body: "{", headers: { "content-type": contentType } };
      const reply = await fetch(`${url}/nowhere`, options);
      expect(reply.status).toBe(404);
      await reply.body?.cancel();
    }
  });

  test.each([
    ["DELETE", "/things/1", "GET, HEAD, PUT"],
    ["POST", "/things/a%2Fb?x=1", "GET, HEAD, PUT"],
    ["OPTIONS", "/things/1", "GET, HEAD, PUT"],
    ["PATCH", "/things/1", "GET, HEAD, PUT"],
    ["GET", "/things/1/act", "POST"],
    ["HEAD", "/things/1/act", "POST"],
  ])("%s %s: 405 with Allow: %s", async (method, path, allow) => {
    const { url } = await serveRefusals();
    const reply = await fetch(url + path, { method });
    expect(reply.status).toBe(405);
    expect(reply.headers.get("allow")).toBe(allow);
    expect(await reply.text()).toContain(method === "HEAD" ? "" : '"reason":"METHOD_NOT_ALLOWED"');
  });

  test("is 404 where a path answers that there is nothing", async () => {
    const { url } = await startTestServer((app) => {
      app.get("/files/:name", async (_request, reply) => {
        reply.callNotFound();
        return reply;
      });
    });
    const reply = await fetch(`${url}/files/x`);
    expect([reply.status, reply.headers.get("allow")]).toEqual([404, null]);
  });

  test("does not take the wildcard of CORS for a path", async () => {
    const { url } = await startTestServer((app) => {
      app.options("*", async () => "");
    });
    expect((await fetch(`${url}/nowhere`)).status).toBe(404);
  });

  test.each([
    [{ method: "GET", path: "/things/%zz" }, "", 400, "BAD_REQUEST"],
    [{ method: "GET", path: `/things/${"a".repeat(101)}` }, "", 414, "BAD_REQUEST"],
    [{ method: "POST", path: "/json", headers: { "content-type": "application/json" } }, "{", 400, "MALFORMED_BODY"],
    [{ method: "POST", path: "/json", headers: { "content-type": "application/json" } }, "", 400, "MALFORMED_BODY"],
    [
      { method: "POST", path: "/json", headers: { "content-type": "application/json" } },
      "1".repeat(11),
      413,
      "BODY_TOO_LARGE",
    ],
    [{ method: "POST", path: "/json", headers: { "content-type": "a/b" } }, "{}", 415, "UNSUPPORTED_MEDIA_TYPE"],
    [{ method: "POST", path: "/json", headers: { "content-type": "!" } }, "{}", 415, "UNSUPPORTED_MEDIA_TYPE"],
  ])("has a body for %j with %j: %i", async (request, body, status, reason) => {
    const { port, log } = await serveRefusals();
    const reply = await sendRaw(port, request, body);
    expect(reply.status).toBe(status);
    expect(reply.headers["x-request-id"]).toBe("request-1");
    expect(JSON.parse(reply.text)).toMatchObject({ error: { reason, request_id: "request-1" } });
    expect(log).toEqual([]);
  });

  test("has a body while the server closes", async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const { promise: called, resolve: call } = Promise.withResolvers<void>();
    const { app, port } = await startTestServer(
      (app) => {
        app.get("/slow", async () => {
          call();
          await held;
          return "{}";
        });
      },
      { forceCloseConnections: false },
    );
    const socket = connectTcp({ port, host: "127.0.0.1" });
    let text = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    socket.on("close", () => resolve());
    // The server may reset the connection behind its last reply.
    socket.on("error", () => undefined);
    const request = "GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n";
    socket.write(request);
    await called;
    const closing = app.close();
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
    app.server.once("request", () => arrive());
    socket.write(request);
    await arrived;
    release();
    await closed;
    await closing;
    expect(text).toMatch(/^HTTP\/1\.1 200 .*HTTP\/1\.1 503 .*retry-after: 1\r\n.*"reason":"SHUTTING_DOWN"/s);
  });
});

async function sendBytes(text: string): Promise<string> {
  const { port } = await startTestServer(() => undefined);
  const socket = connectTcp({ port, host: "127.0.0.1" });
  let reply = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    reply += chunk;
  });
  const { promise: closed, resolve } = Promise.withResolvers<string>();
  socket.on("close", () => resolve(reply));
  // The server may reset the connection behind its reply.
  socket.on("error", () => undefined);
  socket.write(text);
  return closed;
}

describe("what is no HTTP", () => {
  test.each([
    ["a line of noise", "hello\r\n\r\n", "400 Bad Request", "the request is not valid HTTP"],
    [
      "headers without end",
      `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${"a".repeat(20_000)}\r\n\r\n`,
      "431 Request Header Fields Too Large",
      "the headers of the request are too long",
    ],
  ])("gets a reply all the same: %s", async (_name, text, status, message) => {
    const reply = await sendBytes(text);
    const [head = "", body = ""] = reply.split("\r\n\r\n");
    expect(head).toMatch(`HTTP/1.1 ${status}\r\n`);
    expect(head).toContain("connection: close");
    expect(head).toContain("x-request-id: broken-1");
    expect(head).toContain(`content-length: ${Buffer.byteLength(body)}`);
    expect(JSON.parse(body)).toMatchObject({ error: { reason: "BAD_REQUEST", message, request_id: "broken-1" } });
  });
});
