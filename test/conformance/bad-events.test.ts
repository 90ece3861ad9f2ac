import { describe, expect, test } from "vitest";
import type { Receipt } from "../../gen/cylestio/v1/receipt_pb.ts";
import { startServer } from "../running-server.ts";
import { type CallError, callError, createClients, type Protocol, protocols } from "./clients.ts";
import {
  type BadEvent,
  badSizes,
  badTimes,
  type EventCase,
  environment,
  goodEdges,
  goodEvent,
  goodMessage,
  missingFields,
  nowMs,
  wrongValues,
} from "./event-cases.ts";
import { getJson, parseBody, type RestError, restError, sendJson } from "./http.ts";
import type { RestReceipt } from "./senders.ts";

const start = () => startServer({ environment, nowMs: () => nowMs });

/** One protocol of each encoding: what comes behind it is the same for all. */
const sendingProtocols = protocols.filter(({ name }) => ["Connect JSON, HTTP/1.1", "gRPC"].includes(name));

/** What became of an event that was sent. */
interface Outcome {
  readonly what: string;
  readonly error: CallError | RestError;
  readonly receipt: RestReceipt;
}

describe.for([
  ["lacks a field", missingFields],
  ["has a wrong value", wrongValues],
  ["has a bad time", badTimes],
  ["is too large, too deep or no Unicode", badSizes],
] as const)("an event that %s", ([, cases]) => {
  test("is refused over REST, alone and in a batch, by its field and a reason", async () => {
    const { url } = await start();
    const bad = cases.filter(({ rest }) => rest !== undefined);

    const outcomes: Outcome[] = [];
    for (const [index, one] of bad.entries()) {
      const error = restError(await sendJson(url, "/api/v1/telemetry", textOf(one)));
      const batch = [goodBefore, goodAfter].map((agent) =>
        JSON.stringify({ ...goodEvent, agent_id: `${agent} ${index}` }),
      );
      const reply = await sendJson(url, "/api/v1/telemetry/batch", `[${batch.join(`,${textOf(one)},`)}]`);
      expect(reply.status).toBe(202);
      outcomes.push({ what: one.what, error, receipt: parseBody(reply) });
    }

    expect(outcomes).toEqual(bad.map((one) => refusalOf(one, one.restField)));
    expect(await getJson(url, "/api/events?limit=1000")).toHaveLength(2 * bad.length);
  });

  test.for(sendingProtocols)("is refused over $name", async (protocol) => {
    const { url } = await start();
    const { telemetry } = createClients(protocol, url);
    const bad = cases.filter(({ rpc, binaryOnly }) => rpc !== undefined && !(binaryOnly && isJson(protocol)));

    const outcomes: Outcome[] = [];
    for (const [index, { what, rpc }] of bad.entries()) {
      const message = { ...goodMessage, ...rpc };
      const error = await callError(telemetry.sendEvent({ event: message }));
      const [before, after] = [goodBefore, goodAfter].map((agent) => ({
        ...goodMessage,
        agentId: `${agent} ${index}`,
      }));
      const { receipt } = await telemetry.sendEvents({ events: [before ?? {}, message, after ?? {}] });
      outcomes.push({ what, error, receipt: restReceipt(receipt) });
    }

    expect(outcomes).toEqual(bad.map((one) => refusalOf(one, one.rpcField)));
    expect(await getJson(url, "/api/events?limit=1000")).toHaveLength(2 * bad.length);
  });
});

test("an event that is just not too much is accepted, and is the same over every protocol", async () => {
  const { url } = await start();
  const receipts: unknown[] = [];
  const expected: unknown[] = [];

  for (const good of goodEdges) {
    const reply = await sendJson(url, "/v1/telemetry", textOf(good));
    const { event_id: eventId, duplicate } = parseBody<{ readonly event_id: string; readonly duplicate: boolean }>(
      reply,
    );
    receipts.push([good.what, reply.status, duplicate]);
    expected.push([good.what, 201, false]);
    for (const protocol of sendingProtocols) {
      const { telemetry } = createClients(protocol, url);
      const again = await telemetry.sendEvent({ event: { ...goodMessage, ...good.rpc } });
      receipts.push([good.what, protocol.name, again.eventId, again.duplicate]);
      expected.push([good.what, protocol.name, eventId, true]);
    }
  }

  expect(receipts).toEqual(expected);
});

