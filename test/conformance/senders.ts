import { create, type JsonObject, toJson } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { type EventInput, EventInputSchema } from "../../gen/cylestio/v1/event_pb.ts";
import type { Receipt } from "../../gen/cylestio/v1/receipt_pb.ts";
import { SendEventsRequestSchema, TelemetryService } from "../../gen/cylestio/v1/telemetry_service_pb.ts";
import { parseBody, sendJson } from "./http.ts";

/** An event of a sample file, as its client sent it. */
export type SampleEvent = Readonly<Record<string, unknown>>;

/** How many events a server took, had already, and refused. */
export interface Tally {
  readonly accepted: number;
  readonly duplicate: number;
  readonly rejected: number;
}

/** One way to send events. */
export interface Sender {
  readonly name: string;
  /** Sends the events in their order to the server at `url`, and adds up what it says became of them. */
  send(url: string, events: readonly SampleEvent[]): Promise<Tally>;
}

/** Which of the two fields for attributes a message uses. */
export type AttributesField = "attributes" | "attributes_json";

/** The message for an event of a sample file, in any of the formats of the Cylestio SDKs. */
export function eventInputFromSample(sample: SampleEvent, field: AttributesField): EventInput {
  const { timestamp, agent_id, event_type, name, level, session_id, trace_id, span_id, parent_span_id, ...more } =
    sample;
  const { channel, direction, schema_version, caller, data, attributes, ...extensions } = more;
  // The samples are JSON, and both members are objects in every one of them.
  const facts = (attributes ?? data ?? {}) as JsonObject;
  const { file, line, function: functionName } = (caller ?? {}) as Readonly<Record<string, unknown>>;
  return create(EventInputSchema, {
    eventTime: timestampFrom(String(timestamp)),
    agentId: String(agent_id),
    name: String(name ?? event_type),
    level: textOf(level),
    sessionId: textOf(session_id),
    traceId: textOf(trace_id),
    spanId: textOf(span_id),
    parentSpanId: textOf(parent_span_id),
    channel: textOf(channel),
    direction: textOf(direction),
    schemaVersion: textOf(schema_version),
    callerFile: textOf(file),
    callerLine: typeof line === "number" ? line : undefined,
    callerFunction: textOf(functionName),
    attributesValue:
      field === "attributes"
        ? { case: "attributes", value: facts }
        : { case: "attributesJson", value: JSON.stringify(facts) },
    extensionsJson: Object.keys(extensions).length === 0 ? undefined : JSON.stringify(extensions),
  });
}

/** Every way to send events. The first is the one that the existing SDK uses. */
export const senders: readonly Sender[] = [
  { name: "REST, an event per POST or PUT, on every path in turn", send: sendBySinglePosts },
  { name: "REST, batches as bare arrays", send: sendByRestBatches("/api/v1/telemetry/batch", (events) => events) },
  { name: 'REST, batches as {"events"}', send: sendByRestBatches("/v1/telemetry/batch/", (events) => ({ events })) },
  ...(["attributes", "attributes_json"] as const).flatMap((field) => sendersOfMessages(field)),
];

/** A receipt as REST shows it. */
export interface RestReceipt {
  readonly accepted_count: number;
  readonly duplicate_count: number;
  readonly rejected_count: number;
  readonly rejections: readonly {
    readonly index: number;
    readonly field: string;
    readonly reason: string;
    readonly message: string;
  }[];
}

/** Events per message; odd, so that the last one is smaller. */
const batchSize = 7;

const singlePaths = [
  "/api/v1/telemetry",
  "/api/v1/telemetry/",
  "/v1/telemetry",
  "/v1/telemetry/",
  "/",
  "/v1/telemetry/v1/telemetry",
  "/v1/telemetry/v1/telemetry/",
];

async function sendBySinglePosts(url: string, events: readonly SampleEvent[]): Promise<Tally> {
  const tally = new RunningTally();
  for (const [index, event] of events.entries()) {
    const path = singlePaths[index % singlePaths.length] ?? "/";
    const reply = await sendJson(url, path, event, { method: index % 2 === 0 ? "POST" : "PUT" });
    const expectedStatus = path.startsWith("/v1/") ? 201 : 202;
    if (reply.status !== expectedStatus) throw new Error(`${path} answered ${reply.status}: ${reply.text}`);
    tally.addSingle(parseBody<{ readonly duplicate: boolean }>(reply));
  }
  return tally;
}

function sendByRestBatches(path: string, wrap: (events: readonly SampleEvent[]) => unknown): Sender["send"] {
  return async (url, events) => {
    const tally = new RunningTally();
    for (const batch of batchesOf(events)) {
      const reply = await sendJson(url, path, wrap(batch));
      const expectedStatus = path.startsWith("/v1/") ? 201 : 202;
      if (reply.status !== expectedStatus) throw new Error(`${path} answered ${reply.status}: ${reply.text}`);
      const receipt = parseBody<RestReceipt>(reply);
      tally.addReceipt({
        acceptedCount: receipt.accepted_count,
        duplicateCount: receipt.duplicate_count,
        rejectedCount: receipt.rejected_count,
      });
    }
    return tally;
  };
}

