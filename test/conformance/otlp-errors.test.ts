import { gzipSync } from "node:zlib";
import { status as grpcStatus, type ServiceError } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { detailsOf, GrpcJsClient } from "../e2e/grpc-js-client.ts";
import { exporters } from "../otlp/exporters.ts";
import { contentTypes, type Encoding, encodings, type OtlpReply, postOtlp, statusOf } from "../otlp/http-exporter.ts";
import { buildSpans, keyValues } from "../otlp/otlp-builder.ts";
import { signals } from "../otlp/signals.ts";
import { startServer } from "../running-server.ts";
import { getJson } from "./http.ts";
import { envelope, sendOverHttp2, upload } from "./raw.ts";

const spanId = "00f067aa0ba902b7";
const bodies = signals.flatMap((signal) =>
  encodings.map((encoding) => ({ signal, path: signal.path, encoding, body: signal.bodyOf([1], encoding) })),
);

interface RawCall {
  readonly path?: string;
  readonly gzip?: boolean;
}

/** A request over gRPC as its bytes; of spans, unless another path is named. */
function callRaw(url: string, message: Uint8Array, { path = signals[0]?.grpcPath ?? "", gzip = false }: RawCall = {}) {
  const headers = {
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
    ...(gzip && { "grpc-encoding": "gzip" }),
  };
  return sendOverHttp2(url, headers, { body: envelope(gzip ? gzipSync(message) : message, gzip ? 1 : 0) });
}

/** The code of a raw reply; an error without a body has it among its headers. */
function codeOf({ trailers, headers }: Awaited<ReturnType<typeof callRaw>>): number {
  return Number(trailers["grpc-status"] ?? headers["grpc-status"]);
}

function failureOf(call: Promise<unknown>): Promise<ServiceError | undefined> {
  return call.then(
    () => undefined,
    // The client says that it is one.
    (error: unknown) => error as ServiceError,
  );
}

async function countAll(url: string): Promise<number> {
  const counts = await Promise.all(signals.map(({ countStored }) => countStored(url)));
  return counts.reduce((sum, count) => sum + count, 0);
}

