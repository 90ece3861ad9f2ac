import type { ServerResponse } from "node:http";
import type { ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";

/**
 * The connections of one port, so that they can be closed without cutting off an answer.
 *
 * Node's `closeIdleConnections` is not used: it takes a response for finished that is handed over but not sent yet, and it knows
 * neither HTTP/2 nor connections that have not shown their protocol.
 */
export class OpenConnections {
  readonly #protocolTimeoutMs: number;
  /** Every connection. A closed one leaves by itself. */
  readonly #sockets = new Set<Socket>();
  /** Connections that have not shown their protocol, with the timer that cuts them. */
  readonly #silent = new Map<Socket, NodeJS.Timeout>();
  /** HTTP/1.1 connections with their responses in progress: more than one if the client pipelines. */
  readonly #http1 = new Map<Socket, Set<ServerResponse>>();
  readonly #http2 = new Set<ServerHttp2Session>();
  #draining = false;

  constructor(options: { readonly protocolTimeoutMs: number }) {
    this.#protocolTimeoutMs = options.protocolTimeoutMs;
  }

  /** A connection came in. It has `protocolTimeoutMs` to show its protocol. */
  add(socket: Socket): void {
    this.#sockets.add(socket);
    this.#silent.set(
      socket,
      setTimeout(() => socket.destroy(), this.#protocolTimeoutMs),
    );
    socket.once("close", () => {
      this.#protocolShown(socket);
      this.#http1.delete(socket);
      this.#sockets.delete(socket);
    });
  }

  /** The connection speaks HTTP/1.1. From here on Node's own timeouts watch it. */
  addHttp1(socket: Socket): void {
    this.#protocolShown(socket);
    this.#http1.set(socket, new Set());
  }

  /** A request came in on an HTTP/1.1 connection. The connection is busy until all of the response has been sent. */
  addHttp1Response(socket: Socket, response: ServerResponse): void {
    const responses = this.#http1.get(socket);
    responses?.add(response);
    response.once("close", () => {
      responses?.delete(response);
      if (this.#draining && responses?.size === 0) {
        socket.destroySoon();
      }
    });
  }

  /** The connection speaks HTTP/2. */
  addHttp2(socket: Socket): void {
    this.#protocolShown(socket);
  }

  /** An HTTP/2 session began. */
  addHttp2Session(session: ServerHttp2Session): void {
    this.#http2.add(session);
    session.once("close", () => this.#http2.delete(session));
  }

  /**
   * Closes what has no request in progress, silent connections among it. An HTTP/2 session is told to go away (GOAWAY): it takes no
   * new requests, and closes once its streams have ended.
   */
  closeIdle(): void {
    for (const socket of this.#silent.keys()) {
      socket.destroy();
    }
    for (const [socket, responses] of this.#http1) {
      if (responses.size === 0) {
        socket.destroy();
      }
    }
    for (const session of this.#http2) {
      session.close();
    }
  }

  /** As `closeIdle`, and closes every other connection as soon as its requests in progress are answered. For good. */
  drain(): void {
    this.#draining = true;
    this.closeIdle();
    for (const responses of this.#http1.values()) {
      for (const response of responses) {
        // Tells the client not to send another request here; Node closes the connection after this response.
        if (!response.headersSent) {
          response.setHeader("connection", "close");
        }
      }
    }
  }

  /** Cuts every connection, whatever it does. */
  destroyAll(): void {
    for (const socket of this.#sockets) {
      socket.destroy();
    }
  }

  #protocolShown(socket: Socket): void {
    clearTimeout(this.#silent.get(socket));
    this.#silent.delete(socket);
  }
}
