import { once } from "node:events";
import { request } from "node:http";
import { createContextKey, createContextValues, type HandlerContext, type Interceptor } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { TelemetryError } from "../../src/model/error.ts";
import { createErrorInterceptor } from "../../src/rpc/connect-error.ts";
import { openEventStream } from "../server-sent-events.ts";
import { type Handler, jsonType, serveKitchenSink } from "./kitchen-sink.ts";

/** A handler that streams these messages and ends. */
const streaming = (...messages: readonly object[]): Handler =>
  async function* () {
    yield* messages;
  };

/** A handler that streams these messages and then fails. */
const failing = (error: Error, ...messages: readonly object[]): Handler =>
  async function* () {
    yield* messages;
    throw error;
  };

/** A handler that streams one message, and then waits until its call is over. */
const waiting = (message: object, onEnd: () => void = () => undefined): Handler =>
  async function* (_request, { signal }) {
    yield message;
    if (!signal.aborted) await once(signal, "abort");
    onEnd();
    throw signal.reason;
  };

/** An interceptor that leaves a trace on either side. */
const trace: Interceptor = (next) => async (request) => {
  request.header.set("x-added", "1");
  const response = await next(request);
  response.header.set("x-seen", `${request.stream} ${request.method.name}`);
  return response;
};

const get = async (url: string, headers: Readonly<Record<string, string>> = {}) => {
  const reply = await fetch(url, { headers });
  return { status: reply.status, headers: Object.fromEntries(reply.headers), text: await reply.text() };
};

describe("a route of server-sent events", () => {
  test("sends every message as an event: the part for the body as data, and the field that the contract names as id", async () => {
    const watch = streaming(
      { stringValue: "one", nested: { text: "ü\n", number: 1 } },
      { stringValue: "two" },
      { nested: { text: "no id" } },
      {},
    );
    const { url } = await serveKitchenSink({ watch });
    const { status, headers, text } = await get(`${url}/watch`);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
      "x-content-type-options": "nosniff",
    });
    expect(headers["content-encoding"]).toBeUndefined();
    expect(text).toBe(
      [
        "retry: 1000",
        "id: one",
        'data: {"text":"ü\\n","inner":null,"number":1,"at_time":null}',
        "",
        ": heartbeat",
        "id: two",
        "",
        'data: {"text":"no id","inner":null,"number":0,"at_time":null}',
        "",
        ": heartbeat",
        "",
        "",
      ].join("\n"),
    );
  });

  test("sends the whole message where the contract names no part of it", async () => {
    const { url } = await serveKitchenSink({ watchWhole: streaming({ text: "a" }) });
    expect((await get(`${url}/watch/whole/`)).text).toBe(
      'retry: 1000\ndata: {"text":"a","inner":null,"number":0,"at_time":null}\n\n',
    );
  });

  test("keeps data in one line, however JSON that is kept as text is written", async () => {
    const watch = streaming({ plainJson: '{"a":\r\n  "b\\n",\r"c":\n\n1}' }, {});
    const { url } = await serveKitchenSink({ watch });
    expect((await get(`${url}/watch/json`)).text).toBe('retry: 1000\ndata: {"a":   "b\\n", "c": 1}\n\ndata: null\n\n');
  });

  test("may take a body, and end without a message", async () => {
    const { url, calls } = await serveKitchenSink({ watch: streaming() });
    const body = JSON.stringify({ stringValue: "a" });
    const reply = await fetch(`${url}/watch`, { method: "POST", body, headers: jsonType });
    expect([reply.status, await reply.text()]).toEqual([200, "retry: 1000\n\n"]);
    expect(calls).toMatchObject([{ method: "Watch", request: { string_value: "a" } }]);
  });

  test("takes Last-Event-ID for the field that the contract names, whatever the query says of it", async () => {
    const { url, calls } = await serveKitchenSink({ watch: streaming() });
    await get(`${url}/watch?other_name=query&string_value=x`);
    await get(`${url}/watch?other_name=query`, { "last-event-id": "header" });
    await get(`${url}/watch?other_name=query`, { "last-event-id": "" });
    await get(`${url}/watch/whole`, { "last-event-id": "header" });
    expect(calls.map(({ request }) => request["renamed_value"])).toEqual(["query", "header", "query", undefined]);
  });

  test("answers HEAD with the headers of GET, and leaves no call behind", async () => {
    const ended = Promise.withResolvers<boolean>();
    const watch: Handler = async function* (_request: unknown, { signal }: HandlerContext) {
      try {
        yield { stringValue: "a" };
      } finally {
        ended.resolve(signal.aborted);
      }
    };
    const { url } = await serveKitchenSink({ watch });
    const reply = await fetch(`${url}/watch`, { method: "HEAD" });
    expect([reply.status, reply.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
    expect(reply.headers.get("content-length")).toBeNull();
    expect(await ended.promise).toBe(true);
  });
});

