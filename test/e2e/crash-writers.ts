import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { TelemetryService } from "../../gen/cylestio/v1/telemetry_service_pb.ts";

/** An event as a REST client sends it. */
export interface SentEvent {
  readonly event_id?: string;
  readonly timestamp: string;
  readonly agent_id: string;
  readonly session_id: string;
  readonly name: string;
  readonly span_id: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** What tells the events of one agent apart. */
export function keyOf({ span_id, name }: Pick<SentEvent, "span_id" | "name">): string {
  return `${span_id} ${name}`;
}

/** What was sent as one agent, and what of it was acknowledged. */
export class SentLedger {
  readonly agentId: string;
  readonly sent: SentEvent[] = [];
  readonly acknowledged = new Set<string>();
  /** Resolves with the first acknowledgement. */
  readonly firstAcknowledged: Promise<void>;
  readonly #first = Promise.withResolvers<void>();

  constructor(agentId: string) {
    this.agentId = agentId;
    this.firstAcknowledged = this.#first.promise;
  }

  /** Makes the next events of a writer. They count as sent. Two make one LLM call; some have an id of the client's. */
  make(writer: string, count: number): readonly SentEvent[] {
    const events = Array.from({ length: count }, (_, index) => this.#make(writer, this.sent.length + index));
    this.sent.push(...events);
    return events;
  }

  /** The server acknowledged these events. */
  acknowledge(events: readonly SentEvent[]): void {
    for (const event of events) this.acknowledged.add(keyOf(event));
    this.#first.resolve();
  }

  #make(writer: string, number: number): SentEvent {
    const name = number % 2 === 0 ? "llm.call.start" : "llm.call.finish";
    const span = `${writer}.${number - (number % 2)}`;
    return {
      ...(number % 3 === 0 ? { event_id: `${span} ${name}` } : {}),
      timestamp: new Date(baseMs + number).toISOString(),
      agent_id: this.agentId,
      session_id: writer,
      name,
      span_id: span,
      attributes: { number, text: "x".repeat(200) },
    };
  }
}

const baseMs = Date.UTC(2026, 0, 15);

/** Sends events one after the other, or batch after batch, each when the one before is acknowledged, until it fails. */
export type Writer = (url: string, ledger: SentLedger) => Promise<never>;

/** One writer for every way in. */
export const writers: Readonly<Record<string, Writer>> = {
  async restSingle(url, ledger) {
    for (;;) {
      const events = ledger.make("restSingle", 1);
      await post(`${url}/v1/telemetry`, events[0]);
      ledger.acknowledge(events);
    }
  },
  async restBatch(url, ledger) {
    for (;;) {
      const events = ledger.make("restBatch", 10);
      assertAllAccepted(await post(`${url}/api/v1/telemetry/batch`, events), events.length);
      ledger.acknowledge(events);
    }
  },
  async grpcBatch(url, ledger) {
    const client = createClient(TelemetryService, createGrpcTransport({ baseUrl: url }));
    for (;;) {
      const events = ledger.make("grpcBatch", 10);
      const { receipt } = await client.sendEvents({ events: events.map(inputOf) });
      assertAllAccepted({ accepted_count: receipt?.acceptedCount }, events.length);
      ledger.acknowledge(events);
    }
  },
  async grpcStream(url, ledger) {
    const client = createClient(TelemetryService, createGrpcTransport({ baseUrl: url }));
    const unanswered: (readonly SentEvent[])[] = [];
    let answered = Promise.withResolvers<void>();
    async function* batches() {
      for (let batch = 0n; ; batch++) {
        while (unanswered.length >= unansweredMax) await answered.promise;
        const events = ledger.make("grpcStream", 10);
        unanswered.push(events);
        yield { batchNumber: batch, events: events.map(inputOf) };
      }
    }
    for await (const { receipt } of client.streamEvents(batches())) {
      const events = unanswered.shift() ?? [];
      assertAllAccepted({ accepted_count: receipt?.acceptedCount }, events.length);
      ledger.acknowledge(events);
      answered.resolve();
      answered = Promise.withResolvers();
    }
    throw new Error("the stream ended without an error");
  },
};

/** Batches that a stream may be ahead of its receipts. */
const unansweredMax = 3;

/** Posts JSON. Rejects unless the answer is a success. */
export async function post(url: string, body: unknown): Promise<unknown> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  const answer: unknown = await response.json();
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${JSON.stringify(answer)}`);
  return answer;
}

function assertAllAccepted(receipt: unknown, count: number): void {
  const isAll = typeof receipt === "object" && receipt !== null && "accepted_count" in receipt;
  if (!isAll || receipt.accepted_count !== count) throw new Error(`not all accepted: ${JSON.stringify(receipt)}`);
}

function inputOf(event: SentEvent) {
  return {
    eventTime: timestampFromMs(Date.parse(event.timestamp)),
    agentId: event.agent_id,
    sessionId: event.session_id,
    name: event.name,
    spanId: event.span_id,
    attributesValue: { case: "attributesJson" as const, value: JSON.stringify(event.attributes) },
    ...(event.event_id === undefined ? {} : { eventId: event.event_id }),
  };
}