describe("over HTTP, for every kind of telemetry in both encodings,", () => {
  test("what cannot be decoded is 400, with a BadRequest, and nothing is stored", async () => {
    const { url } = await startServer();
    for (const { signal, path, encoding } of bodies) {
      const broken = [Uint8Array.of(0x0a, 0xff), Uint8Array.of(0x0a, 0x02, 0x08), "\u0000", gzipSync("")];
      for (const bytes of [
        ...broken,
        ...(encoding === "json" ? ["", "{", "[]", `{"${signal.field}":1}`, '"\xff"'] : []),
      ]) {
        const reply = await postOtlp(url, { path, encoding, body: bytes });
        expect([path, bytes, reply.status]).toEqual([path, bytes, 400]);
        const { code, message, details } = statusOf(reply);
        expect({ code, message }).toEqual({ code: 3, message: expect.stringMatching(/^the body is no/) });
        expect(details).toMatchObject([{ reason: "MALFORMED_BODY" }, { fieldViolations: [{ description: message }] }]);
      }
    }
    expect(await countAll(url)).toBe(0);
  });

  test("what cannot be decompressed is 400", async () => {
    const { url } = await startServer();
    for (const { path, encoding, body } of bodies) {
      const headers = { "content-encoding": "gzip" };
      for (const bytes of [Buffer.from(body), gzipSync(body).subarray(0, -9)]) {
        const reply = await postOtlp(url, { path, encoding, headers, body: bytes });
        expect([reply.status, statusOf(reply)]).toMatchObject([400, { code: 3 }]);
      }
    }
  });

  test("another compression is 415, and says what is taken", async () => {
    const { url } = await startServer();
    for (const { path, encoding, body } of bodies) {
      for (const name of ["deflate", "br", "zstd", "gzip, gzip"]) {
        const reply = await postOtlp(url, { path, encoding, headers: { "content-encoding": name }, body });
        expect([reply.status, statusOf(reply).message]).toEqual([415, "the content encoding must be gzip or identity"]);
      }
    }
  });

  test("a body may be as large as the limit and not larger, after decompression", async () => {
    const { url } = await startServer({ environment: { CYLESTIO_OTLP_BODY_MAX_BYTES: "20000" } });
    for (const { path, encoding } of bodies) {
      for (const gzip of [false, true]) {
        expect((await postOtlp(url, { path, encoding, gzip, body: filled(encoding, 20_000) })).status).toBe(200);
        const reply = await postOtlp(url, { path, encoding, gzip, body: filled(encoding, 20_001) });
        expect([reply.status, reply.headers.get("retry-after")]).toEqual([413, null]);
        expect(statusOf(reply)).toMatchObject({ code: 8, details: [{ reason: "BODY_TOO_LARGE" }] });
      }
    }
  });

  test("a body that would become large is refused before it is", async () => {
    const { url } = await startServer({ environment: { CYLESTIO_OTLP_BODY_MAX_BYTES: "100000" } });
    const bomb = gzipSync(Buffer.alloc(80_000_000));
    expect(bomb.length).toBeLessThan(100_000);
    for (const { path, encoding } of bodies) {
      const headers = { "content-type": contentTypes[encoding], "content-encoding": "gzip" };
      const reply = await upload(`${url}${path}`, { headers, chunk: bomb, count: 1 });
      expect(reply.status).toBe(413);
      expect(reply.heldBytesMax).toBeLessThan(10_000_000);
    }
  });

  test("another method is 405 and names the one that is answered", async () => {
    const { url } = await startServer();
    for (const { path, encoding } of bodies) {
      for (const method of ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
        const response = await fetch(`${url}${path}`, { method, headers: { "content-type": contentTypes[encoding] } });
        expect([method, response.status, response.headers.get("allow")]).toEqual([method, 405, "POST"]);
        const bytes = Buffer.from(await response.arrayBuffer());
        if (method === "HEAD") continue;
        expect(statusOf({ status: 405, headers: response.headers, body: bytes })).toMatchObject({ code: 12 });
      }
    }
  });

  test("a request that names another host is 403", async () => {
    const { url } = await startServer();
    for (const { path, encoding, body } of bodies) {
      const headers = { "content-type": contentTypes[encoding], host: "evil.example" };
      const reply = await upload(`${url}${path}`, { headers, chunk: Buffer.from(body), count: 1 });
      expect([reply.status, reply.headers["content-type"]]).toEqual([403, contentTypes[encoding]]);
    }
  });

  test("more load than the server may hold is 429 with Retry-After, and what is sent again then gets in", async () => {
    const { url } = await startServer({ environment: { CYLESTIO_IN_FLIGHT_MAX_EVENTS: "5" } });
    for (const { bodyOf, answerOf, path, countStored } of signals) {
      const storedBefore = await countStored(url);
      const refusals: OtlpReply[] = [];
      const exportUntilTaken = async (call: number): Promise<OtlpReply> => {
        const encoding = call % 2 === 0 ? "binary" : "json";
        const numbers = Array.from({ length: 5 }, (_, index) => call * 5 + index);
        for (;;) {
          const reply = await postOtlp(url, { path, encoding, body: bodyOf(numbers, encoding) });
          if (reply.status === 200) return reply;
          refusals.push(reply);
        }
      };
      const taken = await Promise.all(Array.from({ length: 20 }, (_, call) => exportUntilTaken(call)));
      for (const reply of taken) expect(answerOf(reply)).toEqual({});
      expect(refusals.length).toBeGreaterThan(0);
      for (const reply of refusals) {
        expect([reply.status, reply.headers.get("retry-after")]).toEqual([429, "1"]);
        expect(statusOf(reply)).toMatchObject({ code: 8, details: [{ reason: "OVERLOADED" }, { retryDelay: "1s" }] });
      }
      expect((await countStored(url)) - storedBefore).toBe(100);
    }
  });

  test("a bad item is rejected, with its number and reason; the others are stored, and once when they come again", async () => {
    const { url } = await startServer();
    for (const { bodyOf, answerOf, path, countStored, rejection } of signals) {
      const storedBefore = await countStored(url);
      for (const [call, encoding] of [...encodings, ...encodings].entries()) {
        const reply = await postOtlp(url, {
          path,
          encoding,
          gzip: call % 2 === 0,
          body: bodyOf([1, -1, 2, -2], encoding),
        });
        const errorMessage = rejection.reason;
        expect([path, encoding, reply.status, answerOf(reply)]).toEqual([
          path,
          encoding,
          200,
          { partialSuccess: { [rejection.field]: "2", errorMessage } },
        ]);
      }
      expect((await countStored(url)) - storedBefore).toBe(2);
    }
  });
});