describe("an error of a stream", () => {
  test("before the first message is a reply like any other", async () => {
    const { url } = await serveKitchenSink({ watch: failing(new TelemetryError("TOO_MANY_WATCHERS", "full")) });
    const { status, headers, text } = await get(`${url}/watch`);
    expect(status).toBe(429);
    expect(headers).toMatchObject({ "content-type": "application/json; charset=utf-8", "retry-after": "1" });
    expect(JSON.parse(text)).toMatchObject({ error: { reason: "TOO_MANY_WATCHERS", request_id: "request-1" } });
  });

  test("in the request names the parameter, and the handler is not called", async () => {
    const { url, calls } = await serveKitchenSink();
    const { status, text } = await get(`${url}/watch?int32_value=x`);
    expect([status, JSON.parse(text).error.reason, calls]).toEqual([400, "FIELD_INVALID", []]);
  });

  test("after it is the last event, with the body of the reply that it would have been", async () => {
    const error = new TelemetryError("SHUTTING_DOWN", "bye\nbye", { metadata: { cursor: "c" } });
    const early = await serveKitchenSink({ watch: failing(error) });
    const body = (await get(`${early.url}/watch`)).text;
    const { url } = await serveKitchenSink({ watch: failing(error, { stringValue: "a" }) });
    const { text } = await get(`${url}/watch`);
    expect(text).toBe(`retry: 1000\n: heartbeat\nid: a\n\nevent: error\ndata: ${body}\n\n`);
    expect(JSON.parse(body).error.details).toMatchObject([{ metadata: { cursor: "c" } }, { retry_delay: "1s" }]);
  });

  test("that is a fault of the server says nothing of the inside, and is reported once", async () => {
    const reported: unknown[] = [];
    const watch = failing(new Error("secret"), { stringValue: "a" });
    const interceptors = [createErrorInterceptor({ onInternalError: (error) => reported.push(error) })];
    const { url } = await serveKitchenSink({ watch }, { interceptors });
    const { text } = await get(`${url}/watch`);
    expect(text).toContain('"reason":"INTERNAL"');
    expect(text).not.toContain("secret");
    expect(reported).toEqual([new Error("secret")]);
  });
});

describe("the call behind a stream", () => {
  test("goes through the interceptors, with a context that says how it was called", async () => {
    const key = createContextKey("none");
    const seen: string[] = [];
    const watch: Handler = async function* (_request: unknown, context: HandlerContext) {
      seen.push(context.protocolName, context.requestMethod, context.values.get(key));
      seen.push(String(context.requestHeader.get("x-added")));
      yield {};
    };
    const { url } = await serveKitchenSink(
      { watch },
      { interceptors: [trace], contextValues: () => createContextValues().set(key, "value") },
    );
    const { headers } = await get(`${url}/watch`);
    expect(headers["x-seen"]).toBe("true Watch");
    expect(seen).toEqual(["rest", "GET", "value", "1"]);
  });

  test("is over at once when a client goes away that waits", async () => {
    const ended = Promise.withResolvers<void>();
    const { url } = await serveKitchenSink({ watch: waiting({ stringValue: "a" }, () => ended.resolve()) });
    const stream = await openEventStream(`${url}/watch`);
    expect(await stream.next()).toEqual({ type: "message", id: "a", data: null });
    stream.destroy();
    await ended.promise;
  });

  test("is over when the server says so, and then its client knows why", async () => {
    const shutdown = new AbortController();
    const watch = waiting({ stringValue: "a" });
    const { url } = await serveKitchenSink({ watch }, { shutdownSignal: shutdown.signal });
    const stream = await openEventStream(`${url}/watch`);
    await stream.next();
    shutdown.abort(new TelemetryError("SHUTTING_DOWN", "bye"));
    expect(await stream.next()).toMatchObject({ type: "error", data: expect.stringContaining("SHUTTING_DOWN") });
    expect((await stream.events.next()).done).toBe(true);
  });

  test("is asked for no more than its client takes, and is over when such a client goes away", async () => {
    let asked = 0;
    const ended = Promise.withResolvers<boolean>();
    const text = "x".repeat(64 * 1024);
    const watch: Handler = async function* (_request: unknown, { signal }: HandlerContext) {
      try {
        for (; ; asked += 1) yield { stringValue: String(asked), nested: { text } };
      } finally {
        ended.resolve(signal.aborted);
      }
    };
    const { url } = await serveKitchenSink({ watch });
    const sent = request(`${url}/watch`, { agent: false }).end();
    const [response] = await once(sent, "response");
    let last = -1;
    // What fits between the two is taken; then nothing is.
    while (last !== asked) {
      last = asked;
      for (let turn = 0; turn < 20; turn += 1) await fetch(`${url}/echo`);
    }
    // The buffers of the operating system, of which each side has some megabytes.
    expect(asked).toBeLessThan(1_000);
    response.once("readable", () => void response.read());
    for (let read = 0; read < 200 * text.length; read += response.read()?.length ?? 0) {
      if (response.readableLength === 0) await once(response, "readable");
    }
    expect(asked).toBeGreaterThan(last);
    sent.destroy();
    expect(await ended.promise).toBe(true);
  });
});
