import { describe, expect, test } from "vitest";
import { startServer } from "../running-server.ts";
import { callError, createClients, grpcClients, protocols, streamOf } from "./clients.ts";
import { type ErrorBody, getJson, parseBody, restError, sendJson } from "./http.ts";
import { eventInputFromSample, type RestReceipt } from "./senders.ts";

const environment = { CYLESTIO_DURABILITY: "normal" };
const event = { timestamp: "2025-06-01T08:00:00.000000Z", agent_id: "agent", name: "tick", attributes: { n: 1 } };
const message = eventInputFromSample(event, "attributes");
const bad = { ...event, agent_id: 5 };
const badMessage = { ...message, agentId: "" };

/** Messages that a client sends: each way once, for the version of HTTP makes no difference. */
const sending = protocols.filter(
  ({ name }) => !name.includes("GET") && (name.endsWith("HTTP/1.1") || !name.includes("HTTP")),
);

const noEvents = { acceptedCount: 0, duplicateCount: 0, rejectedCount: 0, rejections: [] };

describe("a batch", () => {
  test("without events is refused over REST, and nothing special over RPC", async () => {
    const { url } = await startServer({ environment });

    for (const path of ["/api/v1/telemetry/batch", "/v1/telemetry/batch/"]) {
      for (const body of ["[]", '{"events":[]}']) {
        expect(restError(await sendJson(url, path, body))).toMatchObject({
          status: 400,
          code: "invalid_argument",
          reasons: ["BATCH_EMPTY"],
          message: "No events provided",
        });
      }
    }
    for (const protocol of sending) {
      const { receipt } = await createClients(protocol, url).telemetry.sendEvents({});
      expect(receipt).toMatchObject(noEvents);
    }
  });

  test("without any acceptable event is refused over REST with its receipt, and over RPC answered with it", async () => {
    const { url } = await startServer({ environment });

    const reply = await sendJson(url, "/v1/telemetry/batch", [bad, { ...event, timestamp: "never" }]);

    expect(restError(reply)).toMatchObject({ status: 400, code: "invalid_argument", reasons: ["ALL_EVENTS_REJECTED"] });
    const details = parseBody<ErrorBody>(reply).error.details.filter(({ "@type": type }) => type.endsWith("Receipt"));
    expect(details).toEqual([
      {
        "@type": "type.googleapis.com/cylestio.v1.Receipt",
        accepted_count: 0,
        duplicate_count: 0,
        rejected_count: 2,
        rejections: [
          { index: 0, field: "agent_id", reason: "FIELD_INVALID", message: expect.any(String) },
          { index: 1, field: "timestamp", reason: "TIME_INVALID", message: expect.any(String) },
        ],
      },
    ]);
    for (const protocol of sending) {
      const { receipt } = await createClients(protocol, url).telemetry.sendEvents({ events: [badMessage, badMessage] });
      expect(receipt).toMatchObject({
        rejectedCount: 2,
        rejections: [
          { index: 0, field: "agent_id", reason: "FIELD_REQUIRED" },
          { index: 1, field: "agent_id", reason: "FIELD_REQUIRED" },
        ],
      });
    }
  });

  test("of which nothing is new is no error", async () => {
    const { url } = await startServer({ environment });
    await sendJson(url, "/v1/telemetry", event);

    const reply = await sendJson(url, "/v1/telemetry/batch", [bad, event]);

    expect(reply.status).toBe(201);
    expect(parseBody(reply)).toMatchObject({ accepted_count: 0, duplicate_count: 1, rejected_count: 1 });
  });

  test("keeps its good events whatever the bad ones are, and names each of these by its index", async () => {
    const { url } = await startServer({ environment });
    const deep = `{"attributes":${"[".repeat(10_000)}${"]".repeat(10_000)},${JSON.stringify(event).slice(1)}`;
    const parts = [
      { ...event, name: "0" },
      bad,
      { ...event, name: "2" },
      null,
      7,
      [event],
      { ...event, name: "6" },
      {},
    ];
    const texts = parts.map((part) => JSON.stringify(part)).concat(deep.replace(/,"attributes":\{"n":1\}/, ""));

    const reply = await sendJson(url, "/v1/telemetry/batch", `[${texts.join(",")}]`);

    expect(reply.status).toBe(201);
    const receipt = parseBody<RestReceipt>(reply);
    expect(receipt).toMatchObject({ accepted_count: 3, duplicate_count: 0, rejected_count: 6 });
    expect(receipt.rejections.map(({ index, field, reason }) => `${index} ${field} ${reason}`)).toEqual([
      "1 agent_id FIELD_INVALID",
      "3 event FIELD_INVALID",
      "4 event FIELD_INVALID",
      "5 event FIELD_INVALID",
      "7 timestamp FIELD_REQUIRED",
      "8 attributes NESTING_TOO_DEEP",
    ]);
    const stored = await getJson<readonly { readonly event_type: string }[]>(url, "/api/events?sort=asc");
    expect(stored.map(({ event_type }) => event_type)).toEqual(["0", "2", "6"]);
  });

  test.for([
    [3, 3],
    [1, 1],
  ] as const)("holds as many events as the setting says, and not one more: %i", async ([limit]) => {
    const { url } = await startServer({ environment: { ...environment, CYLESTIO_BATCH_MAX_EVENTS: String(limit) } });
    const events = Array.from({ length: limit }, (_, index) => ({ ...event, name: `tick ${index}` }));
    const tooMany = [...events, event];

    expect((await sendJson(url, "/v1/telemetry/batch", events)).status).toBe(201);
    for (const body of [tooMany, { events: tooMany }]) {
      const reply = await sendJson(url, "/v1/telemetry/batch", body);
      expect(restError(reply)).toMatchObject({ status: 400, code: "invalid_argument", reasons: ["BATCH_TOO_LARGE"] });
      expect(reply.text).toContain(`"batch_max_events":"${limit}"`);
    }
    for (const protocol of sending) {
      const { telemetry } = createClients(protocol, url);
      const inputs = tooMany.map((one) => eventInputFromSample(one, "attributes"));
      expect((await telemetry.sendEvents({ events: inputs.slice(1) })).receipt?.rejectedCount).toBe(0);
      const error = await callError(telemetry.sendEvents({ events: inputs }));
      expect(error).toMatchObject({ code: "invalid_argument", reasons: ["BATCH_TOO_LARGE"], hasRetryInfo: false });
    }
  });

  test("may hold 10,000 events, and not 10,001", async () => {
    const { url } = await startServer({ environment });
    const events = Array.from({ length: 10_001 }, () => bad);

    const { error } = parseBody<ErrorBody>(await sendJson(url, "/v1/telemetry/batch", events.slice(1)));
    const refused = await sendJson(url, "/v1/telemetry/batch", events);

    expect(error.reason).toBe("ALL_EVENTS_REJECTED");
    expect(restError(refused).reasons).toEqual(["BATCH_TOO_LARGE"]);
  });

  test("that is too large in a stream ends the stream, and those before it are stored", async () => {
    const { url } = await startServer({ environment: { ...environment, CYLESTIO_BATCH_MAX_EVENTS: "1" } });
    const batches = streamOf(
      { batchNumber: 1n, events: [message] },
      { batchNumber: 2n, events: [message, message] },
      { batchNumber: 3n, events: [{ ...message, name: "unanswered" }] },
    );
    const answers = grpcClients(url).telemetry.streamEvents(batches)[Symbol.asyncIterator]();

    expect((await answers.next()).value).toMatchObject({ batchNumber: 1n, receipt: { acceptedCount: 1 } });
    expect(await callError(answers.next())).toMatchObject({ code: "invalid_argument", reasons: ["BATCH_TOO_LARGE"] });
    // What came behind it may be stored as well, or not: it has no receipt.
    expect(await getJson(url, "/api/events?sort=asc")).toContainEqual(expect.objectContaining({ id: 1 }));
  });

  test("that has bad events in it does not end a stream", async () => {
    const { url } = await startServer({ environment });
    const batches = streamOf(
      { batchNumber: 7n, events: [badMessage, message] },
      { batchNumber: 7n, events: [] },
      { batchNumber: -1n, events: [message, badMessage] },
    );

    const answers: unknown[] = [];
    for await (const answer of grpcClients(url).telemetry.streamEvents(batches)) answers.push(answer);

    expect(answers).toMatchObject([
      { batchNumber: 7n, receipt: { acceptedCount: 1, rejections: [{ index: 0 }] } },
      { batchNumber: 7n, receipt: noEvents },
      { batchNumber: -1n, receipt: { duplicateCount: 1, rejections: [{ index: 1 }] } },
    ]);
  });
});

