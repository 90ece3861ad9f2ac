import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { startServer } from "../running-server.ts";
import { callError, createClients, grpcClients, protocols } from "./clients.ts";
import { nested } from "./event-cases.ts";
import { getJson, parseBody, restError, send, sendJson } from "./http.ts";
import { envelope, sendOverHttp2 } from "./raw.ts";
import { eventInputFromSample } from "./senders.ts";

const singlePath = "/api/v1/telemetry";
const batchPath = "/api/v1/telemetry/batch";
const rpcPath = "/cylestio.v1.TelemetryService/SendEvents";
const streamPath = "/cylestio.v1.TelemetryService/StreamEvents";
const event = { timestamp: "2025-06-01T08:00:00.000000Z", agent_id: "agent", name: "tick", attributes: {} };
const json = { "content-type": "application/json" };

describe("a body that is no JSON", () => {
  const bodies: Readonly<Record<string, string>> = {
    empty: "",
    "white space": " \n",
    truncated: '{"timestamp":"2025-06-01T08:00:00Z","agent_id":"ag',
    "truncated in a list": "[{},",
    "followed by more": "{}{}",
    "a bare word": "nothing",
    "with single quotes": "{'a':1}",
    "with a comma too many": '{"a":1,}',
    "with a raw line feed in a string": '{"a":"\n"}',
    "with NaN as a key": "{NaN:1}",
    "with half a NaN": '{"a":Na}',
    "nested without an end": "[".repeat(100_000),
  };

  test("is refused over REST and Connect", async () => {
    const { url } = await startServer();

    for (const [what, body] of Object.entries(bodies)) {
      for (const path of [singlePath, batchPath]) {
        const error = restError(await sendJson(url, path, body));
        const expected = { status: 400, code: "invalid_argument", reasons: ["MALFORMED_BODY"], hasRetryInfo: false };
        expect({ what, path, ...error }).toMatchObject({ what, path, ...expected });
      }
      expect([what, await connectError(url, body)]).toEqual([what, undecodable]);
    }
    expect(await getJson(url, "/api/events")).toEqual([]);
  });

  test("is refused if it is no UTF-8", async () => {
    const { url } = await startServer();
    const body = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]);

    const reply = await send(url, singlePath, { method: "POST", headers: json, body });

    expect(restError(reply)).toMatchObject({ status: 400, reasons: ["MALFORMED_BODY"] });
  });

  test("is never quoted in the answer", async () => {
    const { url } = await startServer();

    const reply = await sendJson(url, singlePath, '{"api_key":"secret-1234", oops}');

    expect(reply.status).toBe(400);
    expect(reply.text).not.toContain("secret");
  });

  test("of a batch that is neither a list nor has one is refused as a whole", async () => {
    const { url } = await startServer();

    for (const body of ["5", '"text"', "null", "{}", '{"events":{}}', '{"events":null}', '{"event":[]}']) {
      const error = restError(await sendJson(url, batchPath, body));
      expect({ body, ...error }).toMatchObject({
        body,
        status: 400,
        reasons: ["MALFORMED_BODY"],
        fields: ["events MALFORMED_BODY"],
      });
    }
  });
});

describe("Connect JSON", () => {
  const messages: Readonly<Record<string, unknown>> = {
    "a field that does not exist": { events: [{ ...rpcEvent(), agentid: "x" }] },
    "a name of the REST format": { events: [{ ...rpcEvent(), timestamp: event.timestamp }] },
    "a misspelt batch": { event: [rpcEvent()] },
    "a number as agent": { events: [{ ...rpcEvent(), agentId: 5 }] },
    "an object as name": { events: [{ ...rpcEvent(), name: {} }] },
    "a time without an offset": { events: [{ ...rpcEvent(), eventTime: "2025-06-01T08:00:00" }] },
    "a time of the year 10000": { events: [{ ...rpcEvent(), eventTime: "10000-01-01T00:00:00Z" }] },
    "a number as time": { events: [{ ...rpcEvent(), eventTime: 1748764800 }] },
    "a text as duration": { events: [{ ...rpcEvent(), durationMs: "long" }] },
    "a line that is no 32-bit integer": { events: [{ ...rpcEvent(), callerLine: 2 ** 31 }] },
    "both forms of attributes": { events: [{ ...rpcEvent(), attributes: {}, attributesJson: "{}" }] },
    "attributes that are a list": { events: [{ ...rpcEvent(), attributes: [] }] },
    "half a surrogate pair": { events: [{ ...rpcEvent(), agentId: "a\ud83d" }] },
    "a list": [rpcEvent()],
  };

  test("on ingest refuses the whole message where it is not what the contract says", async () => {
    const { url } = await startServer();

    for (const [what, body] of Object.entries(messages)) {
      expect([what, await connectError(url, JSON.stringify(body))]).toEqual([what, undecodable]);
    }
    expect(await getJson(url, "/api/events")).toEqual([]);
  });

  test("on ingest takes the names of the fields in both spellings", async () => {
    const { url } = await startServer();
    const snakeCase = { event_time: event.timestamp, agent_id: "agent", name: "tick" };

    const reply = await sendJson(url, rpcPath, { events: [rpcEvent(), snakeCase] });

    expect([reply.status, parseBody(reply)]).toEqual([200, { receipt: { acceptedCount: 2 } }]);
  });

  test("for reading passes over unknown fields", async () => {
    const { url } = await startServer();

    const reply = await sendJson(url, "/cylestio.v1.EventService/ListEvents", { fromTheFuture: 1 });

    expect([reply.status, reply.text]).toEqual([200, "{}"]);
  });
});