test("in JSON, an item of a wrong type is rejected too, and the others are stored", async () => {
  const { url } = await startServer();
  for (const { bodyOf, answerOf, path, countStored, itemsOf, rejection } of signals) {
    const storedBefore = await countStored(url);
    const request: unknown = JSON.parse(String(bodyOf([1, 2, 3, 4], "json")));
    const items = itemsOf(request);
    items[1] = { ...Object(items[1]), timeUnixNano: "x".repeat(100_000), attributes: 1 };
    items[2] = "text";
    const reply = await postOtlp(url, { path, encoding: "json", body: JSON.stringify(request) });
    expect([path, reply.status, answerOf(reply)]).toMatchObject([
      path,
      200,
      {
        partialSuccess: {
          [rejection.field]: "2",
          errorMessage: expect.stringMatching(/^number 1(?: \("m"\))?: JSON cannot be decoded: cannot decode field/),
        },
      },
    ]);
    // A value is not repeated at length.
    expect(reply.body.length).toBeLessThan(1_000);
    expect((await countStored(url)) - storedBefore).toBe(2);
  }
  const { ingest, metric_points } = await getJson<Record<string, object>>(url, "/");
  expect([ingest, metric_points]).toMatchObject([
    { received_count: 8, stored_count: 4, rejected_count: 4 },
    { received_count: 4, stored_count: 2, rejected_count: 2 },
  ]);
});

/** A request without telemetry of so many bytes. */
function filled(encoding: Encoding, size: number): Buffer | string {
  return encoding === "json" ? `{"x":"${"a".repeat(size - 8)}"}` : paddedTo(size);
}

/** The same in binary: all but a few of which are a field that nobody knows. */
function paddedTo(size: number): Buffer {
  // Field 15 with a length of three bytes.
  const length = size - 4;
  const head = [0x7a, (length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, length >> 14];
  return Buffer.concat([Buffer.from(head), Buffer.alloc(length)]);
}

test("a text that is not UTF-8 refuses nothing: exporters cut characters apart", async () => {
  const { url } = await startServer();
  for (const { path, grpcPath, bodyOf, answerOf, countStored } of signals) {
    const storedBefore = await countStored(url);
    const cutBody = (number: number, encoding: Encoding) => {
      const bytes = Buffer.from(bodyOf([number], encoding));
      // The first byte of a character of two.
      bytes[bytes.indexOf("test-scope") + 9] = 0xc3;
      return bytes;
    };
    for (const [number, encoding] of encodings.entries()) {
      const reply = await postOtlp(url, { path, encoding, body: cutBody(number, encoding) });
      expect([path, reply.status, answerOf(reply)]).toEqual([path, 200, {}]);
    }
    expect(codeOf(await callRaw(url, cutBody(9, "binary"), { path: grpcPath }))).toBe(grpcStatus.OK);
    expect((await countStored(url)) - storedBefore).toBe(3);
  }
  const points = await getJson<{ series: readonly { scope_name: string }[] }>(url, "/api/v1/otlp_metrics/m");
  expect(points.series.map((series) => series.scope_name)).toEqual(["test-scop\ufffd"]);
});

test("a content type that is none of the two is 415, in JSON", async () => {
  const { url } = await startServer();
  const types = ["text/plain", "application/grpc", "application/json; charset=utf-16", "multipart/form-data", "x", ""];
  for (const { path } of signals) {
    for (const type of types) {
      const reply = await postOtlp(url, { path, headers: { "content-type": type }, body: "{}" });
      expect([type, reply.status, statusOf(reply)]).toMatchObject([type, 415, { code: 3 }]);
    }
  }
});

describe("over gRPC", () => {
  test("what cannot be decoded is INTERNAL, as in libraries of gRPC: that is not to be sent again", async () => {
    const { url } = await startServer();
    for (const { grpcPath: path, bodyOf } of signals) {
      expect(codeOf(await callRaw(url, Uint8Array.of(0x0a, 0xff), { path }))).toBe(grpcStatus.INTERNAL);
      expect(codeOf(await callRaw(url, Buffer.from(bodyOf([1], "binary")), { path }))).toBe(grpcStatus.OK);
    }
  });

  test("a message may be as large as the limit and not larger, after decompression; that is not to be sent again", async () => {
    const { url } = await startServer({ environment: { CYLESTIO_OTLP_BODY_MAX_BYTES: "20000" } });
    for (const { grpcPath: path } of signals) {
      for (const gzip of [false, true]) {
        expect(codeOf(await callRaw(url, paddedTo(20_000), { path, gzip }))).toBe(grpcStatus.OK);
        expect(codeOf(await callRaw(url, paddedTo(20_001), { path, gzip }))).toBe(grpcStatus.RESOURCE_EXHAUSTED);
      }
    }
    const client = new GrpcJsClient(Number(new URL(url).port));
    const scope = { name: "a".repeat(20_000) };
    const request = { resource_spans: [{ scope_spans: [{ scope, spans: [] }] }] };
    const error = await failureOf(client.call("opentelemetry.proto.collector.trace.v1.TraceService/Export", request));
    client.close();
    expect(error?.code).toBe(grpcStatus.RESOURCE_EXHAUSTED);
    expect(error && detailsOf(error)).toEqual([]);
  });

  test("the limit is not that of the server's other services", async () => {
    const { url } = await startServer({ environment: { CYLESTIO_BODY_MAX_BYTES: "1024" } });
    expect(codeOf(await callRaw(url, paddedTo(20_000)))).toBe(grpcStatus.OK);
    expect((await postOtlp(url, { body: paddedTo(20_000) })).status).toBe(200);
  });
});

/** Arrays or maps in one another. */
function nested(levels: number, wrap: (value: unknown) => unknown): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = wrap(value);
  return value;
}

