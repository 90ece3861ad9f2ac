import { once } from "node:events";
import { createServer } from "node:net";

/** Where a server listens. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** The server cannot listen where it should. The message names the address. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

/** Tries whether a server could listen there now, so that a start can fail before it has changed anything. */
export async function assertCanListen(address: ListenAddress): Promise<void> {
  const server = createServer();
  try {
    await once(server.listen(address), "listening");
  } catch (error) {
    throw listenErrorFrom(error, address);
  }
  server.close();
  await once(server, "close");
}

/** The error of a `listen` that failed, in the words of somebody who only knows the address. */
export function listenErrorFrom(error: unknown, { host, port }: ListenAddress): ListenError {
  const isTaken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
  const reason = isTaken ? "another program listens there" : error instanceof Error ? error.message : String(error);
  return new ListenError(`cannot listen on port ${port} of ${host}: ${reason}`, { cause: error });
}