describe("a message that cannot be decoded", () => {
  const garbage = Buffer.alloc(30, 0xff);
  const grpcHeaders = { ":method": "POST", "content-type": "application/grpc", te: "trailers" };

  test("is refused over Connect, with a request id and nothing stored", async () => {
    const { url } = await startServer();

    for (const body of [garbage, garbage.subarray(0, 1), Buffer.from("{}"), Buffer.from([0x0a, 0xff])]) {
      const reply = await send(url, rpcPath, {
        method: "POST",
        headers: { "content-type": "application/proto" },
        body,
      });
      // Connect's own code for it; a stream says invalid_argument.
      expect([reply.status, parseBody(reply)]).toEqual([500, { code: "internal", message: expect.any(String) }]);
      expect(reply.headers.get("x-request-id")).toBeTruthy();
    }
    expect(await getJson(url, "/api/events")).toEqual([]);
  });

  test("is refused over gRPC, and so is a frame that is none", async () => {
    const { url } = await startServer({ environment: { CYLESTIO_BODY_MAX_BYTES: "4096" } });
    const headers = { ...grpcHeaders, ":path": rpcPath };
    const statusOf = async (body: Buffer) => (await sendOverHttp2(url, headers, { body })).trailers["grpc-status"];

    expect(await statusOf(envelope(garbage))).toBe("13");
    expect(await statusOf(envelope(garbage).subarray(0, 12))).toBe("3");
    expect(await statusOf(Buffer.from("GET / HTTP/1.1\r\n"))).toBe("8");
    expect(await statusOf(envelope(Buffer.alloc(0)))).toBe("0");
  });

  test("is one with attributes that are nested too deep for the decoder, and then nothing of it is stored", async () => {
    const { url } = await startServer();
    const events = [32, 120].map((levels) =>
      eventInputFromSample({ ...event, attributes: JSON.parse(nested(levels)) }, "attributes"),
    );

    for (const protocol of protocols.filter(({ name }) => !name.includes("GET"))) {
      const { telemetry } = createClients(protocol, url);
      const error = await callError(telemetry.sendEvents({ events }));
      const isJson = protocol.name.includes("JSON");
      // Connect's own code for a binary message, as above.
      expect([protocol.name, error.code]).toEqual([protocol.name, isJson ? "invalid_argument" : "internal"]);
      expect(await getJson(url, "/api/events")).toEqual([]);
    }
    const asText = events.map((one) => ({
      ...one,
      attributesValue: { case: "attributesJson" as const, value: nested(120) },
    }));
    const [first = {}] = events;
    const { receipt } = await grpcClients(url).telemetry.sendEvents({ events: [first, ...asText] });
    expect(receipt).toMatchObject({ acceptedCount: 1, rejectedCount: 2 });
  });

  test.for(["application/grpc", "application/grpc-web+proto", "application/connect+proto", "application/connect+json"])(
    "ends a stream after the answers to those before it: %s",
    async (contentType) => {
      const { url } = await startServer();
      const empty = Buffer.from(contentType.endsWith("json") ? "{}" : "");
      const headers = { ...grpcHeaders, ":path": streamPath, "content-type": contentType };

      const { body, trailers } = await sendOverHttp2(url, headers, {
        body: Buffer.concat([envelope(empty), envelope(garbage)]),
      });

      expect(body.readUInt8(0)).toBe(0);
      // Where the end of the stream is told depends on the protocol.
      const end = `${body.subarray(7)} grpc-status: ${trailers["grpc-status"]} ${trailers["grpc-status-details-bin"]}`;
      const details = /grpc-status-details-bin: (\S+)/.exec(end)?.[1] ?? String(trailers["grpc-status-details-bin"]);
      expect(end).toMatch(/"code":"invalid_argument"|grpc-status: 3/);
      expect(end + Buffer.from(details, "base64").toString()).toContain("MALFORMED_BODY");
    },
  );
});

