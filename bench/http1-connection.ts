import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** An HTTP/1.1 answer. */
export interface Http1Answer {
  readonly status: number;
  /** Status line and headers, as they came. */
  readonly head: string;
  readonly body: Buffer;
}

const headEnd = Buffer.from("\r\n\r\n");

/**
 * A keep-alive connection that sends requests whose bytes are ready and reads the answers, one at a time. Instead of `node:http`,
 * which would cost as much as the server for small requests. It knows only answers that have a length.
 */
export class Http1Connection {
  readonly #socket: Socket;
  #answer: PromiseWithResolvers<Http1Answer> | undefined;
  #chunks: Buffer[] = [];
  #length = 0;
  /** Of the answer that is being read, once its head is there. */
  #head: { readonly text: string; readonly end: number; readonly totalBytes: number } | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk) => this.#read(chunk));
    socket.on("error", (error) => this.#answer?.reject(error));
    socket.on("close", () => this.#answer?.reject(new Error("the server closed the connection")));
  }

  static async open(url: string): Promise<Http1Connection> {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    return new Http1Connection(socket);
  }

  /** Not to be called while an answer is awaited. */
  request(bytes: Buffer | string): Promise<Http1Answer> {
    if (this.#answer !== undefined) throw new Error("this connection awaits an answer");
    this.#answer = Promise.withResolvers<Http1Answer>();
    this.#socket.write(bytes);
    return this.#answer.promise;
  }

  async close(): Promise<void> {
    this.#socket.end();
    await once(this.#socket, "close");
  }

  #read(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    try {
      this.#head ??= readHead(this.#joined());
    } catch (error) {
      this.#answer?.reject(error);
      return;
    }
    if (this.#head === undefined || this.#length < this.#head.totalBytes) return;
    const { text, end } = this.#head;
    const body = this.#joined().subarray(end);
    const answer = this.#answer;
    this.#answer = undefined;
    this.#chunks = [];
    this.#length = 0;
    this.#head = undefined;
    answer?.resolve({ status: Number(text.slice(9, 12)), head: text, body });
  }

  #joined(): Buffer {
    const [first] = this.#chunks;
    if (first !== undefined && this.#chunks.length === 1) return first;
    const joined = Buffer.concat(this.#chunks, this.#length);
    this.#chunks = [joined];
    return joined;
  }
}

/** Asks for a path. Throws for an answer other than 200. */
export async function get(connection: Http1Connection, path: string): Promise<Http1Answer> {
  const answer = await connection.request(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`);
  if (answer.status !== 200) throw new Error(`GET ${path}: ${answer.status} ${answer.body}`);
  return answer;
}

function readHead(bytes: Buffer): { text: string; end: number; totalBytes: number } | undefined {
  const textEnd = bytes.indexOf(headEnd);
  if (textEnd === -1) return undefined;
  const text = bytes.toString("latin1", 0, textEnd);
  const bodyBytes = /^content-length: *(\d+)/im.exec(text)?.[1];
  if (bodyBytes === undefined) throw new Error(`an answer without a length: ${text}`);
  const end = textEnd + headEnd.length;
  return { text, end, totalBytes: end + Number(bodyBytes) };
}
