import type { MessageInitShape } from "@bufbuild/protobuf";
import * as fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { AttributesFormat } from "../../gen/cylestio/v1/event_pb.ts";
import type { WatchEventsRequestSchema } from "../../gen/cylestio/v1/event_service_pb.ts";
import { startServer } from "../running-server.ts";
import { openEventStream } from "../server-sent-events.ts";
import { Follower, type OpenWatch, watchesOver } from "../watching.ts";
import { type Clients, callError, createClients, grpcClients, protocols } from "./clients.ts";
import { getJson, restError, send, sendJson } from "./http.ts";

const watchPath = "/api/v1/events/watch";

let sent = 0;

/** Stores events of an agent in one batch. */
async function store(url: string, agentId: string, count: number): Promise<void> {
  const events = Array.from({ length: count }, () => {
    sent += 1;
    const timestamp = new Date(Date.UTC(2026, 0, 15) + sent).toISOString();
    return { timestamp, agent_id: agentId, name: `event ${sent}`, attributes: { number: sent } };
  });
  expect((await sendJson(url, "/v1/telemetry/batch", events)).status).toBe(201);
}

/** A watch over one of the RPC protocols, until the test ends. */
function openWatch({ events }: Clients, request: MessageInitShape<typeof WatchEventsRequestSchema>) {
  const controller = new AbortController();
  onTestFinished(() => controller.abort());
  const messages = events.watchEvents(request, { signal: controller.signal })[Symbol.asyncIterator]();
  const next = async () => {
    const { done, value } = await messages.next();
    if (done === true) throw new Error("the watch ended");
    return value;
  };
  return { next, end: () => controller.abort() };
}

describe("a watch", () => {
  const streaming = protocols.filter(({ name }) => !name.includes("GET"));

  test.for(streaming)(
    "over $name says first that it began, then what is stored, as it is read elsewhere",
    async (protocol) => {
      const { url } = await startServer({ environment: { CYLESTIO_DURABILITY: "normal" } });
      const clients = createClients(protocol, url);
      const early = openWatch(clients, { agentId: "agent" });
      const beginning = await early.next();
      expect(beginning.event).toBeUndefined();
      early.end();
      await store(url, "agent", 2);
      await store(url, "other", 1);
      await store(url, "agent", 1);

      const watch = openWatch(clients, { agentId: "agent", cursor: beginning.cursor });
      expect(await watch.next()).toMatchObject({ cursor: beginning.cursor });
      const replayed = [await watch.next(), await watch.next(), await watch.next()];
      await store(url, "agent", 1);
      const live = await watch.next();

      const { events } = await clients.events.listEvents({ agentId: "agent", sort: "asc" });
      expect([...replayed, live].map(({ event }) => event)).toEqual(events);
      expect(new Set([beginning, ...replayed, live].map(({ cursor }) => cursor)).size).toBe(5);
      const asText = openWatch(clients, {
        agentId: "agent",
        cursor: live.cursor,
        attributesFormat: AttributesFormat.JSON,
      });
      await asText.next();
      await store(url, "agent", 1);
      expect((await asText.next()).event?.attributesValue).toMatchObject({ case: "attributesJson" });
    },
  );

  test("over REST is a stream of server-sent events, with the JSON of lists, resumed by Last-Event-ID or cursor", async () => {
    const { url } = await startServer();
    const stream = await openEventStream(`${url}${watchPath}?agent_id=agent`);
    expect(stream.response.headers).toMatchObject({
      "cache-control": "no-store",
      "x-request-id": expect.any(String),
    });
    expect(await stream.next()).toMatchObject({ data: null });
    const beginning = stream.lastId();
    await store(url, "other", 1);
    await store(url, "agent", 3);
    const events = await stream.data(3);
    expect(events).toEqual(await getJson(url, "/api/events?agent_id=agent&sort=asc"));
    const ofQuery = await openEventStream(`${url}${watchPath}?agent_id=agent&cursor=${beginning}`);
    expect(await ofQuery.data(3)).toEqual(events);
    const headers = { "last-event-id": stream.lastId() };
    const ofHeader = await openEventStream(`${url}${watchPath}/?agent_id=agent&cursor=${beginning}`, headers);
    await ofHeader.next();
    await store(url, "agent", 1);
    expect(await ofHeader.data(1)).toEqual([expect.objectContaining({ event_type: `event ${sent}` })]);
    // A cursor holds whatever the protocol.
    const overGrpc = openWatch(grpcClients(url), { agentId: "agent", cursor: beginning });
    await overGrpc.next();
    expect(Number((await overGrpc.next()).event?.sequence)).toBe(2);
  });

  test.for(Object.entries(watchesOver))(
    "over %s gives each event once and in order, wherever its connection is lost, while four writers write",
    { timeout: 60_000 },
    async ([, open]) => {
      const { url } = await startServer({ environment: { CYLESTIO_DURABILITY: "normal" } });
      let before = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 4 }),
          fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 8, maxLength: 16 }),
          async (losses, batches) => {
            const count = batches.reduce((sum, size) => sum + size, 0);
            const follower = new Follower(open);
            await follower.follow(url);
            const queue = [...batches];
            const writing = Array.from({ length: 4 }, async (_, writer) => {
              for (let size = queue.pop(); size !== undefined; size = queue.pop()) await store(url, `w${writer}`, size);
            });
            for (const taken of losses) {
              await follower.takeUpTo(Math.min(count, follower.sequences.length + taken));
              follower.lose();
              await follower.follow(url);
            }
            await follower.takeUpTo(count);
            await Promise.all(writing);
            follower.lose();
            expect(follower.sequences).toEqual(Array.from({ length: count }, (_, index) => before + index + 1));
            before += count;
          },
        ),
        { numRuns: 5, endOnFailure: true },
      );
    },
  );
});