describe("a content type that is not taken", () => {
  const contentTypes = [
    "text/plain",
    "text/plain;charset=UTF-8",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/xml",
    "application/jsonp",
    "text/json",
    "application/json; charset=latin1",
    "application/x-ndjson",
    "json",
    "*/*",
  ];

  test("is refused on ingest, so that no web page can write", async () => {
    const { url } = await startServer();

    for (const contentType of contentTypes) {
      const post = { method: "POST", headers: { "content-type": contentType }, body: JSON.stringify(event) };
      for (const path of ["/", singlePath, "/v1/telemetry", batchPath]) {
        const { status, reasons } = restError(await send(url, path, post));
        expect([contentType, path, status, reasons]).toEqual([contentType, path, 415, ["UNSUPPORTED_MEDIA_TYPE"]]);
      }
      expect([contentType, (await send(url, rpcPath, post)).status]).toEqual([contentType, 415]);
    }
    expect(await getJson(url, "/api/events")).toEqual([]);
  });

  test("is none at all, or that of a web page's form over gRPC", async () => {
    const { url } = await startServer();
    const body = Buffer.from(JSON.stringify(event));

    const reply = await send(url, singlePath, { method: "POST", body });
    const overHttp2 = await sendOverHttp2(
      url,
      { ":method": "POST", ":path": rpcPath, "content-type": "text/plain" },
      { body },
    );

    expect(restError(reply)).toMatchObject({ status: 415, reasons: ["UNSUPPORTED_MEDIA_TYPE"] });
    expect(overHttp2.status).toBe(415);
  });

  test("is not JSON, however it is spelt", async () => {
    const { url } = await startServer();

    for (const contentType of [
      "application/json",
      "application/json;charset=utf-8",
      'Application/JSON; charset="UTF-8"',
    ]) {
      const reply = await sendJson(url, singlePath, event, { headers: { "content-type": contentType } });
      expect([contentType, reply.status]).toEqual([contentType, 202]);
    }
  });
});

describe("a content encoding", () => {
  const body = JSON.stringify(event);

  test("is taken over REST if it is a known one", async () => {
    const { url } = await startServer();
    const gzip = gzipSync(body);
    const bodies = { gzip, "x-gzip": gzip, GZIP: gzip, deflate: deflateSync(body), br: brotliCompressSync(body) };

    for (const [encoding, bytes] of Object.entries({ ...bodies, identity: Buffer.from(body) })) {
      const headers = { ...json, "content-encoding": encoding };
      const reply = await send(url, singlePath, { method: "POST", headers, body: bytes });
      expect([encoding, reply.status]).toEqual([encoding, 202]);
    }
    expect(await getJson(url, "/api/events")).toHaveLength(1);
  });

  test("that is not known is refused", async () => {
    const { url } = await startServer();

    for (const encoding of ["zstd", "compress", "gzip, gzip", "identity, gzip", "nothing"]) {
      const post = { method: "POST", headers: { ...json, "content-encoding": encoding }, body };
      const { status, reasons } = restError(await send(url, singlePath, post));
      expect([encoding, status, reasons]).toEqual([encoding, 415, ["UNSUPPORTED_MEDIA_TYPE"]]);
      expect([encoding, (await send(url, rpcPath, post)).status]).toEqual([encoding, 501]);
    }
  });

  test("that the body does not have is refused", async () => {
    const { url } = await startServer();
    const whole = gzipSync(body);

    const overConnect = await send(url, rpcPath, {
      method: "POST",
      headers: { ...json, "content-encoding": "gzip" },
      body,
    });
    expect([overConnect.status, parseBody(overConnect)]).toMatchObject([400, { code: "invalid_argument" }]);
    for (const bytes of [body, whole.subarray(0, whole.length - 10), Buffer.alloc(0)]) {
      const post = { method: "POST", headers: { ...json, "content-encoding": "gzip" }, body: bytes };
      const error = restError(await send(url, singlePath, post));
      expect(error).toMatchObject({ status: 400, code: "invalid_argument", reasons: ["MALFORMED_BODY"] });
    }
  });
});

/** A good event in the JSON of the contract. */
function rpcEvent() {
  return { eventTime: event.timestamp, agentId: event.agent_id, name: event.name };
}

/** What Connect says of a message that it cannot decode: no details, because no handler has seen it. */
const undecodable = {
  status: 400,
  body: { code: "invalid_argument", message: expect.any(String) },
  requestId: expect.any(String),
};

async function connectError(url: string, body: string): Promise<unknown> {
  const reply = await sendJson(url, rpcPath, body);
  return { status: reply.status, body: parseBody(reply), requestId: reply.headers.get("x-request-id") };
}
