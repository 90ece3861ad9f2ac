import { once } from "node:events";
import { request } from "node:http";
import { type ClientHttp2Stream, connect, constants } from "node:http2";
import type { Readable } from "node:stream";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { describe, expect, onTestFinished, test } from "vitest";
import { EventService } from "../../gen/cylestio/v1/event_service_pb.ts";
import { callError } from "../conformance/clients.ts";
import { sendJson } from "../conformance/http.ts";
import { startServer } from "../running-server.ts";
import { openEventStream, parseEvents, type ServerSentEvent } from "../server-sent-events.ts";

const watchPath = "/api/v1/events/watch";

/** Stores events with attributes of some size, batch after batch. */
async function store(url: string, count: number, bytes: number): Promise<void> {
  const text = "x".repeat(bytes);
  const perBatch = Math.min(300, Math.floor(8_000_000 / (bytes + 200)));
  for (let from = 0; from < count; from += perBatch) {
    const events = Array.from({ length: Math.min(perBatch, count - from) }, (_, index) => ({
      timestamp: new Date(Date.UTC(2026, 0, 15) + from + index).toISOString(),
      agent_id: "agent",
      name: "e",
      attributes: { text },
    }));
    expect((await sendJson(url, "/v1/telemetry/batch", events)).status).toBe(201);
  }
}

/** A stream of server-sent events over HTTP/2 of which next to nothing is taken before it is resumed. */
async function openStalledHttp2(url: string): Promise<ClientHttp2Stream> {
  const session = connect(url, { settings: { initialWindowSize: 1024 } });
  onTestFinished(() => session.destroy());
  const stream = session.request({ ":path": watchPath });
  stream.on("error", () => undefined);
  await once(stream, "response");
  return stream;
}

/** The same over HTTP/1.1, where the operating systems of both sides take some megabytes. */
async function openStalledHttp1(url: string): Promise<Readable> {
  const sent = request(`${url}${watchPath}`, { agent: false }).end();
  onTestFinished(() => void sent.destroy());
  const [response] = await once(sent, "response");
  sent.on("error", () => undefined);
  return response;
}

/** All that a stream says, and how it ended. */
async function readAll(stream: Readable) {
  const events: ServerSentEvent[] = [];
  try {
    for await (const event of parseEvents(stream)) events.push(event);
  } catch {
    return { events, isWhole: false };
  }
  return { events, isWhole: true };
}