test("a value nested too deep rejects its span, not the request", async () => {
  const { url } = await startServer();
  const deep = [
    { spanId: "00000000000000d1", attributes: { deep: nested(31, (value) => [value]) } },
    { spanId: "00000000000000d2", attributes: { deep: nested(40, (value) => [value]) } },
    { spanId: "00000000000000d3", attributes: { deep: nested(400, (value) => [value]) } },
    { spanId: "00000000000000d4", attributes: { deep: nested(300, (value) => ({ k: value })) } },
  ];
  for (const exporter of exporters) {
    expect([exporter.name, await exporter.exportSpans(url, buildSpans(deep))]).toEqual([
      exporter.name,
      { partialSuccess: { rejectedSpans: "3", errorMessage: "number 1: attributes must have at most 32 levels" } },
    ]);
  }
  expect(await getJson(url, "/api/events")).toHaveLength(1);
});

test("a request nested deeper than can be read is refused, not a fault", async () => {
  const { url } = await startServer();
  // An array of one value, and the value of an array, are messages in one another; built from the inside.
  let value = Buffer.alloc(0);
  for (let level = 0; level < 3_000; level += 1) value = lengthDelimited(level % 2 === 0 ? 1 : 5, value);
  const attribute = lengthDelimited(1, lengthDelimited(2, value));
  const message = lengthDelimited(1, lengthDelimited(1, attribute));
  expect(statusOf(await postOtlp(url, { body: message }))).toMatchObject({ code: 3 });
  expect(codeOf(await callRaw(url, message))).toBe(grpcStatus.INTERNAL);
  const text = `{"resourceSpans":${"[".repeat(200_000)}`;
  expect((await postOtlp(url, { encoding: "json", body: text })).status).toBe(400);
  const json = `{"resourceSpans":[{"x":${"[".repeat(100_000)}${"]".repeat(100_000)}}]}`;
  expect((await postOtlp(url, { encoding: "json", body: json })).status).toBe(400);
});

function lengthDelimited(field: number, bytes: Buffer): Buffer<ArrayBuffer> {
  const head = [(field << 3) | 2];
  for (let length = bytes.length; ; length >>= 7) {
    head.push(length > 0x7f ? (length & 0x7f) | 0x80 : length);
    if (length <= 0x7f) return Buffer.concat([Buffer.from(head), bytes]);
  }
}

test("a resource nested too deep rejects its own spans alone", async () => {
  const { url } = await startServer();
  const request = buildSpans([{ spanId }]);
  const deep = buildSpans([{ spanId: "00000000000000e1" }]);
  for (const { resource } of deep.resourceSpans) {
    resource?.attributes.push(...keyValues({ deep: nested(200, (value) => [value]) }));
  }
  request.resourceSpans.push(...deep.resourceSpans);
  for (const exporter of exporters) {
    expect(await exporter.exportSpans(url, request)).toMatchObject({ partialSuccess: { rejectedSpans: "1" } });
  }
  expect(await getJson(url, "/api/events")).toHaveLength(1);
});