describe("an event that was sent before", () => {
  test("is a duplicate however it is spelt", async () => {
    const { url } = await startServer({ environment });
    const spellings = [
      '{"timestamp":"2025-06-01T08:00:00Z","agent_id":"agent","name":"tick","attributes":{"a":1,"b":2.5}}',
      '{"attributes":{"b":2.50,"a":1.0},"name":"tick","agent_id":"agent","timestamp":"2025-06-01T10:00:00.000000+02:00"}',
      '{"timestamp":"20250601T080000","agent_id":"agent","event_type":"tick","data":{"b":25e-1,"a":1e0},"level":"INFO"}',
      '{"timestamp":"2025-06-01 08:00","agent_id":"agent","event":"tick","data":{"a":1,"b":2.5},"channel":null,"session_id":""}',
    ];

    for (const spelling of spellings) expect((await sendJson(url, "/v1/telemetry", spelling)).status).toBe(201);

    expect(await getJson(url, "/api/events")).toHaveLength(1);
  });

  test("is kept twice if one request holds it twice, and a retry of that request adds nothing", async () => {
    const { url } = await startServer({ environment });
    const batch = [event, { ...event, name: "other" }, event, event];

    const replies = [
      await sendJson(url, "/v1/telemetry/batch", batch),
      await sendJson(url, "/api/v1/telemetry/batch", { events: batch }),
    ];
    const events = batch.map((one) => eventInputFromSample(one, "attributes_json"));
    const { receipt } = await grpcClients(url).telemetry.sendEvents({ events });

    expect(replies.map(parseBody)).toMatchObject([
      { accepted_count: 4, duplicate_count: 0 },
      { accepted_count: 0, duplicate_count: 4 },
    ]);
    expect(receipt).toMatchObject({ acceptedCount: 0, duplicateCount: 4 });
    expect(await getJson(url, "/api/events")).toHaveLength(4);
  });

  test("with the client's own id is a duplicate with the same content, and else a conflict", async () => {
    const { url } = await startServer({ environment });
    const named = { ...event, event_id: "mine" };
    const other = { ...named, attributes: { n: 2 } };
    await sendJson(url, "/v1/telemetry", named);

    const same = await sendJson(url, "/v1/telemetry", named);
    const alone = await sendJson(url, "/v1/telemetry", other);
    const batch = await sendJson(url, "/v1/telemetry/batch", [other, named, { ...other, event_id: "new" }]);

    expect(parseBody(same)).toMatchObject({ duplicate: true });
    expect(restError(alone)).toMatchObject({
      status: 400,
      code: "invalid_argument",
      reasons: ["EVENT_ID_CONFLICT"],
      fields: ["event_id EVENT_ID_CONFLICT"],
    });
    expect(parseBody(batch)).toMatchObject({
      accepted_count: 1,
      duplicate_count: 1,
      rejections: [{ index: 0, field: "event_id", reason: "EVENT_ID_CONFLICT" }],
    });
    expect(await getJson(url, "/api/events?sort=asc")).toMatchObject([
      { client_event_id: "mine", data: { n: 1 } },
      { client_event_id: "new", data: { n: 2 } },
    ]);
  });

  test("with the client's own id conflicts over every RPC, and inside one batch", async () => {
    const { url } = await startServer({ environment });
    for (const protocol of sending) {
      const { telemetry } = createClients(protocol, url);
      const named = { ...message, agentId: protocol.name, eventId: "mine" };
      const { receipt } = await telemetry.sendEvents({ events: [named, named, { ...named, level: "DEBUG" }] });
      expect(receipt).toMatchObject({
        acceptedCount: 1,
        duplicateCount: 1,
        rejections: [{ index: 2, field: "event_id", reason: "EVENT_ID_CONFLICT" }],
      });
      const error = await callError(telemetry.sendEvent({ event: { ...named, name: "other" } }));
      expect(error).toMatchObject({
        code: "invalid_argument",
        reasons: ["EVENT_ID_CONFLICT"],
        fields: ["event_id EVENT_ID_CONFLICT"],
      });
    }
  });

  test("by another agent, or at another time, with the same id is another event", async () => {
    const { url } = await startServer({ environment });
    const named = { ...event, event_id: "mine" };

    for (const one of [named, { ...named, agent_id: "other" }, { ...named, timestamp: "2025-06-01T08:00:00.001Z" }]) {
      expect((await sendJson(url, "/v1/telemetry", one)).status).toBe(201);
    }

    expect(await getJson(url, "/api/events")).toHaveLength(3);
  });
});
