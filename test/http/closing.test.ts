import { once } from "node:events";
import { text } from "node:stream/consumers";
import type { FastifyInstance } from "fastify";
import { describe, expect, test } from "vitest";
import { refuseWhileClosing } from "../../src/http/closing.ts";
import { listenAlso } from "../../src/http/one-port-server.ts";
import { createRequestIdGenerator, requestIdHeader, sendRequestId } from "../../src/http/request-id.ts";
import { TelemetryError } from "../../src/model/error.ts";
import {
  createApp,
  freePorts,
  listen,
  openHttp1,
  openHttp2,
  openSocket,
  portOf,
  readAnswer,
  readToEnd,
} from "./one-port-app.ts";

/** Adds `/gate`, which answers once it is opened. */
function addGate(app: FastifyInstance) {
  const arrived = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<string>();
  app.get("/gate", () => {
    arrived.resolve();
    return opened.promise;
  });
  return { arrived: arrived.promise, open: () => opened.resolve("through") };
}

/** Resolves when that many requests have come in. */
function countRequests(app: FastifyInstance, count: number): Promise<void> {
  const all = Promise.withResolvers<void>();
  let seen = 0;
  app.addHook("onRequest", (_request, _reply, done) => {
    seen += 1;
    if (seen === count) {
      all.resolve();
    }
    done();
  });
  return all.promise;
}

const getRequest = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

/** Adds `/stream`, which sends one line and then nothing more. */
function addStream(app: FastifyInstance): void {
  app.get("/stream", (_request, reply) => {
    reply.hijack();
    reply.raw.writeHead(200, { "content-type": "text/plain" });
    reply.raw.write("first\n");
  });
}

/** An app whose close is held up before the port closes, and that tells refusals as `reason request-id`. */
function createHeldApp() {
  const app = createApp();
  const held = Promise.withResolvers<void>();
  app.setGenReqId(createRequestIdGenerator(() => "fresh"));
  app.addHook("onRequest", sendRequestId);
  refuseWhileClosing(app);
  const holding = Promise.withResolvers<void>();
  app.addHook("preClose", async () => {
    holding.resolve();
    await held.promise;
  });
  app.setErrorHandler((error, _request, reply) => {
    if (!(error instanceof TelemetryError)) {
      throw error;
    }
    return reply.code(error.kind.httpStatus).send(error.reason);
  });
  return { app, holding: holding.promise, release: () => held.resolve() };
}

// The deadline of these lies beyond any test: a close that waits for it fails.
describe("closing with nothing in progress", () => {
  test("ends with an idle HTTP/1.1 connection open", async () => {
    const app = createApp();
    const raw = await openSocket(await listen(app));
    raw.write(getRequest("/version"));
    await once(raw, "data");
    const rest = readToEnd(raw);

    await app.close();

    expect(await rest).toBe("");
  });

  test("sends GOAWAY to an idle HTTP/2 session and ends", async () => {
    const app = createApp();
    const http2 = await openHttp2(await listen(app));
    const goaway = once(http2, "goaway");

    await app.close();

    expect((await goaway)[0]).toBe(0);
  });

  test("ends with a connection open that never sent a byte", async () => {
    const app = createApp();
    const silent = await openSocket(await listen(app));
    // The server has accepted it when it has accepted a later one.
    await text(await openHttp1(portOf(app.server)).get("/version"));
    const rest = readToEnd(silent);

    await app.close();

    expect(await rest).toBe("");
  });

  test("ends with a connection open that sent half of a request's headers", async () => {
    const app = createApp();
    const socket = await openSocket(await listen(app));
    const rest = readToEnd(socket);
    socket.write("GET /version HTTP/1.1\r\n");
    await text(await openHttp1(portOf(app.server)).get("/version"));

    await app.close();

    expect(await rest).toBe("");
  });

  test("ends where the app never listened", async () => {
    const app = createApp();
    await app.ready();

    await app.close();

    expect(app.server.listening).toBe(false);
  });
});

