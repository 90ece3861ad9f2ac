import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type ClientHttp2Stream, connect as connectHttp2 } from "node:http2";
import process from "node:process";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { describe, expect, test } from "vitest";
import {
  StreamEventsRequestSchema,
  StreamEventsResponseSchema,
  TelemetryService,
} from "../../gen/cylestio/v1/telemetry_service_pb.ts";
import { startServer } from "../running-server.ts";
import { openSite, type ServerProcess, type Site } from "./server-process.ts";
import { expectBalanced, getStatus, healthy } from "./server-status.ts";
import { holdWriteLock } from "./write-lock.ts";

const day = Date.UTC(2026, 0, 15);
const batchEvents = 10;

/** The batch of a number: its own events, the same ones each time. */
function batchOf(batch: number) {
  return {
    batchNumber: BigInt(batch),
    events: Array.from({ length: batchEvents }, (_, index) => ({
      eventTime: timestampFromMs(day + batch * batchEvents + index),
      agentId: "streamer",
      name: "user.message",
      attributesValue: { case: "attributesJson" as const, value: `{"batch":${batch},"index":${index}}` },
    })),
  };
}

async function* batches(from: number, to: number) {
  for (let batch = from; batch < to; batch += 1) yield batchOf(batch);
}

test("the receipts of a stream carry the numbers of its batches, in their order", async () => {
  const { url } = await startServer();
  const client = createClient(TelemetryService, createGrpcTransport({ baseUrl: url }));
  const count = 200;
  const receipts = [];
  for await (const receipt of client.streamEvents(batches(0, count))) receipts.push(receipt);
  expect(receipts.map(({ batchNumber }) => Number(batchNumber))).toEqual(Array.from({ length: count }, (_, n) => n));
  for (const { receipt } of receipts) expect(receipt).toMatchObject({ acceptedCount: batchEvents, duplicateCount: 0 });
  expectBalanced(await getStatus(url), { stored_count: count * batchEvents });
});

test("a client that loses its connection again and again, and resumes after its last receipt, stores everything once", async () => {
  const { url } = await startServer();
  const count = 120;
  let acknowledged = 0;
  let accepted = 0;
  let duplicate = 0;
  let losses = 0;
  while (acknowledged < count) {
    const sessionManager = new Http2SessionManager(url);
    const client = createClient(TelemetryService, createGrpcTransport({ baseUrl: url, sessionManager }));
    const loseAt = acknowledged + 7;
    try {
      for await (const { batchNumber, receipt } of client.streamEvents(batches(acknowledged, count))) {
        expect(Number(batchNumber)).toBe(acknowledged);
        acknowledged += 1;
        accepted += receipt?.acceptedCount ?? 0;
        duplicate += receipt?.duplicateCount ?? 0;
        if (acknowledged === loseAt) sessionManager.abort(new Error("the connection is lost"));
      }
    } catch (error) {
      if (acknowledged < loseAt) throw error;
      losses += 1;
    }
    sessionManager.abort();
  }
  // Receipts that were on their way when a connection was lost still come, so how many losses there are is a matter of luck.
  expect(losses).toBeGreaterThan(3);
  expect(accepted + duplicate).toBe(count * batchEvents);
  // What was in work when a connection was lost is stored without a receipt, perhaps after the next stream has begun.
  const status = await untilBalanced(url);
  expect(status.ingest).toMatchObject({ stored_count: count * batchEvents, rejected_count: 0, refused_count: 0 });
  expect(status.ingest.duplicate_count).toBeGreaterThanOrEqual(duplicate);
  const agent = await (await fetch(`${url}/api/agents/streamer`)).json();
  expect(agent).toMatchObject({ event_count: count * batchEvents });
});

/** The status as soon as nothing is under way. */
async function untilBalanced(url: string) {
  for (;;) {
    const status = await getStatus(url);
    const { received_count, stored_count, duplicate_count, rejected_count, refused_count } = status.ingest;
    if (received_count === stored_count + duplicate_count + rejected_count + refused_count) return status;
  }
}

/** A gRPC message as it goes over the wire. */
function envelope(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** A batch of about a megabyte, half of whose events are refused, so that its receipt is large too. */
function largeBatch(batch: number): Buffer {
  const text = "x".repeat(10_000);
  const events = Array.from({ length: 100 }, (_, index) => ({
    ...(index % 2 === 0 ? { eventTime: timestampFromMs(day + batch * 100 + index) } : {}),
    agentId: "stalled",
    name: "user.message",
    attributesValue: { case: "attributesJson" as const, value: `{"batch":${batch},"index":${index},"text":"${text}"}` },
  }));
  const request = create(StreamEventsRequestSchema, { batchNumber: BigInt(batch), events });
  return envelope(toBinary(StreamEventsRequestSchema, request));
}

/** An HTTP/2 stream whose client takes next to nothing of the answer until it is resumed. */
function openStalled(site: Site, { url }: ServerProcess): ClientHttp2Stream {
  const session = connectHttp2(url, { settings: { initialWindowSize: 1024 } });
  site.onEnd(() => session.destroy());
  const stream = session.request({
    ":method": "POST",
    ":path": "/cylestio.v1.TelemetryService/StreamEvents",
    "content-type": "application/grpc+proto",
    te: "trailers",
  });
  stream.pause();
  return stream;
}

/** The memory of a process, in bytes. */
function memoryOf({ pid }: ServerProcess): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kib) * 1024;
}