const sequencesOf = (events: readonly ServerSentEvent[]) =>
  events.flatMap(({ type, data }) => (type === "message" && data !== null ? [Number(JSON.parse(data).id)] : []));
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe("a watcher that takes nothing while more is stored than it may fall behind", () => {
  const environment = { CYLESTIO_WATCH_MAX_LAG_EVENTS: "1000", CYLESTIO_DURABILITY: "normal" };

  test("is told so over gRPC when it reads on, and goes on with the cursor of the error", async () => {
    const { url } = await startServer({ environment });
    const client = createClient(EventService, createGrpcTransport({ baseUrl: url }));
    const slow = client.watchEvents({})[Symbol.asyncIterator]();
    await slow.next();
    // Far more than the client's own buffers take.
    const count = 3_000;
    await store(url, count, 1_000);
    const seen: number[] = [];
    let cursor = "";
    const error = await callError(
      (async () => {
        for (let next = await slow.next(); next.done !== true; next = await slow.next()) {
          seen.push(Number(next.value.event?.sequence));
          cursor = next.value.cursor;
        }
      })(),
    );
    expect(error).toMatchObject({
      code: "resource_exhausted",
      reasons: ["WATCHER_TOO_SLOW"],
      hasRetryInfo: true,
      metadata: { cursor },
    });
    expect(seen.length).toBeLessThan(count - 1_000);
    for await (const { event } of client.watchEvents({ cursor })) {
      if (event !== undefined) seen.push(Number(event.sequence));
      if (seen.length === count) break;
    }
    expect(seen).toEqual(numbers(1, count));
  });

  test.for([
    ["HTTP/2", openStalledHttp2, 3_000, 1_000],
    ["HTTP/1.1", openStalledHttp1, 2_000, 20_000],
  ] as const)(
    "is told so in its stream of server-sent events over %s, and goes on with the last id",
    { timeout: 60_000 },
    async ([, openStalled, count, bytes]) => {
      const { url } = await startServer({ environment });
      const stalled = await openStalled(url);
      await store(url, count, bytes);
      const { events, isWhole } = await readAll(stalled);
      expect(isWhole).toBe(true);
      const last = events.at(-1);
      expect(last?.type).toBe("error");
      const { error } = JSON.parse(last?.data ?? "");
      const lastId = events.at(-2)?.id ?? "";
      expect(error).toMatchObject({ code: "resource_exhausted", reason: "WATCHER_TOO_SLOW" });
      expect(error.details[0].metadata).toEqual({ cursor: lastId });
      const seen = sequencesOf(events);
      expect(seen.length).toBeLessThan(count - 1_000);
      const resumed = await openEventStream(`${url}${watchPath}`, { "last-event-id": lastId });
      const rest = await resumed.data<{ readonly id: number }>(count - seen.length);
      expect([...seen, ...rest.map(({ id }) => id)]).toEqual(numbers(1, count));
    },
  );

  test("is not dropped if it had that much before it when it began", async () => {
    const { url } = await startServer({ environment });
    const { cursor } = await beginningOf(url);
    await store(url, 2_500, 100);
    const stream = await openEventStream(`${url}${watchPath}?cursor=${cursor}`);
    expect(await stream.data(2_500)).toHaveLength(2_500);
  });
});

async function beginningOf(url: string): Promise<{ readonly cursor: string }> {
  const stream = await openEventStream(`${url}${watchPath}`);
  await stream.next();
  stream.destroy();
  return { cursor: stream.lastId() };
}

describe("a watcher that takes nothing for too long", () => {
  const environment = { CYLESTIO_WATCH_MAX_WATCHERS: "1", CYLESTIO_WATCH_MAX_STALL_MS: "100" };

  test("loses its HTTP/2 stream, and with it its place", async () => {
    const { url } = await startServer({ environment });
    const stalled = await openStalledHttp2(url);
    const closed = new Promise((resolve) => stalled.on("close", resolve));
    await store(url, 200, 1_000);
    await closed;
    expect(stalled.rstCode).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    const { cursor } = await beginningOf(url);
    expect(cursor).not.toBe("");
  });

  test("loses its HTTP/1.1 connection, and with it its place", { timeout: 60_000 }, async () => {
    const { url } = await startServer({ environment });
    const stalled = await openStalledHttp1(url);
    await store(url, 100, 300_000);
    // Somebody else gets in when the place is free.
    while ((await fetch(`${url}${watchPath}`, { method: "HEAD" })).status !== 200);
    const { events, isWhole } = await readAll(stalled);
    expect(isWhole).toBe(false);
    expect(sequencesOf(events)).toEqual(numbers(1, sequencesOf(events).length));
  });

  test("keeps its place for as long as it likes if there is nothing to take", async () => {
    const { url } = await startServer({ environment });
    const stream = await openEventStream(`${url}${watchPath}`);
    await stream.next();
    // Some times the bound.
    await new Promise((resolve) => setTimeout(resolve, 500));
    await store(url, 1, 10);
    expect(await stream.data(1)).toHaveLength(1);
  });
});

test("a client that goes away in the middle of what it did not take frees its place at once", async () => {
  const { url } = await startServer({ environment: { CYLESTIO_WATCH_MAX_WATCHERS: "1" } });
  for (const openStalled of [openStalledHttp2, openStalledHttp1]) {
    const stalled = await openStalled(url);
    await store(url, 100, 100_000);
    expect((await fetch(`${url}${watchPath}`, { method: "HEAD" })).status).toBe(429);
    stalled.destroy();
    while ((await fetch(`${url}${watchPath}`, { method: "HEAD" })).status !== 200);
  }
});
