import { once } from "node:events";
import { constants } from "node:http2";
import { Socket } from "node:net";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type { FastifyInstance } from "fastify";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createOnePortServer } from "../../src/http/one-port-server.ts";
import { createApp, listen, openHttp1, openHttp2, openSocket, portOf, readAnswer, readToEnd } from "./one-port-app.ts";

const head = (line: string): string => `${line}\r\nHost: localhost\r\n`;

/** Adds `/client`, which tells one connection from another. */
function addClientRoute(app: FastifyInstance): void {
  app.get("/client", (request, reply) => reply.send(`${request.socket.remotePort}`));
}

describe("one port", () => {
  test.for([constants.NGHTTP2_NO_ERROR, constants.NGHTTP2_CANCEL])(
    "ends a response at once that its HTTP/2 client does not take and then resets with code %i",
    async (code) => {
      const app = createApp();
      const closed = Promise.withResolvers<void>();
      app.get("/endless", (request, reply) => {
        request.raw.on("close", () => closed.resolve());
        const zeros = new Readable({ read: () => void zeros.push(Buffer.alloc(65_536)) });
        reply.send(zeros);
      });
      const session = await openHttp2(await listen(app));
      const stream = session.request({ ":path": "/endless" });
      await once(stream, "response");
      stream.close(code);
      await closed.promise;
      expect(session.closed).toBe(false);
    },
  );

  test("serves HTTP/1.1 and HTTP/2 side by side", async () => {
    const port = await listen(createApp());
    const http2 = await openHttp2(port);
    const http1 = openHttp1(port);

    const [first, second] = await Promise.all([
      http1.get("/version"),
      readAnswer(http2.request({ ":path": "/version" })),
    ]);

    expect([await text(first), second.body]).toEqual(["1.1", "2.0"]);
  });

  test("answers several requests on one HTTP/1.1 connection", async () => {
    const app = createApp();
    addClientRoute(app);
    const http1 = openHttp1(await listen(app));

    const first = await text(await http1.get("/client"));
    const second = await text(await http1.get("/client"));

    expect(second).toBe(first);
  });

  test("knows the protocol of a request that comes in byte by byte", async () => {
    const socket = await openSocket(await listen(createApp()));
    const answer = readToEnd(socket);

    // POST, PUT and PATCH begin as the preface of HTTP/2 does.
    for (const byte of `${head("PUT /nothing HTTP/1.1")}Content-Length: 0\r\nConnection: close\r\n\r\n`) {
      socket.write(byte);
      await new Promise(setImmediate);
    }

    expect(await answer).toMatch(/^HTTP\/1\.1 404 /);
  });

  test("lets no small write wait for the acknowledgement of the one before", async () => {
    const setNoDelay = vi.spyOn(Socket.prototype, "setNoDelay");
    onTestFinished(() => setNoDelay.mockRestore());
    const app = createApp();
    const accepted = once(app.server, "connection");

    // A bare client, which leaves its own end as it is.
    await openSocket(await listen(app));
    const [socket] = await accepted;

    expect(setNoDelay.mock.contexts).toEqual([socket]);
    expect(setNoDelay.mock.calls).toEqual([[true]]);
  });

  test("stays with HTTP/1.1 where a client offers to upgrade to HTTP/2", async () => {
    const http1 = openHttp1(await listen(createApp()));
    const offer = { connection: "Upgrade, HTTP2-Settings", upgrade: "h2c", "http2-settings": "AAMAAABkAAQAAP__" };

    const response = await http1.get("/version", offer);

    expect([response.statusCode, await text(response)]).toEqual([200, "1.1"]);
  });

  test("answers 400 to what is neither protocol", async () => {
    const socket = await openSocket(await listen(createApp()));
    const answer = readToEnd(socket);

    socket.write("hello\r\n\r\n");

    expect(await answer).toMatch(/^HTTP\/1\.1 400 /);
  });

  test("drops what is neither protocol where nobody answers it", async () => {
    const server = createOnePortServer(() => {});
    onTestFinished(() => {
      server.close();
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const socket = await openSocket(portOf(server));
    const answer = readToEnd(socket);

    socket.write("hello\r\n\r\n");

    expect(await answer).toBe("");
  });

  test("drops a TLS client, as it has no certificate", async () => {
    const socket = await openSocket(await listen(createApp()));
    const answer = readToEnd(socket);

    socket.write(Buffer.from([0x16, 0x03, 0x01, 0x00, 0x05, 0x01, 0x00, 0x00, 0x01, 0x00]));

    expect(await answer).toBe("");
  });

  test("listens on localhost and closes again", async () => {
    const app = createApp();
    const address = await app.listen({ host: "localhost", port: 0 });

    const response = await fetch(`${address}/version`);
    await app.close();

    expect(await response.text()).toBe("1.1");
    expect(app.server.listening).toBe(false);
  });

  test("says so when the port is taken", async () => {
    const port = await listen(createApp());

    await expect(createApp().listen({ host: "127.0.0.1", port })).rejects.toThrow("EADDRINUSE");
  });

  test("tells HTTP/2 clients how many streams they may open", async () => {
    const app = createApp({ sessionStreamsMax: 7 });

    const http2 = await openHttp2(await listen(app));

    expect(http2.remoteSettings.maxConcurrentStreams).toBe(7);
  });

  test("takes other calls of a session whose client has a large answer still to read", async () => {
    const app = createApp();
    // As Connect does it: the whole message at once.
    app.get("/large", (_request, reply) => {
      reply.hijack();
      reply.raw.end(Buffer.alloc(20_000_000));
    });
    const http2 = await openHttp2(await listen(app));

    // Nobody reads the answer: beyond the flow control window it stays in the server's session.
    const large = http2.request({ ":path": "/large" });
    await once(large, "response");
    const other = await readAnswer(http2.request({ ":path": "/version" }));

    expect(other.body).toBe("2.0");
  });
});

describe("timeouts", () => {
  const quick = { headersTimeoutMs: 50, requestTimeoutMs: 100, timeoutCheckIntervalMs: 10 };

  test("answers 408 to headers that do not end", async () => {
    const socket = await openSocket(await listen(createApp({ ...quick, requestTimeoutMs: 600_000 })));
    const answer = readToEnd(socket);

    socket.write(head("GET /version HTTP/1.1"));

    expect(await answer).toMatch(/^HTTP\/1\.1 408 /);
  });

  test("answers 408 to a body that does not end", async () => {
    const app = createApp(quick);
    app.post("/body", (_request, reply) => reply.send("all there"));
    const socket = await openSocket(await listen(app));
    const answer = readToEnd(socket);

    socket.write(`${head("POST /body HTTP/1.1")}Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{`);

    expect(await answer).toMatch(/^HTTP\/1\.1 408 /);
  });

  test("leaves a response alone that outlasts them", async () => {
    const app = createApp(quick);
    const arrived = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<string>();
    app.get("/late", () => {
      arrived.resolve();
      return gate.promise;
    });
    const port = await listen(app);
    const late = openHttp1(port).get("/late");
    await arrived.promise;

    // A younger request runs into the timeouts.
    const younger = await openSocket(port);
    younger.write(head("GET /version HTTP/1.1"));
    expect(await readToEnd(younger)).toMatch(/^HTTP\/1\.1 408 /);

    gate.resolve("late");
    expect(await text(await late)).toBe("late");
  });

  test("closes an HTTP/1.1 connection that waits too long for its next request", async () => {
    const socket = await openSocket(await listen(createApp({ keepAliveTimeoutMs: 20 })));
    const answer = readToEnd(socket);

    socket.write(`${head("GET /version HTTP/1.1")}\r\n`);

    expect(await answer).toMatch(/^HTTP\/1\.1 200 /);
  });

  test.each([
    ["nothing", ""],
    ["half of HTTP/2's preface", "PRI * HTTP/2.0\r\n"],
  ])("cuts a connection that has sent %s in time, and no other", async (_sent, bytes) => {
    const app = createApp({ protocolTimeoutMs: 250 });
    addClientRoute(app);
    const port = await listen(app);
    const http1 = openHttp1(port);
    const client = await text(await http1.get("/client"));
    const http2 = await openHttp2(port);
    const silent = await openSocket(port);
    silent.write(bytes);

    expect(await readToEnd(silent)).toBe("");

    // Both of these are older.
    expect(await text(await http1.get("/client"))).toBe(client);
    expect((await readAnswer(http2.request({ ":path": "/version" }))).body).toBe("2.0");
  });

  test("lets go of a client that hangs up without a word", async () => {
    const app = createApp();
    const socket = await openSocket(await listen(app));

    socket.end();
    await readToEnd(socket);
    await app.close();

    expect(app.server.listening).toBe(false);
  });
});
