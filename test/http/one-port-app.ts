import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  type IncomingHttpHeaders,
} from "node:http2";
import { connect, createServer as createNetServer, type Server, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { type FastifyInstance, fastify } from "fastify";
import { onTestFinished } from "vitest";
import type { OnePortOptions } from "../../src/http/one-port-options.ts";
import { createOnePortServer } from "../../src/http/one-port-server.ts";

/** Longer than any test: a close that ends all the same did not wait for its deadline. */
const neverMs = 600_000;

/** A Fastify on the one port, before it listens. It is closed, whatever is open, when the test ends. */
export function createApp(options: Partial<OnePortOptions> = {}): FastifyInstance {
  const app = fastify({
    serverFactory: (handler) => createOnePortServer(handler, { shutdownTimeoutMs: neverMs, ...options }),
    return503OnClosing: false,
  });
  app.get("/version", (request, reply) => reply.send(request.raw.httpVersion));
  onTestFinished(async () => {
    app.server.closeAllConnections();
    await app.close();
  });
  return app;
}

/** Listens on a free port of 127.0.0.1. */
export async function listen(app: FastifyInstance): Promise<number> {
  await app.listen({ host: "127.0.0.1", port: 0 });
  return portOf(app.server);
}

/** The port that a server listens on. */
export function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") {
    throw new TypeError("the server does not listen on a port");
  }
  return address.port;
}

/** Ports that nobody has at the moment. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createNetServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map(portOf);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}

/** A TCP connection, established. */
export async function openSocket(port: number): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  onTestFinished(() => {
    socket.destroy();
  });
  await once(socket, "connect");
  return socket;
}

/** All that the server sends on a connection until it ends it. */
export async function readToEnd(socket: Socket): Promise<string> {
  // Cut connections end with a reset where the server had something unread: for these tests an end as good as any.
  const parts: Buffer[] = [];
  socket.on("data", (part) => parts.push(part));
  socket.on("error", () => {});
  await new Promise<void>((resolve) => {
    socket.once("end", resolve).once("close", resolve);
  });
  return Buffer.concat(parts).toString("latin1");
}

/** A client that keeps one HTTP/1.1 connection and reuses it. */
export function openHttp1(port: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  return {
    /** Resolves with the head of the response. */
    get: (path: string, headers: Record<string, string> = {}): Promise<IncomingMessage> =>
      new Promise((resolve, reject) => {
        request({ agent, host: "127.0.0.1", port, path, headers }, resolve).on("error", reject).end();
      }),
  };
}

/** An HTTP/2 session with prior knowledge, established: it has the server's settings. */
export async function openHttp2(port: number): Promise<ClientHttp2Session> {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  // A session that is cut says so on its streams, where the tests look.
  session.on("error", () => {});
  onTestFinished(() => session.destroy());
  await once(session, "remoteSettings");
  return session;
}

/** Status, headers and body of the answer to an HTTP/2 request. */
export async function readAnswer(stream: ClientHttp2Stream) {
  const headers = await new Promise<IncomingHttpHeaders>((resolve, reject) => {
    stream.once("response", resolve).once("error", reject);
  });
  return { status: headers[":status"], headers, body: await text(stream) };
}
