import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { onTestFinished } from "vitest";
import { AttributesFormat } from "../gen/cylestio/v1/event_pb.ts";
import { EventService } from "../gen/cylestio/v1/event_service_pb.ts";
import { openEventStream } from "./server-sent-events.ts";

/** What a watcher of any protocol is told, as far as it is the same: a sequence, or null in a sign of life. */
export interface Told {
  readonly sequence: number | null;
  readonly cursor: string;
}

/** An open watch. It ends with the test. */
export interface OpenWatch {
  next(): Promise<Told>;
  /** Breaks off its connection. */
  kill(): void;
}

export interface WatchOptions {
  readonly cursor?: string;
  readonly agentId?: string;
}

/** Opens a watch. Over Connect and gRPC it begins when the first message is asked for. */
export type OpenWatchOver = (url: string, options?: WatchOptions) => Promise<OpenWatch>;

/** Three quite different ways to watch. */
export const watchesOver = {
  gRPC: async (url, options = {}) => {
    const sessionManager = new Http2SessionManager(url);
    onTestFinished(() => sessionManager.abort());
    const transport = createGrpcTransport({ baseUrl: url, sessionManager });
    return overConnect(transport, options, () => sessionManager.abort(new Error("killed")));
  },
  "Connect JSON, HTTP/1.1": async (url, options = {}) => {
    const controller = new AbortController();
    onTestFinished(() => controller.abort());
    const transport = createConnectTransport({ baseUrl: url, httpVersion: "1.1", useBinaryFormat: false });
    return overConnect(transport, { ...options, signal: controller.signal }, () => controller.abort());
  },
  "server-sent events": async (url, { cursor = "", agentId = "" } = {}) => {
    const query = new URLSearchParams({ agent_id: agentId });
    const headers: Record<string, string> = cursor === "" ? {} : { "last-event-id": cursor };
    const { next, lastId, destroy } = await openEventStream(`${url}/api/v1/events/watch?${query}`, headers);
    return {
      async next() {
        const { type, data } = await next();
        if (type !== "message") throw new Error(`the stream says ${type}: ${data}`);
        return { sequence: data === null ? null : Number(JSON.parse(data).id), cursor: lastId() };
      },
      kill: destroy,
    };
  },
} as const satisfies Readonly<Record<string, OpenWatchOver>>;

function overConnect(
  transport: Parameters<typeof createClient>[1],
  { cursor = "", agentId = "", signal }: WatchOptions & { readonly signal?: AbortSignal },
  kill: () => void,
): OpenWatch {
  const request = { cursor, agentId, attributesFormat: AttributesFormat.JSON };
  const options = signal === undefined ? {} : { signal };
  const messages = createClient(EventService, transport).watchEvents(request, options)[Symbol.asyncIterator]();
  return {
    async next() {
      const { done, value } = await messages.next();
      if (done === true) throw new Error("the watch ended");
      const { event, cursor } = value;
      return { sequence: event === undefined ? null : Number(event.sequence), cursor };
    },
    kill,
  };
}

/** Somebody who watches, loses the connection, and goes on after what was taken last. */
export class Follower {
  readonly sequences: number[] = [];
  readonly #open: OpenWatchOver;
  readonly #agentId: string;
  #watch: OpenWatch | undefined;
  #cursor = "";

  constructor(open: OpenWatchOver, agentId = "") {
    this.#open = open;
    this.#agentId = agentId;
  }

  /** Begins, or goes on, at this address: the server is there when this resolves. */
  async follow(url: string): Promise<void> {
    this.#watch = await this.#open(url, { cursor: this.#cursor, agentId: this.#agentId });
    await this.takeOne();
  }

  async takeOne(): Promise<void> {
    if (this.#watch === undefined) throw new Error("follow comes first");
    const { sequence, cursor } = await this.#watch.next();
    this.#cursor = cursor;
    if (sequence !== null) this.sequences.push(sequence);
  }

  /** Takes events until there are so many in all. */
  async takeUpTo(count: number): Promise<void> {
    while (this.sequences.length < count) await this.takeOne();
  }

  lose(): void {
    this.#watch?.kill();
  }
}
