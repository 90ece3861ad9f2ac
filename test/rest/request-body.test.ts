import { connect as connectTcp } from "node:net";
import { Readable } from "node:stream";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { TelemetryError } from "../../src/model/error.ts";
import { readJsonText } from "../../src/rest/request-body.ts";
import { startTestServer } from "./test-server.ts";

const jsonType = { "content-type": "application/json" };

async function read(
  body: Uint8Array | readonly Uint8Array[],
  headers: Record<string, string> = {},
  bodyMaxBytes = 100,
) {
  const raw = Readable.from(body instanceof Uint8Array ? [body] : body);
  try {
    return await readJsonText({ headers: { ...jsonType, ...headers }, raw }, { bodyMaxBytes });
  } catch (error) {
    if (error instanceof TelemetryError) return error.reason;
    throw error;
  }
}

describe("a JSON body", () => {
  test("is read as text, whatever is in it", async () => {
    expect(await read(Buffer.from('{"a": NaN'))).toBe('{"a": NaN');
    expect(await read([])).toBe("");
  });

  test("may have its characters split between chunks", async () => {
    const bytes = Buffer.from('"é€😀"');
    expect(await read([...bytes].map((byte) => Uint8Array.of(byte)))).toBe('"é€😀"');
  });

  test("may begin with a byte order mark", async () => {
    expect(await read(Buffer.from("\ufeff{}"))).toBe("{}");
  });

  test.each([
    ["gzip", gzipSync],
    ["x-gzip", gzipSync],
    ["GZIP", gzipSync],
    ["deflate", deflateSync],
    ["br", brotliCompressSync],
    ["identity", (bytes: Buffer) => bytes],
    ["", (bytes: Buffer) => bytes],
  ])("may be compressed as %s", async (encoding, compress) => {
    expect(await read(compress(Buffer.from('{"a":"é"}')), { "content-encoding": encoding })).toBe('{"a":"é"}');
  });

  test.each(["zstd", "gzip, gzip", "compress", "x"])("compressed as %s is refused", async (encoding) => {
    expect(await read(Buffer.from("{}"), { "content-encoding": encoding })).toBe("UNSUPPORTED_MEDIA_TYPE");
  });

  test.each([
    ["application/json", "{}"],
    ["APPLICATION/JSON ; charset=UTF-8", "{}"],
    ['application/json;charset="utf-8"', "{}"],
    ["application/json; charset=utf-16", "UNSUPPORTED_MEDIA_TYPE"],
    ["application/json; profile=x", "UNSUPPORTED_MEDIA_TYPE"],
    ["text/json", "UNSUPPORTED_MEDIA_TYPE"],
    ["application/vnd.api+json", "UNSUPPORTED_MEDIA_TYPE"],
    ["json", "UNSUPPORTED_MEDIA_TYPE"],
  ])("of type %s: %s", async (contentType, expected) => {
    expect(await read(Buffer.from("{}"), { "content-type": contentType })).toBe(expected);
  });

  test("without a type is refused", async () => {
    const source = { headers: {}, raw: Readable.from([]) };
    await expect(readJsonText(source, { bodyMaxBytes: 9 })).rejects.toMatchObject({ reason: "UNSUPPORTED_MEDIA_TYPE" });
  });

  test("may be as large as the limit and not larger, as sent", async () => {
    expect(await read(Buffer.alloc(100, "1"))).toHaveLength(100);
    expect(await read(Buffer.alloc(101, "1"))).toBe("BODY_TOO_LARGE");
    expect(await read(Array.from({ length: 101 }, () => Buffer.from("1")))).toBe("BODY_TOO_LARGE");
  });

  test("may be as large as the limit and not larger, after decompression", async () => {
    const headers = { "content-encoding": "gzip" };
    expect(await read(gzipSync(Buffer.alloc(100, "1")), headers)).toHaveLength(100);
    expect(await read(gzipSync(Buffer.alloc(101, "1")), headers)).toBe("BODY_TOO_LARGE");
    expect(await read(brotliCompressSync(Buffer.alloc(50_000_000)), { "content-encoding": "br" })).toBe(
      "BODY_TOO_LARGE",
    );
  });

  test("that announces more than the limit is refused before it is read", async () => {
    const raw = new Readable({
      read() {
        throw new Error("it was read");
      },
    });
    const headers = { ...jsonType, "content-length": "101" };
    await expect(readJsonText({ headers, raw }, { bodyMaxBytes: 100 })).rejects.toMatchObject({
      reason: "BODY_TOO_LARGE",
    });
  });

  test("is read no further than the limit", async () => {
    let chunks = 0;
    const raw = Readable.from(
      (function* () {
        for (; chunks < 1000; chunks++) yield Buffer.alloc(10);
      })(),
      { highWaterMark: 1 },
    );
    const reading = readJsonText({ headers: jsonType, raw }, { bodyMaxBytes: 100 }).catch(() => chunks);
    expect(await reading).toBeLessThan(20);
  });

  test("that is broken is malformed", async () => {
    expect(await read(Uint8Array.of(0x22, 0xc3, 0x22))).toBe("MALFORMED_BODY");
    expect(await read(Uint8Array.of(0xed, 0xa0, 0x80))).toBe("MALFORMED_BODY");
    expect(await read(Buffer.from("{}"), { "content-encoding": "gzip" })).toBe("MALFORMED_BODY");
    const truncated = gzipSync(Buffer.from("{}")).subarray(0, -1);
    expect(await read(truncated, { "content-encoding": "gzip" })).toBe("MALFORMED_BODY");
  });

  test("that ends too early is cancelled", async () => {
    const raw = new Readable({ read: () => undefined });
    raw.push("{");
    const reading = readJsonText({ headers: jsonType, raw }, { bodyMaxBytes: 100 });
    raw.destroy();
    await expect(reading).rejects.toMatchObject({ reason: "CANCELLED" });
  });

  test("whose connection broke before or while it was read is cancelled", async () => {
    const broken = new Readable({ read: () => undefined });
    const reading = readJsonText({ headers: jsonType, raw: broken }, { bodyMaxBytes: 100 });
    broken.destroy(new Error("reset"));
    await expect(reading).rejects.toMatchObject({ reason: "CANCELLED", cause: { message: "reset" } });
    const late = readJsonText({ headers: jsonType, raw: broken }, { bodyMaxBytes: 100 });
    await expect(late).rejects.toMatchObject({ reason: "CANCELLED", cause: { message: "reset" } });
  });
});

