import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { createContextKey, createContextValues, type HandlerContext, type Interceptor } from "@connectrpc/connect";
import type { FastifyRequest } from "fastify";
import { describe, expect, onTestFinished, test } from "vitest";
import { createOnePortServer } from "../../src/http/one-port-server.ts";
import { type Handler, jsonType, serveKitchenSink } from "./kitchen-sink.ts";

const calledByKey = createContextKey("nobody");

/** Passes a copy of the request on, with other headers and context values. */
const replaceRequest: Interceptor = (next) => async (request) => {
  if (request.stream) return next(request);
  const header = new Headers({ "x-from": `${request.header.get("x-from")}, replaced` });
  return next({ ...request, header, contextValues: createContextValues().set(calledByKey, "interceptor") });
};

/** Tells in the reply what it saw of the request. */
const tellRequest: Interceptor = (next) => async (request) => {
  const response = await next(request);
  response.header.set("x-seen", `${request.header.get("x-from")}; ${request.signal.aborted}; ${request.url}`);
  return response;
};

const replaceResponseHeader: Interceptor = (next) => async (request) => {
  const response = await next(request);
  return { ...response, header: new Headers({ "x-replaced": `${response.header.get("x-own")}` }) };
};

const sendOwnHeader: Handler = (request, context) => {
  context.responseHeader.set("x-own", "1");
  return request;
};

/** Works for 20 ms, and then tells in the reply how many are left. */
const tellTimeLeft: Handler = async (request, context) => {
  await new Promise((resolve) => setTimeout(resolve, 20));
  context.responseHeader.set("x-left", String(context.timeoutMs()));
  return request;
};

/** Resolves when the call has returned, but before the connection learns of it, which is in a later turn. */
async function afterCall(): Promise<void> {
  for (let step = 0; step < 100; step++) await Promise.resolve();
}

/** A handler of `Echo` that waits until the client is gone before it looks at its signal, and a promise of what it saw. */
function createLateLooker() {
  const called = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  const looked = Promise.withResolvers<boolean>();
  const echo: Handler = async (request, context) => {
    called.resolve();
    await gone.promise;
    looked.resolve(context.signal.aborted);
    return request;
  };
  return { echo, called: called.promise, letGo: () => setImmediate(gone.resolve), looked: looked.promise };
}

describe("an interceptor of a REST call", () => {
  test("may pass on a copy of the request, which loses nothing", async () => {
    const { url, calls } = await serveKitchenSink({}, { interceptors: [replaceRequest, tellRequest] });
    const reply = await fetch(`${url}/echo?string_value=a`, { headers: { "x-from": "test" } });
    expect(reply.headers.get("x-seen")).toBe(`test, replaced; false; ${url}/echo?string_value=a`);
    expect(await reply.json()).toMatchObject({ string_value: "a" });
    expect(calls[0]?.context.requestHeader.get("x-from")).toBe("test, replaced");
    expect(calls[0]?.context.values.get(calledByKey)).toBe("interceptor");
  });

  test("may replace the headers of the response", async () => {
    const { url } = await serveKitchenSink({ echo: sendOwnHeader }, { interceptors: [replaceResponseHeader] });
    const reply = await fetch(`${url}/echo`);
    expect(reply.headers.get("x-replaced")).toBe("1");
    expect(reply.headers.has("x-own")).toBe(false);
  });
});

describe("the signal of a REST call", () => {
  test("is aborted by the end of the call", async () => {
    const seen: { readonly signal: AbortSignal; readonly aborted: boolean }[] = [];
    const echo: Handler = (request, { signal }) => {
      seen.push({ signal, aborted: signal.aborted });
      return request;
    };
    const { url } = await serveKitchenSink({ echo });
    await fetch(`${url}/echo`);
    expect(seen).toMatchObject([{ aborted: false, signal: { aborted: true } }]);
  });

  test("is aborted from the beginning where the call is over, with its answer sent or not", async () => {
    const early = Promise.withResolvers<boolean>();
    const echo: Handler = (request, context) => {
      void afterCall().then(() => early.resolve(context.signal.aborted));
      return request;
    };
    const { url, calls } = await serveKitchenSink({ echo });
    await fetch(`${url}/echo`);
    await fetch(`${url}/plain/send`, { method: "POST", body: "{}", headers: jsonType });
    expect(await early.promise).toBe(true);
    expect(calls[1]?.context.signal.aborted).toBe(true);
  });

  test("is aborted from the beginning where the client went away before, over HTTP/1.1", async () => {
    const { echo, called, letGo, looked } = createLateLooker();
    const { app, url } = await serveKitchenSink({ echo });
    app.server.on("connection", (socket) => socket.on("close", letGo));
    const client = new AbortController();
    const reply = fetch(`${url}/echo`, { signal: client.signal });
    await called;
    client.abort();
    await expect(reply).rejects.toThrow("aborted");
    expect(await looked).toBe(true);
  });

  test("is aborted from the beginning where the client went away before, over HTTP/2", async () => {
    const { echo, called, letGo, looked } = createLateLooker();
    const contextValues = ({ raw }: FastifyRequest) => {
      raw.once("close", letGo);
      return createContextValues();
    };
    const { url } = await serveKitchenSink({ echo }, { contextValues }, {}, { serverFactory: createOnePortServer });
    const session = connectHttp2(url);
    onTestFinished(() => session.destroy());
    const stream = session.request({ ":path": "/echo" });
    await called;
    stream.close();
    expect(await looked).toBe(true);
  });
});

describe("the context of a REST call", () => {
  test("has its deadline from the beginning of the call, whenever somebody first looks at it", async () => {
    const { url } = await serveKitchenSink({ echo: tellTimeLeft }, { defaultTimeoutMs: 60_000 });
    const left = Number((await fetch(`${url}/echo`)).headers.get("x-left"));
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(59_985);
  });

  test("can be read after the call, over HTTP/2 too", async () => {
    const { url, calls } = await serveKitchenSink({}, {}, {}, { serverFactory: createOnePortServer });
    const session = connectHttp2(url);
    onTestFinished(() => session.destroy());
    const stream = session.request({ ":path": "/echo", "x-from": "test" });
    await once(stream.resume(), "close");
    const context: HandlerContext | undefined = calls[0]?.context;
    expect(context?.requestHeader.get("x-from")).toBe("test");
    expect(context?.url).toBe(`${url}/echo`);
    expect(context?.signal.aborted).toBe(true);
  });
});