describe("closing with requests in progress", () => {
  test("finishes the request of a busy HTTP/2 session", async () => {
    const app = createApp();
    const gate = addGate(app);
    const http2 = await openHttp2(await listen(app));
    const goaway = once(http2, "goaway");
    const answer = readAnswer(http2.request({ ":path": "/gate" }));
    await gate.arrived;

    const closed = app.close();
    await goaway;
    gate.open();

    expect((await answer).body).toBe("through");
    await closed;
  });

  test("finishes the request of a busy HTTP/1.1 connection and says that the connection closes", async () => {
    const app = createApp();
    const gate = addGate(app);
    const http1 = openHttp1(await listen(app));
    const pending = http1.get("/gate");
    await gate.arrived;

    const closed = app.close();
    // Once the port is shut, the server has told its connections.
    await portClosed(app);
    gate.open();

    const response = await pending;
    expect([response.headers.connection, await text(response)]).toEqual(["close", "through"]);
    await closed;
  });

  test("finishes an HTTP/1.1 response that had begun, and then closes its connection", async () => {
    const app = createApp();
    const finish = Promise.withResolvers<void>();
    app.get("/half", (_request, reply) => {
      reply.hijack();
      reply.raw.writeHead(200, { "content-type": "text/plain" });
      reply.raw.write("first ");
      void finish.promise.then(() => reply.raw.end("second"));
    });
    const response = await openHttp1(await listen(app)).get("/half");

    const closed = app.close();
    await portClosed(app);
    finish.resolve();

    expect([response.headers.connection, await text(response)]).toEqual(["keep-alive", "first second"]);
    await closed;
  });

  test.each(["HTTP/1.1", "HTTP/2"])(
    "sends all of a large response over %s that the client reads late",
    async (protocol) => {
      const size = 32_000_000;
      const app = createApp();
      const sent = Promise.withResolvers<void>();
      app.get("/large", (_request, reply) => {
        reply.hijack();
        reply.raw.writeHead(200, { "content-length": size });
        reply.raw.end(Buffer.alloc(size));
        sent.resolve();
      });
      const port = await listen(app);
      const response =
        protocol === "HTTP/2"
          ? (await openHttp2(port)).request({ ":path": "/large" })
          : await openHttp1(port).get("/large");
      await sent.promise;

      const closed = app.close();
      await portClosed(app);

      expect((await text(response)).length).toBe(size);
      await closed;
    },
  );

  test("sends all of a large response on another port, where the first has nothing left", async () => {
    const size = 32_000_000;
    const app = createApp();
    const sent = Promise.withResolvers<void>();
    app.get("/large", (_request, reply) => {
      reply.hijack();
      reply.raw.writeHead(200, { "content-length": size });
      reply.raw.end(Buffer.alloc(size));
      sent.resolve();
    });
    await listen(app);
    const [port = 0] = await freePorts(1);
    await listenAlso(app.server, { host: "127.0.0.1", port });
    const response = await openHttp1(port).get("/large");
    await sent.promise;

    const closed = app.close();
    await portClosed(app);
    // Longer than the first port takes to be done with.
    await new Promise((resolve) => setTimeout(resolve, 50));

    expect((await text(response)).length).toBe(size);
    await closed;
    await expect(openSocket(port)).rejects.toThrow("ECONNREFUSED");
  });

  test.each(["/gate", "/stream"])("cuts what is still open at the deadline: %s", async (path) => {
    const app = createApp({ shutdownTimeoutMs: 50 });
    addStream(app);
    addGate(app);
    const bothArrived = countRequests(app, 2);
    const port = await listen(app);
    const raw = await openSocket(port);
    const answer = readToEnd(raw);
    raw.write(getRequest(path));
    const stream = (await openHttp2(port)).request({ ":path": path });
    stream.on("error", () => {});
    const streamClosed = once(stream.resume(), "close");
    await bothArrived;

    await app.close();
    await streamClosed;

    expect(await answer).not.toContain("\r\n0\r\n");
  });

  test("ends at once where Fastify is told to force connections to close", async () => {
    const app = createApp();
    addStream(app);
    const stream = (await openHttp2(await listen(app))).request({ ":path": "/stream" });
    stream.on("error", () => {});
    await once(stream, "response");

    app.server.closeAllConnections();
    await app.close();

    expect(app.server.listening).toBe(false);
  });
});

describe("requests that come in during closing", () => {
  test("are refused as SHUTTING_DOWN over both protocols", async () => {
    const { app, holding, release } = createHeldApp();
    const port = await listen(app);
    const http1 = openHttp1(port);
    await text(await http1.get("/version"));
    const http2 = await openHttp2(port);

    const closed = app.close();
    await holding;
    const first = await http1.get("/version");
    const second = await readAnswer(http2.request({ ":path": "/version" }));
    release();
    await closed;

    expect([first.statusCode, first.headers[requestIdHeader], await text(first)]).toEqual([
      503,
      "fresh",
      "SHUTTING_DOWN",
    ]);
    expect(first.headers.connection).toBe("close");
    expect([second.status, second.headers[requestIdHeader], second.body]).toEqual([503, "fresh", "SHUTTING_DOWN"]);
  });

  test("are dropped with the connection behind a last HTTP/1.1 response", async () => {
    const app = createApp();
    const gate = addGate(app);
    const raw = await openSocket(await listen(app));
    const answers = readToEnd(raw);
    raw.write(getRequest("/gate"));
    await gate.arrived;

    const closed = app.close();
    await portClosed(app);
    raw.write(getRequest("/version"));
    gate.open();

    expect((await answers).match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200"]);
    await closed;
  });

  test("are refused on an HTTP/2 session that is going away", async () => {
    const app = createApp();
    const gate = addGate(app);
    const http2 = await openHttp2(await listen(app));
    const answer = readAnswer(http2.request({ ":path": "/gate" }));
    await gate.arrived;

    app.server.close();
    // The client cannot have seen GOAWAY yet. A refused stream is one that it may send again elsewhere.
    const late = readAnswer(http2.request({ ":path": "/version" }));

    await expect(late).rejects.toThrow("NGHTTP2_REFUSED_STREAM");
    gate.open();
    expect((await answer).body).toBe("through");
  });
});

/** Waits until a closing app takes no more connections: then it has told its clients too. */
async function portClosed(app: FastifyInstance): Promise<void> {
  while (app.server.listening) {
    await new Promise(setImmediate);
  }
}