describe("an event is accepted", () => {
  test("with half a surrogate pair in its attributes, which is kept", async () => {
    const { url } = await start();
    const attributes = '{"half":"a\\ud83d","\\udc00":[1]}';

    const reply = await sendJson(url, "/v1/telemetry", `{"attributes":${attributes},${restOfGoodEvent()}`);

    expect(reply.status).toBe(201);
    expect(await getJson(url, "/api/events")).toMatchObject([{ data: { half: "a\ud83d", "\udc00": [1] } }]);
  });

  test("with NaN and infinities in its attributes, which become texts", async () => {
    const { url } = await start();
    const text = `{"attributes":{"n":NaN,"list":[Infinity,-Infinity],"text":"NaN, Infinity"},${restOfGoodEvent()}`;

    expect((await sendJson(url, "/v1/telemetry", text)).status).toBe(201);
    for (const protocol of sendingProtocols) {
      const value = {
        n: Number.NaN,
        list: [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
        text: "NaN, Infinity",
      };
      // The JSON of a Struct has no such numbers, so its clients do not send them.
      if (isJson(protocol)) continue;
      const event = { ...goodMessage, attributesValue: { case: "attributes" as const, value } };
      expect((await createClients(protocol, url).telemetry.sendEvent({ event })).duplicate).toBe(true);
    }

    expect(await getJson(url, "/api/events")).toMatchObject([
      { data: { n: "NaN", list: ["Infinity", "-Infinity"], text: "NaN, Infinity" } },
    ]);
  });

  test.for([
    ["a text", '"text"'],
    ["a number", "5"],
    ["a list", "[1,[2]]"],
    ["null", "null"],
    ["false", "false"],
  ] as const)("with attributes that are %s, which are kept", async ([, text]) => {
    const { url } = await start();

    expect((await sendJson(url, "/v1/telemetry", `{"data":${text},${restOfGoodEvent()}`)).status).toBe(201);

    expect(await getJson(url, "/api/events")).toMatchObject([{ data: JSON.parse(text) }]);
  });

  test("with a caller that says more or less than it should, which is kept", async () => {
    const { url } = await start();
    const callers = [
      "main.py",
      { line: -1 },
      { line: 1.5, file: "a.py" },
      { file: 5 },
      { file: "b.py", thread: 1 },
      [],
    ];

    for (const caller of callers) {
      expect((await sendJson(url, "/v1/telemetry", { ...goodEvent, caller })).status).toBe(201);
    }

    const events = await getJson<readonly { readonly extensions: unknown }[]>(url, "/api/events?sort=asc");
    expect(events.map(({ extensions }) => extensions)).toEqual(callers.map((caller) => ({ caller })));
    expect(events).toMatchObject([{}, {}, { caller_file: "a.py" }, {}, { caller_file: "b.py" }, {}]);
  });
});

const goodBefore = "before";
const goodAfter = "after";

function isJson({ name }: Protocol): boolean {
  return name.includes("JSON");
}

function textOf({ rest }: EventCase): string {
  return typeof rest === "string" ? rest : JSON.stringify({ ...goodEvent, ...rest });
}

/** The text of a good event behind its first brace, and without attributes. */
function restOfGoodEvent(): string {
  return JSON.stringify({ ...goodEvent, attributes: undefined }).slice(1);
}

/** What becomes of a bad event alone, and between two good ones. */
function refusalOf({ what, reason }: BadEvent, field: string | undefined): unknown {
  return {
    what,
    error: expect.objectContaining({
      code: "invalid_argument",
      reasons: [reason],
      fields: [`${field} ${reason}`],
      hasRetryInfo: false,
    }),
    receipt: {
      accepted_count: 2,
      duplicate_count: 0,
      rejected_count: 1,
      rejections: [{ index: 1, field, reason, message: expect.stringMatching(/./) }],
    },
  };
}

/** A receipt in the words of REST. */
function restReceipt(receipt: Receipt | undefined): RestReceipt {
  if (receipt === undefined) throw new Error("the answer has no receipt");
  return {
    accepted_count: receipt.acceptedCount,
    duplicate_count: receipt.duplicateCount,
    rejected_count: receipt.rejectedCount,
    rejections: receipt.rejections.map(({ index, field, reason, message }) => ({ index, field, reason, message })),
  };
}