async function serveBodies() {
  return startTestServer((app) => {
    app.addContentTypeParser("*", (_request, _payload, done) => done(null));
    app.post("/", async (request) => readJsonText(request, { bodyMaxBytes: 1000 }));
  });
}

describe("a connection with a body that is too large", () => {
  test("gets its answer and can be used again", async () => {
    const { port } = await serveBodies();
    const socket = connectTcp({ port, host: "127.0.0.1" });
    let text = "";
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    socket.on("close", () => resolve());
    const head = "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    const chunk = `${(100_000).toString(16)}\r\n${"1".repeat(100_000)}\r\n`;
    socket.write(`${head}content-length: 200000\r\n\r\n${"1".repeat(200_000)}`);
    socket.write(`${head}transfer-encoding: chunked\r\n\r\n${chunk.repeat(3)}0\r\n\r\n`);
    socket.write(`${head}connection: close\r\ncontent-length: 2\r\n\r\n{}`);
    await closed;
    const statuses = text.match(/HTTP\/1\.1 \d+/g);
    expect(statuses).toEqual(["HTTP/1.1 413", "HTTP/1.1 413", "HTTP/1.1 200"]);
    expect(text).toContain('"reason":"BODY_TOO_LARGE"');
  });

  test("gets its answer over fetch too, whole bodies or streams", async () => {
    const { url } = await serveBodies();
    const whole = await fetch(url, { method: "POST", body: "1".repeat(1_000_000), headers: jsonType });
    expect(whole.status).toBe(413);
    expect(await whole.json()).toMatchObject({ error: { code: "resource_exhausted", reason: "BODY_TOO_LARGE" } });
    expect(whole.headers.get("retry-after")).toBeNull();
  });
});
