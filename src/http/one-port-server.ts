import { once } from "node:events";
import { type ServerOptions as Http1Options, Server as HttpServer, type RequestListener } from "node:http";
import type { ServerOptions as Http2Options, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import { Server as NetServer, type Socket } from "node:net";
import { createServer as createPolyglotServer, type Server as PolyglotServer } from "@httptoolkit/httpolyglot";
import type { ListenAddress } from "./listen-error.ts";
import { type OnePortOptions, onePortDefaults } from "./one-port-options.ts";
import { OpenConnections } from "./open-connections.ts";

/**
 * A server for HTTP/1.1 and cleartext HTTP/2 (with prior knowledge) on one port, for Fastify's `serverFactory`:
 *
 *     fastify({ serverFactory: (handler) => createOnePortServer(handler, options) })
 *
 * Fastify hands its own timeouts to the servers that it creates itself only; here, `options` alone counts.
 *
 * `close()` ends within `shutdownTimeoutMs`: it takes no more connections, closes those without a request in progress, sends GOAWAY
 * to HTTP/2 sessions, and cuts what is still open at the deadline. Something that wants its streams to end in good order has to end
 * them before that. A server that was closed cannot listen again.
 */
export function createOnePortServer(handler: RequestListener, options: Partial<OnePortOptions> = {}): HttpServer {
  const settings = { ...onePortDefaults, ...options };
  const server = createPolyglotServer({ http: http1Options(settings), http2: http2Options(settings) }, handler);
  const { http1, http2 } = innerServers(server);
  // The library copies every listener of the outer server to the inner ones. So what waits for the outer server's "close" would run
  // once more for each inner one, and "listening", passed on below, would pass itself on without end.
  server.removeAllListeners("newListener").removeAllListeners("removeListener");

  const connections = new OpenConnections(settings);
  // Before the library's own listener, which may know the protocol at once.
  server.prependListener("connection", (socket: Socket) => {
    // Without it, each small write waits for the acknowledgement of the one before (Nagle's algorithm): parallel HTTP/2 requests ran
    // at a hundredth of their rate. The inner servers do it only for connections that they accept themselves.
    socket.setNoDelay(true);
    socket.setKeepAlive(true, settings.tcpKeepAliveDelayMs);
    connections.add(socket);
  });
  http1.on("connection", (socket: Socket) => connections.addHttp1(socket));
  http1.on("request", (request, response) => connections.addHttp1Response(request.socket, response));
  http2.on("connection", (socket: Socket) => connections.addHttp2(socket));
  http2.on("session", (session: ServerHttp2Session) => {
    session.setLocalWindowSize(settings.sessionWindowBytes);
    connections.addHttp2Session(session);
  });
  // Some clients, Node's own among them, reset a stream that they have lost interest in without an error. Node would then wait, for as
  // long as the session lives, until they have taken the rest of the response.
  http2.on("stream", (stream: ServerHttp2Stream) =>
    stream.once("aborted", () => void setImmediate(() => stream.destroy())),
  );

  http1.on("clientError", (error, socket) => {
    if (!server.emit("clientError", error, socket)) {
      socket.destroy(error);
    }
  });
  // Node starts the timer behind the timeouts when a server starts to listen, which this one, being inside, never does.
  server.on("listening", () => http1.emit("listening"));

  return withClose(server, { connections, http1, shutdownTimeoutMs: settings.shutdownTimeoutMs });
}

/** Other ports of a server, by the server. */
const otherPorts = new WeakMap<NetServer, Set<NetServer>>();

/**
 * Makes a server of `createOnePortServer` answer on another port too, which is closed with it. What comes in there is handed over as a
 * connection, and is not told apart any more. Rejects with the error of `listen` where the port cannot be had.
 */
export async function listenAlso(server: NetServer, address: ListenAddress): Promise<void> {
  const other = new NetServer((socket) => void server.emit("connection", socket));
  await once(other.listen(address), "listening");
  otherPorts.set(server, (otherPorts.get(server) ?? new Set()).add(other));
}

/** The servers inside the library's, which it keeps to itself: there is no other way to their connections. */
function innerServers(server: PolyglotServer): { readonly http1: HttpServer; readonly http2: NetServer } {
  const http1: unknown = server["_httpServer"];
  const http2: unknown = server["_http2Server"];
  if (!(http1 instanceof HttpServer && http2 instanceof NetServer)) {
    throw new TypeError("this version of @httptoolkit/httpolyglot has other inner servers");
  }
  return { http1, http2 };
}

function http1Options(settings: OnePortOptions): Http1Options {
  return {
    headersTimeout: settings.headersTimeoutMs,
    requestTimeout: settings.requestTimeoutMs,
    connectionsCheckingInterval: settings.timeoutCheckIntervalMs,
    keepAliveTimeout: settings.keepAliveTimeoutMs,
  };
}

function http2Options(settings: OnePortOptions): Http2Options {
  return {
    settings: { maxConcurrentStreams: settings.sessionStreamsMax, initialWindowSize: settings.streamWindowBytes },
    maxSessionMemory: settings.sessionMemoryMaxMegabytes,
  };
}

/** What closing the port needs to know. */
interface Closing {
  readonly connections: OpenConnections;
  readonly http1: HttpServer;
  readonly shutdownTimeoutMs: number;
}

/** Gives the server the three methods that Fastify closes a server with. */
function withClose(server: NetServer, { connections, http1, shutdownTimeoutMs }: Closing): HttpServer {
  const stopListening = server.close.bind(server);
  let deadline: NodeJS.Timeout | undefined;
  const closable = Object.assign(server, {
    close: (callback?: (error?: Error) => void) => {
      const others = [...(otherPorts.get(server) ?? [])];
      let openPorts = 1 + others.length;
      let failure: Error | undefined;
      // Each port is closed when its own connections are: only then is all of the server.
      const onPortClosed = (error?: Error): void => {
        failure ??= error;
        openPorts -= 1;
        if (openPorts > 0) return;
        clearTimeout(deadline);
        // Stops the timer behind the timeouts.
        http1.close();
        callback?.(failure);
      };
      stopListening(onPortClosed);
      for (const other of others) other.close(onPortClosed);
      connections.drain();
      deadline ??= setTimeout(() => connections.destroyAll(), shutdownTimeoutMs);
      return closable;
    },
    closeIdleConnections: () => connections.closeIdle(),
    closeAllConnections: () => connections.destroyAll(),
  });
  // Fastify has no type for a server of two protocols. What it uses of an http.Server is net.Server and these methods; the missing
  // properties are HTTP/1.1 settings, which are the inner server's.
  return closable as NetServer as HttpServer;
}
