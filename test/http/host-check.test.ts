import { describe, expect, test } from "vitest";
import { isLoopbackAddress, isLoopbackHost, refuseForeignHost } from "../../src/http/host-check.ts";
import { TelemetryError } from "../../src/model/error.ts";
import { createApp, listen, openHttp2, openSocket, readAnswer, readToEnd } from "./one-port-app.ts";

describe("isLoopbackHost", () => {
  test.each([
    "localhost",
    "LocalHost:8000",
    "localhost:",
    "app.localhost:3000",
    "a.b.localhost",
    "127.0.0.1",
    "127.0.0.1:8000",
    "127.255.255.254",
    "[::1]",
    "[::1]:8000",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]:80",
  ])("knows %s", (host) => {
    expect(isLoopbackHost(host)).toBe(true);
  });

  test.each([
    "",
    "evil.example",
    "localhost.evil.example",
    "evil-localhost",
    ".localhost",
    "a..localhost",
    "127.0.0.1.evil.example",
    "128.0.0.1",
    "126.255.255.255",
    "127.0.0.256",
    "127.1",
    "0.0.0.0",
    "192.168.1.7:8000",
    "[::2]",
    "[::]",
    "[::ffff:10.0.0.1]",
    "[127.0.0.1]",
    "[localhost]",
    "::1",
    "localhost:80:80",
    "localhost:8o",
    "localhost evil.example",
    "localhost, evil.example",
    "user@localhost",
    "localhost/x",
  ])("does not take %j for this machine", (host) => {
    expect(isLoopbackHost(host)).toBe(false);
  });
});

describe("isLoopbackAddress", () => {
  test.each(["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "localhost", "db.localhost"])(
    "knows %s",
    (address) => {
      expect(isLoopbackAddress(address)).toBe(true);
    },
  );

  test.each(["", "0.0.0.0", "::", "10.0.0.1", "::ffff:10.0.0.1", "[::1]", "127.0.0.1:80", "my-box"])(
    "does not take %j for loopback",
    (address) => {
      expect(isLoopbackAddress(address)).toBe(false);
    },
  );
});

function createCheckedApp() {
  const app = createApp();
  app.addHook("onRequest", refuseForeignHost);
  app.setErrorHandler((error, _request, reply) => {
    if (!(error instanceof TelemetryError)) {
      throw error;
    }
    return reply.code(error.kind.httpStatus).send(`${error.reason} ${error.metadata["host"]}`);
  });
  return app;
}

async function answerToHttp1(headers: string, version = "1.1"): Promise<string> {
  const socket = await openSocket(await listen(createCheckedApp()));
  const answer = readToEnd(socket);
  socket.write(`GET /version HTTP/${version}\r\n${headers}Connection: close\r\n\r\n`);
  const [head = "", body = ""] = (await answer).split("\r\n\r\n");
  return `${head.slice("HTTP/1.1 ".length, "HTTP/1.1 200".length)} ${body}`;
}

async function answerToHttp2(headers: Record<string, string>): Promise<string> {
  const http2 = await openHttp2(await listen(createCheckedApp()));
  const { status, body } = await readAnswer(http2.request({ ":path": "/version", ...headers }));
  return `${status} ${body}`;
}

describe("refuseForeignHost", () => {
  test("lets requests to this machine pass, whatever the protocol", async () => {
    expect(await answerToHttp1("Host: localhost:8000\r\n")).toBe("200 1.1");
    expect(await answerToHttp2({ ":authority": "[::1]:8000" })).toBe("200 2.0");
  });

  test("refuses requests to another host, whatever the protocol", async () => {
    expect(await answerToHttp1("Host: evil.example:8000\r\n")).toBe("403 HOST_NOT_ALLOWED evil.example:8000");
    expect(await answerToHttp2({ ":authority": "evil.example" })).toBe("403 HOST_NOT_ALLOWED evil.example");
  });

  test("refuses a request whose Host and :authority differ in who it means", async () => {
    expect(await answerToHttp2({ ":authority": "localhost", host: "evil.example" })).toBe(
      "403 HOST_NOT_ALLOWED evil.example",
    );
    expect(await answerToHttp2({ ":authority": "evil.example", host: "localhost" })).toBe(
      "403 HOST_NOT_ALLOWED evil.example",
    );
  });

  test("refuses a request that names no host, and does not look at what a proxy says", async () => {
    expect(await answerToHttp1("X-Forwarded-Host: localhost\r\n", "1.0")).toBe("403 HOST_NOT_ALLOWED ");
  });

  test("refuses before it is known whether the path exists", async () => {
    const http2 = await openHttp2(await listen(createCheckedApp()));

    const { status } = await readAnswer(http2.request({ ":path": "/nothing", ":authority": "evil.example" }));

    expect(status).toBe(403);
  });
});
