import { request } from "node:http";
import { connect, type IncomingHttpHeaders, type IncomingHttpStatusHeader } from "node:http2";
import { connect as connectSocket } from "node:net";

/** What came back over HTTP/2. */
export interface Http2Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** What followed the body, as `grpc-status`. */
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
}

/** A request over HTTP/2 without TLS, to a server that is known to speak it. With `keepOpen` the request never ends. */
export async function sendOverHttp2(
  url: string,
  headers: Readonly<Record<string, string>>,
  { body, keepOpen = false }: { readonly body?: Uint8Array; readonly keepOpen?: boolean } = {},
): Promise<Http2Reply> {
  const session = connect(url);
  try {
    return await new Promise((resolve, reject) => {
      session.on("error", reject);
      const stream = session.request(headers, { endStream: false });
      let answered: IncomingHttpHeaders & IncomingHttpStatusHeader = {};
      let trailers: IncomingHttpHeaders = {};
      const chunks: Buffer[] = [];
      stream.on("response", (received) => {
        answered = received;
      });
      stream.on("trailers", (received) => {
        trailers = received;
      });
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("error", reject);
      stream.on("end", () => {
        const all = Buffer.concat(chunks);
        resolve({ headers: answered, status: answered[":status"] ?? 0, trailers, body: all, text: all.toString() });
      });
      if (body !== undefined) stream.write(body);
      if (!keepOpen) stream.end();
    });
  } finally {
    session.destroy();
  }
}

/** One message as gRPC and the streams of Connect frame it. */
export function envelope(message: Uint8Array, flags = 0): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** Sends bytes as they are, and gives what the server says until it closes the connection. */
export async function sendOverSocket(url: string, bytes: string | Uint8Array): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connectSocket(Number(port), hostname, () => socket.write(bytes));
    let text = "";
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => {
      text += chunk;
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(text));
  });
}

/** What a long upload led to. */
export interface UploadReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** Bytes of buffers that the process, server included, held at most beyond what it held before. */
  readonly heldBytesMax: number;
}

/** Uploads the same chunk again and again over HTTP/1.1, as fast as the server takes it, to the end whatever it answers. */
export async function upload(
  url: string,
  options: {
    readonly headers: Readonly<Record<string, string>>;
    readonly chunk: Uint8Array;
    readonly count: number;
    readonly method?: string;
  },
): Promise<UploadReply> {
  const heldBefore = process.memoryUsage().arrayBuffers;
  let heldBytesMax = 0;
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: options.method ?? "POST", headers: options.headers }, (reply) => {
      let text = "";
      reply.setEncoding("utf8");
      reply.on("data", (chunk: string) => {
        text += chunk;
      });
      reply.on("end", () => resolve({ status: reply.statusCode ?? 0, headers: reply.headers, text, heldBytesMax }));
    });
    sent.on("error", reject);
    let left = options.count;
    const writeOn = (): void => {
      heldBytesMax = Math.max(heldBytesMax, process.memoryUsage().arrayBuffers - heldBefore);
      while (left > 0) {
        left -= 1;
        if (!sent.write(options.chunk)) {
          sent.once("drain", writeOn);
          return;
        }
      }
      sent.end();
    };
    writeOn();
  });
}