async function sendOne({ url }: ServerProcess, number: number): Promise<void> {
  const event = { timestamp: new Date(day + number).toISOString(), agent_id: "other", name: "e", attributes: {} };
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${url}/v1/telemetry`, { method: "POST", headers, body: JSON.stringify(event) });
  expect(response.status).toBe(201);
}

/** How much more memory a server may take that stalled clients try to fill, in bytes: once, and for each of them. */
const growthMaxBytes = 150 * 1024 * 1024;
const growthPerClientMaxBytes = 24 * 1024 * 1024;

/** Sends batches of numbers of its own, without reading receipts, for as long as the server takes them. */
function flood(stream: ClientHttp2Stream, firstBatch: number) {
  const batchesMax = 500;
  const sender = { written: 0 };
  const write = (): void => {
    while (sender.written < batchesMax && stream.write(largeBatch(firstBatch + sender.written++))) {
      // On to the next one.
    }
  };
  stream.on("drain", write);
  write();
  return {
    written: () => sender.written,
    async receipts() {
      stream.off("drain", write);
      stream.end();
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.resume();
      await once(stream, "end");
      return messagesOf(Buffer.concat(chunks)).map((bytes) => fromBinary(StreamEventsResponseSchema, bytes));
    },
  };
}

test.skipIf(process.platform !== "linux").for([1, 12])(
  "%s clients that send without reading their receipts are held up, while another one is served; nothing is lost",
  { timeout: 60_000 },
  async (clientCount, context) => {
    const site = await openSite(context);
    const server = await site.start();
    let number = 0;
    for (; number < 50; number += 1) await sendOne(server, number);
    const memoryBefore = memoryOf(server);
    const clients = Array.from({ length: clientCount }, (_, client) => flood(openStalled(site, server), client * 1000));
    const writtenByAll = () => clients.reduce((sum, { written }) => sum + written(), 0);

    // Held up: many calls of another client later, the streams have not got on.
    let last = -1;
    while (last !== writtenByAll()) {
      last = writtenByAll();
      for (let call = 0; call < 60; call += 1) await sendOne(server, number++);
    }

    expect(memoryOf(server) - memoryBefore).toBeLessThan(growthMaxBytes + clientCount * growthPerClientMaxBytes);
    for (const [client, { written, receipts }] of clients.entries()) {
      expect(written()).toBeLessThan(60);
      const received = await receipts();
      expect(received.map(({ batchNumber }) => Number(batchNumber))).toEqual(
        Array.from({ length: written() }, (_, n) => client * 1000 + n),
      );
      for (const { receipt } of received) expect(receipt).toMatchObject({ acceptedCount: 50, rejectedCount: 50 });
    }
    const status = await getStatus(server.url);
    expect(status).toMatchObject(healthy);
    expectBalanced(status, { stored_count: number + writtenByAll() * 50, rejected_count: writtenByAll() * 50 });
  },
);

function messagesOf(bytes: Buffer): readonly Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    messages.push(bytes.subarray(at + 5, end));
    at = end;
  }
  return messages;
}

describe("the window of a stream", () => {
  test.for([1, 3])("of %s batches is all that the server works on at a time", async (window, context) => {
    const site = await openSite(context);
    const server = await site.start({ environment: { CYLESTIO_STREAM_WINDOW_BATCHES: String(window) } });
    const client = createClient(TelemetryService, createGrpcTransport({ baseUrl: server.url }));
    const release = await holdWriteLock(site);
    const count = 40;
    const streamed = (async () => {
      const numbers: number[] = [];
      for await (const { batchNumber } of client.streamEvents(batches(0, count))) numbers.push(Number(batchNumber));
      return numbers;
    })();
    const received = async () => (await getStatus(server.url)).ingest.received_count;
    while ((await received()) < window * batchEvents);
    for (let look = 0; look < 50; look += 1) expect(await received()).toBe(window * batchEvents);
    await release();
    expect(await streamed).toEqual(Array.from({ length: count }, (_, number) => number));
    expectBalanced(await getStatus(server.url), { stored_count: count * batchEvents });
  });
});