function sendersOfMessages(field: AttributesField): readonly Sender[] {
  const by = (sendMessages: SendMessages, createTransport: CreateTransport): Sender["send"] => {
    return (url, samples) =>
      sendMessages(
        createTransport(url),
        samples.map((sample) => eventInputFromSample(sample, field)),
      );
  };
  const ways: Readonly<Record<string, Sender["send"]>> = {
    "Connect JSON batches": sendByConnectJson(field),
    "Connect binary batches": by(sendByBatches, connectOverHttp1),
    "Connect bidirectional stream": by(sendByStream, connectOverHttp2),
    "gRPC-Web batches": by(sendByBatches, grpcWeb),
    "gRPC batches": by(sendByBatches, grpc),
    "gRPC single events": by(sendBySingleCalls, grpc),
    "gRPC bidirectional stream": by(sendByStream, grpc),
  };
  return Object.entries(ways).map(([way, send]) => ({ name: `${way}, ${field}`, send }));
}

type CreateTransport = (baseUrl: string) => Transport;
type SendMessages = (transport: Transport, events: readonly EventInput[]) => Promise<Tally>;

function connectOverHttp1(baseUrl: string): Transport {
  return createConnectTransport({ baseUrl, httpVersion: "1.1" });
}

function connectOverHttp2(baseUrl: string): Transport {
  return createConnectTransport({ baseUrl, httpVersion: "2" });
}

function grpcWeb(baseUrl: string): Transport {
  return createGrpcWebTransport({ baseUrl, httpVersion: "1.1" });
}

function grpc(baseUrl: string): Transport {
  return createGrpcTransport({ baseUrl });
}

function sendByConnectJson(field: AttributesField): Sender["send"] {
  return async (url, samples) => {
    const tally = new RunningTally();
    for (const batch of batchesOf(samples)) {
      const events = batch.map((sample) => eventInputFromSample(sample, field));
      const body = toJson(SendEventsRequestSchema, create(SendEventsRequestSchema, { events }));
      const reply = await sendJson(url, "/cylestio.v1.TelemetryService/SendEvents", body);
      if (reply.status !== 200) throw new Error(`Connect answered ${reply.status}: ${reply.text}`);
      const { receipt } = parseBody<{ readonly receipt: Partial<Receipt> }>(reply);
      tally.addReceipt({ acceptedCount: 0, duplicateCount: 0, rejectedCount: 0, ...receipt });
    }
    return tally;
  };
}

async function sendByBatches(transport: Transport, events: readonly EventInput[]): Promise<Tally> {
  const client = createClient(TelemetryService, transport);
  const tally = new RunningTally();
  for (const batch of batchesOf(events)) {
    const { receipt } = await client.sendEvents({ events: [...batch] });
    tally.addReceipt(receipt);
  }
  return tally;
}

async function sendBySingleCalls(transport: Transport, events: readonly EventInput[]): Promise<Tally> {
  const client = createClient(TelemetryService, transport);
  const tally = new RunningTally();
  for (const event of events) tally.addSingle(await client.sendEvent({ event }));
  return tally;
}

async function sendByStream(transport: Transport, events: readonly EventInput[]): Promise<Tally> {
  const batches = batchesOf(events).map((batch, index) => ({ batchNumber: BigInt(index), events: [...batch] }));
  async function* requests() {
    yield* batches;
  }
  const tally = new RunningTally();
  let next = 0n;
  for await (const { batchNumber, receipt } of createClient(TelemetryService, transport).streamEvents(requests())) {
    if (batchNumber !== next) throw new Error(`answer ${batchNumber} came in the place of ${next}`);
    next += 1n;
    tally.addReceipt(receipt);
  }
  if (next !== BigInt(batches.length)) throw new Error(`${next} answers for ${batches.length} batches`);
  return tally;
}

class RunningTally implements Tally {
  accepted = 0;
  duplicate = 0;
  rejected = 0;

  addSingle({ duplicate }: { readonly duplicate: boolean }): void {
    this[duplicate ? "duplicate" : "accepted"] += 1;
  }

  addReceipt(receipt: Pick<Receipt, "acceptedCount" | "duplicateCount" | "rejectedCount"> | undefined): void {
    if (receipt === undefined) throw new Error("an answer has no receipt");
    this.accepted += receipt.acceptedCount;
    this.duplicate += receipt.duplicateCount;
    this.rejected += receipt.rejectedCount;
  }
}

function batchesOf<Item>(items: readonly Item[]): readonly (readonly Item[])[] {
  return Array.from({ length: Math.ceil(items.length / batchSize) }, (_, index) =>
    items.slice(index * batchSize, (index + 1) * batchSize),
  );
}

/** Null, as the v1 format sends it, is absent. */
function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** The samples' times are UTC, with six digits of fraction, and with or without a Z. */
function timestampFrom(text: string): Timestamp {
  const [, seconds = "", micros = ""] = /^(.{19})\.(\d{6})Z?$/.exec(text) ?? [];
  return create(TimestampSchema, { seconds: BigInt(Date.parse(`${seconds}Z`) / 1000), nanos: Number(micros) * 1000 });
}
