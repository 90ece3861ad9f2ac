import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { keyOf, SentLedger, writers } from "./crash-writers.ts";
import { detailsOf, GrpcJsClient } from "./grpc-js-client.ts";
import { openSite, type ServerProcess, type Site } from "./server-process.ts";

/** Longer than any test: a server that ends all the same did not wait for its deadline. */
const neverMs = "600000";

describe.concurrent("a server process that is told to stop", () => {
  test.for(["SIGTERM", "SIGINT"] as const)(
    "%s ends the process with code 0 whatever idle connections are open, and an open stream as unavailable",
    async (signal, context) => {
      const site = await openSite(context);
      const server = await site.start({ environment: { CYLESTIO_SHUTDOWN_TIMEOUT_MS: neverMs } });
      const silent = await openSocket(site, server);
      const silentClosed = once(silent, "close");
      await keepHttp1Open(site, server);
      await openHttp2(site, server);
      const stream = clientOf(site, server).stream();
      const answered = once(stream, "data");
      const failed = once(stream, "error");
      stream.write({ batch_number: 1, events: [eventOf("idle-stream")] });
      expect((await answered)[0]).toMatchObject({ batch_number: 1, receipt: { accepted_count: 1 } });

      server.kill(signal);

      const [error] = await failed;
      expect(error).toMatchObject({ code: status.UNAVAILABLE });
      expect(detailsOf(error)).toMatchObject([{ reason: "SHUTTING_DOWN" }, { type: "google.rpc.RetryInfo" }]);
      expect(await server.exited).toEqual({ code: 0, signal: null, stderr: "" });
      await silentClosed;
      expect(server.logs.at(-1)).toMatchObject({ msg: "stopped" });
    },
  );

  test("SIGTERM while clients write loses nothing that was acknowledged, and a restart finds it", async (context) => {
    const site = await openSite(context);
    // The stream's client never ends its half of the stream, which the server waits for until the deadline.
    const server = await site.start({ environment: { CYLESTIO_SHUTDOWN_TIMEOUT_MS: "500" } });
    const ledger = new SentLedger("busy");
    const endings = Promise.allSettled(Object.values(writers).map((write) => write(server.url, ledger)));
    const unary = sendUntilFailure(clientOf(site, server));
    await ledger.firstAcknowledged;
    while (ledger.acknowledged.size < 200) await new Promise(setImmediate);

    server.kill("SIGTERM");

    // A call is answered or refused. Where it meets a port that is shut, fetch has no code for that. A refused HTTP/2 stream was
    // not looked at; grpc-js calls it unavailable, Connect's client not always.
    const refusal = /fetch failed|answered 503|\[unavailable\]|NGHTTP2_REFUSED_STREAM/;
    const reasons = (await endings).map((ending) => (ending.status === "rejected" ? String(ending.reason) : "went on"));
    expect(reasons.filter((reason) => !refusal.test(reason))).toEqual([]);
    expect(await unary).toMatchObject({ code: status.UNAVAILABLE });
    expect(await server.exited).toEqual({ code: 0, signal: null, stderr: "" });
    const keys = await storedKeys(clientOf(site, await site.start()), "busy");
    expect([...ledger.acknowledged].filter((key) => !keys.has(key))).toEqual([]);
  });

  test("SIGTERM lets the requests finish that have begun, and the connections of clients that wait are no hindrance", async (context) => {
    const site = await openSite(context);
    const server = await site.start({ environment: { CYLESTIO_SHUTDOWN_TIMEOUT_MS: neverMs } });
    const body = JSON.stringify({ timestamp: "2026-01-15T10:00:00Z", agent_id: "begun", name: "e", attributes: {} });
    const http1 = await beginPost(server, body);
    const http2 = await openHttp2(site, server);
    const stream = http2.request({
      ":method": "POST",
      ":path": "/cylestio.v1.TelemetryService/SendEvents",
      "content-type": "application/json",
    });
    stream.write('{"events": [');
    // Read as it comes: what is not read when the connection ends is lost.
    const streamAnswer = text(stream);
    // The server has the head of that request when it has answered the next one.
    await text(http2.request({ ":path": "/healthz" }));

    server.kill("SIGTERM");
    await server.logged("stopping");
    stream.end("]}");
    http1.finish();

    const answer = await http1.answer;
    expect([answer.statusCode, JSON.parse(await text(answer)).duplicate]).toEqual([202, false]);
    expect(JSON.parse(await streamAnswer)).toMatchObject({ receipt: {} });
    expect(await server.exited).toEqual({ code: 0, signal: null, stderr: "" });
  });

  test("SIGTERM cuts what is still open at the deadline and ends with code 0", async (context) => {
    const site = await openSite(context);
    const server = await site.start({ environment: { CYLESTIO_SHUTDOWN_TIMEOUT_MS: "100" } });
    const endless = await beginPost(server, "{}");
    const failed = endless.answer.catch((error: unknown) => error);

    server.kill("SIGTERM");

    expect(await failed).toBeInstanceOf(Error);
    expect(await server.exited).toEqual({ code: 0, signal: null, stderr: "" });
  });

  test("a second signal ends a server at once that waits for a request, with code 1", async (context) => {
    const site = await openSite(context);
    const server = await site.start({ environment: { CYLESTIO_SHUTDOWN_TIMEOUT_MS: neverMs } });
    const endless = await beginPost(server, "{}");
    const failed = endless.answer.catch((error: unknown) => error);

    server.kill("SIGTERM");
    await server.logged("stopping");
    server.kill("SIGINT");

    expect(await server.exited).toEqual({ code: 1, signal: null, stderr: "" });
    expect(await failed).toBeInstanceOf(Error);
  });

  test("SIGTERM during the start ends the process, and the next start succeeds", async (context) => {
    const site = await openSite(context);
    const early = site.spawn();
    // The first sign of life: the database is being made.
    await early.logged("database schema brought up to date");
    early.kill("SIGTERM");

    expect(await early.exited).toEqual({ code: 0, signal: null, stderr: "" });
    const server = await site.start();
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  });
});

