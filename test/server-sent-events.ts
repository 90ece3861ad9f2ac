import { type IncomingMessage, request } from "node:http";
import type { Readable } from "node:stream";
import { onTestFinished } from "vitest";

/** An event, or a part of a stream that has an id at most. */
export interface ServerSentEvent {
  /** `message` where the stream names none. */
  readonly type: string;
  readonly id: string | null;
  /** Null where there is none: then browsers only take notice of the id. */
  readonly data: string | null;
}

/** An open stream of server-sent events. It is closed when the test ends. */
export interface EventStream {
  readonly response: IncomingMessage;
  /** The parts of the stream, to its end. Rejects if it breaks off. */
  readonly events: AsyncGenerator<ServerSentEvent>;
  /** The next part. It must come. */
  next(): Promise<ServerSentEvent>;
  /** The JSON of the next events, as many as asked for. */
  data<Data>(count: number): Promise<readonly Data[]>;
  /** The last id that came. */
  readonly lastId: () => string;
  /** Breaks off the connection. */
  destroy(): void;
}

/** Opens a stream over HTTP/1.1 and without any library for it. Rejects unless the answer is such a stream. */
export async function openEventStream(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<EventStream> {
  const sent = request(url, { headers, agent: false });
  onTestFinished(() => void sent.destroy());
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.on("response", resolve).on("error", reject).end();
  });
  // After the answer, errors are those of the response.
  sent.on("error", () => undefined);
  if (response.headers["content-type"] !== "text/event-stream") {
    throw new Error(`${url} answered ${response.statusCode} ${response.headers["content-type"]}`);
  }
  const events = parseEvents(response);
  let lastId = "";
  const next = async (): Promise<ServerSentEvent> => {
    const { done, value } = await events.next();
    if (done === true) throw new Error("the stream ended");
    lastId = value.id ?? lastId;
    return value;
  };
  return {
    response,
    events,
    next,
    async data<Data>(count: number) {
      const found: Data[] = [];
      while (found.length < count) {
        const { type, data } = await next();
        if (type !== "message") throw new Error(`the stream says ${type}: ${data}`);
        if (data !== null) found.push(JSON.parse(data));
      }
      return found;
    },
    lastId: () => lastId,
    destroy: () => void response.destroy(),
  };
}

/** The parts of a stream. What follows the last whole one is passed over, as browsers do. */
export async function* parseEvents(stream: Readable): AsyncGenerator<ServerSentEvent> {
  stream.setEncoding("utf8");
  let text = "";
  for await (const chunk of stream) {
    text += chunk;
    for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n")) {
      yield parseEvent(text.slice(0, end));
      text = text.slice(end + 2);
    }
  }
}

function parseEvent(text: string): ServerSentEvent {
  const fields = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, name = "", value = ""] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    fields.set(name, value);
  }
  return { type: fields.get("event") ?? "message", id: fields.get("id") ?? null, data: fields.get("data") ?? null };
}
