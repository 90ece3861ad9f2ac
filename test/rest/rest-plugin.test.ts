import type { Message } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  createContextKey,
  createContextValues,
  createServiceImplSpec,
  type HandlerContext,
  type Interceptor,
} from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { TelemetryError } from "../../src/model/error.ts";
import { restPlugin } from "../../src/rest/rest-plugin.ts";
import { freeFormBodyKey } from "../../src/rpc/free-form-body.ts";
import { jsonType, kitchenSink, serveKitchenSink } from "./kitchen-sink.ts";
import { getTestService } from "./test-contract.ts";
import { sendRaw, startTestServer } from "./test-server.ts";

describe("a REST route", () => {
  test("answers with one field where the contract says so", async () => {
    const { url } = await serveKitchenSink();
    const reply = await fetch(`${url}/echo/list`, { method: "PATCH", body: '["a","b"]', headers: jsonType });
    expect(await reply.text()).toBe('["a","b"]');
    expect(await (await fetch(`${url}/echo/7`, { method: "DELETE" })).text()).toBe("null");
  });

  test("answers HEAD with the headers of GET", async () => {
    const { url } = await serveKitchenSink();
    const [get, head] = [await fetch(`${url}/echo/`), await fetch(`${url}/echo/`, { method: "HEAD" })];
    expect(head.status).toBe(200);
    expect(head.headers.get("content-length")).toBe(get.headers.get("content-length"));
    expect(await head.text()).toBe("");
  });

  test("sends JSON that is neither kept nor guessed at, and the handler's own headers", async () => {
    const { url } = await serveKitchenSink({
      echo: (request, context) => {
        context.responseHeader.set("x-own", "1");
        context.responseHeader.append("set-cookie", "a=1");
        context.responseHeader.append("set-cookie", "b=2");
        context.responseHeader.set("content-type", "text/html");
        return request;
      },
      send: (request, context) => {
        context.responseHeader.set("cache-control", "private");
        return request;
      },
    });
    const read = await fetch(`${url}/echo`);
    expect(Object.fromEntries(read.headers)).toMatchObject({
      "content-type": "application/json; charset=utf-8",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "x-own": "1",
    });
    expect(read.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    const write = await fetch(`${url}/plain/send`, { method: "POST", body: "{}", headers: jsonType });
    expect(write.headers.get("cache-control")).toBe("private");
  });

  test("may be served where the router ignores the slash at the end already", async () => {
    const { url, calls } = await serveKitchenSink({}, {}, { ignoreTrailingSlash: true });
    expect((await fetch(`${url}/echo/string/a/`)).status).toBe(200);
    expect((await fetch(`${url}/echo/string/a`)).status).toBe(200);
    expect(calls).toHaveLength(2);
  });

  test("refuses a path variable that is too long for the router", async () => {
    const { url } = await serveKitchenSink({}, {}, { maxParamLength: 20 });
    expect((await fetch(`${url}/echo/string/${"a".repeat(20)}`)).status).toBe(200);
    const reply = await fetch(`${url}/echo/string/${"a".repeat(21)}`);
    expect(reply.status).toBe(414);
    expect(await reply.json()).toMatchObject({ error: { reason: "BAD_REQUEST", request_id: "request-1" } });
  });
});

describe("the handler of a REST route", () => {
  test("has a context that says how it was called", async () => {
    const key = createContextKey("none");
    const { url, port, calls } = await serveKitchenSink(
      {},
      {
        contextValues: (request) => createContextValues().set(key, String(request.headers["x-from"])),
        defaultTimeoutMs: 60_000,
      },
    );
    await fetch(`${url}/echo?string_value=a`, { headers: { "x-from": "test" } });
    const context = calls[0]?.context;
    expect(context).toMatchObject({
      protocolName: "rest",
      requestMethod: "GET",
      url: `http://127.0.0.1:${port}/echo?string_value=a`,
      service: kitchenSink,
      method: kitchenSink.method["echo"],
    });
    expect(context?.requestHeader.get("x-from")).toBe("test");
    expect(context?.values.get(key)).toBe("test");
    expect(context?.timeoutMs()).toBeGreaterThan(0);
  });

  test("is called through the interceptors, the first of them outermost", async () => {
    const seen: string[] = [];
    const trace =
      (name: string): Interceptor =>
      (next) =>
      async (request) => {
        seen.push(`${name} ${request.method.name}`);
        request.header.set("x-added", name);
        const response = await next(request);
        response.header.set("x-seen", seen.join(", "));
        return response;
      };
    const { url, calls } = await serveKitchenSink({}, { interceptors: [trace("outer"), trace("inner")] });
    const reply = await fetch(`${url}/echo`);
    expect(reply.headers.get("x-seen")).toBe("outer Echo, inner Echo");
    expect(calls[0]?.context.requestHeader.get("x-added")).toBe("inner");
  });

  test("has no deadline by default, and a passed one is 504", async () => {
    const { url, calls } = await serveKitchenSink();
    await fetch(`${url}/echo`);
    expect(calls[0]?.context.timeoutMs()).toBeUndefined();
    const late = await serveKitchenSink({ echo: rejectWhenAborted }, { defaultTimeoutMs: 1 });
    const reply = await fetch(`${late.url}/echo`);
    expect(reply.status).toBe(504);
    expect(reply.headers.get("retry-after")).toBe("1");
    expect(await reply.json()).toMatchObject({ error: { code: "deadline_exceeded", reason: "DEADLINE_EXCEEDED" } });
  });

  test("learns that the client went away", async () => {
    const { promise: aborted, resolve } = Promise.withResolvers<unknown>();
    const { promise: called, resolve: call } = Promise.withResolvers<void>();
    const { url } = await serveKitchenSink({
      echo: (_request, context) => {
        context.signal.addEventListener("abort", () => resolve(context.signal.aborted));
        call();
        return rejectWhenAborted(_request, context);
      },
    });
    const client = new AbortController();
    const reply = fetch(`${url}/echo`, { signal: client.signal });
    await called;
    client.abort();
    await expect(reply).rejects.toThrow("aborted");
    expect(await aborted).toBe(true);
  });

  test("learns that the server stops", async () => {
    const shutdown = new AbortController();
    const { url } = await serveKitchenSink(
      {
        echo: (request, context) => {
          shutdown.abort(new TelemetryError("SHUTTING_DOWN", "stop"));
          return rejectWhenAborted(request, context);
        },
      },
      { shutdownSignal: shutdown.signal },
    );
    const reply = await fetch(`${url}/echo`);
    expect(reply.status).toBe(503);
    expect(reply.headers.get("retry-after")).toBe("1");
  });

  test("may throw anything, and what is inside stays inside", async () => {
    const { url, log } = await serveKitchenSink({
      echo: () => {
        throw new Error("password=1");
      },
    });
    const reply = await fetch(`${url}/echo`);
    expect(reply.status).toBe(500);
    expect(await reply.text()).not.toContain("password");
    expect(log).toMatchObject([{ err: { message: "password=1" }, reqId: "request-1" }]);
  });
});

function rejectWhenAborted(_request: Message, { signal }: HandlerContext): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason));
  });
}