/** Sends events one after the other; resolves to what ended it. */
async function sendUntilFailure(client: GrpcJsClient): Promise<unknown> {
  for (let number = 0; ; number++) {
    try {
      await client.call("cylestio.v1.TelemetryService/SendEvent", { event: eventOf(`e${number}`) });
    } catch (error) {
      return error;
    }
  }
}

/** The keys of all of an agent's events. */
async function storedKeys(client: GrpcJsClient, agentId: string): Promise<ReadonlySet<string>> {
  const keys = new Set<string>();
  let token = "";
  do {
    const page = await client.call<{ events: { span_id: string; name: string }[]; next_page_token: string }>(
      "cylestio.v1.EventService/ListEvents",
      { agent_id: agentId, page_size: 1000, page_token: token },
    );
    for (const event of page.events) keys.add(keyOf(event));
    token = page.next_page_token;
  } while (token !== "");
  return keys;
}

function eventOf(name: string): object {
  return { agent_id: "shutdown", name, event_time: { seconds: 1_767_225_600 }, attributes_json: "{}" };
}

function clientOf(site: Site, { port }: ServerProcess): GrpcJsClient {
  const client = new GrpcJsClient(port);
  site.onEnd(() => client.close());
  return client;
}

/** A TCP connection that says nothing. */
async function openSocket(site: Site, { port }: ServerProcess): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port });
  socket.on("error", () => {});
  site.onEnd(() => {
    socket.destroy();
  });
  await once(socket, "connect");
  return socket.resume();
}

/** Makes one HTTP/1.1 request and keeps its connection open. */
async function keepHttp1Open(site: Site, { url }: ServerProcess): Promise<void> {
  const agent = new Agent({ keepAlive: true });
  site.onEnd(() => agent.destroy());
  const sent = request(`${url}/healthz`, { agent });
  sent.on("error", () => {});
  const [response]: IncomingMessage[] = await once(sent.end(), "response");
  if (response !== undefined) await text(response);
}

/** An HTTP/2 session, established. */
async function openHttp2(site: Site, { url }: ServerProcess) {
  const session = connectHttp2(url);
  session.on("error", () => {});
  site.onEnd(() => session.destroy());
  await once(session, "remoteSettings");
  return session;
}

/** Begins to send an event, until the server has seen that, and leaves the last byte for `finish`. */
async function beginPost({ url }: ServerProcess, body: string) {
  const headers = {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    expect: "100-continue",
  };
  const sent = request(`${url}/api/v1/telemetry`, { method: "POST", headers, agent: false });
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    sent.on("response", resolve).on("error", reject);
  });
  sent.flushHeaders();
  await once(sent, "continue");
  sent.write(body.slice(0, -1));
  return { answer, finish: () => sent.end(body.slice(-1)) };
}