describe("a watch is refused", () => {
  test("with a cursor of another filter, over every protocol", async () => {
    const { url } = await startServer();
    const { cursor } = await openWatch(grpcClients(url), { agentId: "a" }).next();
    const refusal = { code: "invalid_argument", fields: ["cursor CURSOR_INVALID"], reasons: ["CURSOR_INVALID"] };
    for (const protocol of protocols) {
      const error = await callError(openWatch(createClients(protocol, url), { agentId: "b", cursor }).next());
      expect({ protocol: protocol.name, ...error }).toMatchObject({ protocol: protocol.name, ...refusal });
    }
    expect(restError(await send(url, `${watchPath}?cursor=${cursor}`))).toMatchObject({ status: 400, ...refusal });
    expect(restError(await send(url, watchPath, { headers: { "last-event-id": "x" } }))).toMatchObject(refusal);
  });

  test("where as many watch as are allowed, until one of them is gone", async () => {
    const { url } = await startServer({ environment: { CYLESTIO_WATCH_MAX_WATCHERS: "3" } });
    const over = Object.values(watchesOver);
    const watches = await Promise.all(over.map((open) => open(url)));
    for (const watch of watches) await watch.next();
    const refusal = { code: "resource_exhausted", reasons: ["TOO_MANY_WATCHERS"], hasRetryInfo: true };
    for (const protocol of protocols) {
      const error = await callError(openWatch(createClients(protocol, url), {}).next());
      expect({ protocol: protocol.name, ...error }).toMatchObject({ protocol: protocol.name, ...refusal });
    }
    const reply = await send(url, watchPath);
    expect(restError(reply)).toMatchObject({ status: 429, ...refusal });
    expect(reply.headers.get("retry-after")).toBe("1");
    for (const [index, watch] of watches.entries()) {
      watch.kill();
      const open = over[index];
      if (open !== undefined) await untilBegun(() => open(url));
      expect((await send(url, watchPath)).status).toBe(429);
    }
  });
});

/** Tries to watch until there is a place: the server learns by the network that somebody left. */
async function untilBegun(open: () => Promise<OpenWatch>): Promise<void> {
  for (;;) {
    try {
      await (await open()).next();
      return;
    } catch {
      // All places are still taken; else the test runs into its time limit.
    }
  }
}

describe("pages of other origins", () => {
  test("may send Last-Event-ID where they may call at all", async () => {
    const origin = "http://localhost:3000";
    const { url } = await startServer({ environment: { CYLESTIO_CORS_ORIGINS: origin } });
    const headers = {
      origin,
      "access-control-request-method": "GET",
      "access-control-request-headers": "last-event-id",
    };
    const reply = await send(url, watchPath, { method: "OPTIONS", headers });
    expect(reply.headers.get("access-control-allow-headers")).toMatch(/\blast-event-id\b/);
    expect(reply.headers.get("access-control-allow-origin")).toBe(origin);
  });
});
