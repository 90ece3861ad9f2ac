import { once } from "node:events";
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from "node:http2";

/** A gRPC call on a connection of its own or of many, below any library: what it costs is little beside the server's work. */
export interface GrpcCall {
  /** Sends a message that is framed already. */
  write(frame: Buffer): void;
  /** Says that no message follows. */
  end(): void;
  /** Resolves at the end of the call; rejects if its status is not OK. */
  readonly finished: Promise<void>;
}

/** Opens a connection that speaks HTTP/2. */
export async function connectHttp2(url: string): Promise<ClientHttp2Session> {
  const session = connect(url);
  await once(session, "connect");
  // The calls on it fail with the same error.
  session.on("error", () => undefined);
  return session;
}

/** Starts a call of a method, as `cylestio.v1.TelemetryService/SendEvents`. `onMessage` gets each message of the answer; if it throws, the call fails. */
export function startCall(
  session: ClientHttp2Session,
  method: `${string}/${string}`,
  onMessage: (message: Buffer) => void,
): GrpcCall {
  const stream = session.request({
    ":method": "POST",
    ":path": `/${method}`,
    "content-type": "application/grpc",
    te: "trailers",
  });
  const finished = Promise.withResolvers<void>();
  const finish = (headers: IncomingHttpHeaders): void => {
    const status = headers["grpc-status"];
    if (status === "0") finished.resolve();
    else if (status !== undefined) finished.reject(new Error(`${method}: ${status} ${headers["grpc-message"]}`));
  };
  // A call that fails at once has its status in the first headers.
  stream.on("response", finish).on("trailers", finish).on("error", finished.reject);
  stream.on("close", () => finished.reject(new Error(`${method} ended without a status`)));
  let rest: Buffer = Buffer.alloc(0);
  stream.on("data", (chunk: Buffer) => {
    try {
      rest = readMessages(rest.length === 0 ? chunk : Buffer.concat([rest, chunk]), onMessage);
    } catch (error) {
      finished.reject(error);
    }
  });
  return { write: (frame) => void stream.write(frame), end: () => void stream.end(), finished: finished.promise };
}

/** Calls `onMessage` for each whole message and returns what is left. */
function readMessages(bytes: Buffer, onMessage: (message: Buffer) => void): Buffer {
  let start = 0;
  while (bytes.length - start >= 5) {
    const end = start + 5 + bytes.readUInt32BE(start + 1);
    if (bytes.length < end) break;
    if (bytes[start] !== 0) throw new Error("the server compressed its answer");
    onMessage(bytes.subarray(start + 5, end));
    start = end;
  }
  return bytes.subarray(start);
}