describe("a free-form body", () => {
  test("goes to the handler as text beside a message of path and query only", async () => {
    const { url, calls } = await serveKitchenSink();
    const body = '\n{"__proto__": NaN, "string_value": "é"';
    const options = { method: "POST", body, headers: { "content-type": "Application/JSON; Charset=UTF-8" } };
    const reply = await fetch(`${url}/v1/send/a?int32_value=2`, options);
    expect(reply.status).toBe(201);
    expect(calls[0]?.request).toEqual({ string_value: "a", int32_value: 2 });
    expect(calls[0]?.context.values.get(freeFormBodyKey)).toEqual({ text: body });
  });

  test.each([
    ["POST", "/v1/send/a", 201],
    ["POST", "/v1/send/a/", 201],
    ["PUT", "/v2/send", 202],
    ["POST", "/plain/send", 200],
  ])("%s %s answers with the status of its path: %i", async (method, path, status) => {
    const { url } = await serveKitchenSink();
    const options = { method, body: "{}", headers: jsonType };
    expect((await fetch(url + path, options)).status).toBe(status);
  });

  test("is there for these RPCs only", async () => {
    const { url, calls } = await serveKitchenSink();
    await fetch(`${url}/json`, { method: "POST", body: "{}", headers: jsonType });
    await fetch(`${url}/echo`);
    expect(calls.map(({ context }) => context.values.get(freeFormBodyKey))).toEqual([undefined, undefined]);
  });

  test.each([
    "text/plain",
    "text/plain;charset=UTF-8",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json; charset=latin1",
    "application/jsonx",
    "application/x-protobuf",
    ";",
    "",
  ])("of content type %j is refused", async (contentType) => {
    const { port, calls } = await serveKitchenSink();
    const headers = contentType === "" ? {} : { "content-type": contentType };
    const reply = await sendRaw(port, { method: "POST", path: "/plain/send", headers }, "{}");
    expect(reply.status).toBe(415);
    expect(JSON.parse(reply.text)).toMatchObject({ error: { reason: "UNSUPPORTED_MEDIA_TYPE" } });
    expect(calls).toEqual([]);
  });
});

describe("the REST plugin", () => {
  test("refuses to start with a contract that it cannot serve, naming the RPC", async () => {
    const service = getTestService("VerbService");
    const started = startTestServer((app) =>
      app.register(restPlugin, { services: [createServiceImplSpec(service, {})], limits: { bodyMaxBytes: 1 } }),
    );
    await expect(started).rejects.toThrow("transcoding.v1.VerbService.Get: custom verbs are not supported");
  });

  test("refuses one route for two RPCs, naming both", async () => {
    const service = getTestService("SameRouteService");
    const started = startTestServer((app) =>
      app.register(restPlugin, { services: [createServiceImplSpec(service, {})], limits: { bodyMaxBytes: 1 } }),
    );
    await expect(started).rejects.toThrow(
      "transcoding.v1.SameRouteService.GetAgain: transcoding.v1.SameRouteService.Get has the route GET /small/:p0 already",
    );
  });

  test("answers for an RPC without implementation as Connect does", async () => {
    const { url } = await startTestServer((app) =>
      app.register(restPlugin, { services: [createServiceImplSpec(kitchenSink, {})], limits: { bodyMaxBytes: 1 } }),
    );
    const reply = await fetch(`${url}/echo`);
    expect(await reply.json()).toMatchObject({
      error: {
        code: "unimplemented",
        reason: "PATH_NOT_FOUND",
        message: "transcoding.v1.KitchenSinkService.Echo is not implemented",
      },
    });
    expect(reply.status).toBe(501);
  });

  test("passes the headers of an error on", async () => {
    const { url } = await serveKitchenSink({
      echo: () => {
        throw new ConnectError("no", Code.Unauthenticated, { "www-authenticate": "Bearer" });
      },
    });
    const reply = await fetch(`${url}/echo`);
    expect(reply.status).toBe(401);
    expect(reply.headers.get("www-authenticate")).toBe("Bearer");
    expect(await reply.json()).toMatchObject({ error: { code: "unauthenticated" } });
  });
});
