import { toJson } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import type { Agent } from "../../gen/cylestio/v1/agent_pb.ts";
import { AttributesFormat, type Event } from "../../gen/cylestio/v1/event_pb.ts";
import type { GetStatusResponse, IngestCounters } from "../../gen/cylestio/v1/status_service_pb.ts";
import { startServer } from "../running-server.ts";
import { readSampleEvents } from "../samples.ts";
import { type Clients, createClients, grpcClients, type Protocol, protocols } from "./clients.ts";
import { getJson, parseBody, sendJson } from "./http.ts";
import { sendOverHttp2 } from "./raw.ts";

/** Attributes with everything that JSON can hold and one of the protocols cannot. */
const trickyText =
  '{"big":12345678901234567890,"negative":-9007199254740993,"safe":9007199254740991,"digits":0.1234567890123456789,' +
  '"large":1e400,"float":1.5,"whole":2.0,"nan":NaN,"infinite":-Infinity,"__proto__":{"polluted":true},"constructor":"c",' +
  '"10":"ten","9":"nine","empty":{},"list":[null,true,[],{"deep":[1]}],"text":"Zürich 🚀 \\u0000 \\u2028","surrogate":"\\ud83d"}';

const trickyEvent = `{"timestamp":"2025-05-01T12:00:00.000001+02:00","agent_id":"tricky","name":"tool.call","event_id":77,
  "duration_ms":1.25,"caller":{"file":"a.py","line":3,"function":"f"},"channel":"","direction":"outgoing","trace_id":"t","span_id":"s",
  "parent_span_id":"p","schema_version":"1.0","level":"Warning","session_id":9007199254740993,"attributes":${trickyText},
  "extra":12345678901234567890,"more":{"__proto__":1}}`;

/** Starts a server with the samples and some events that are hard to carry. */
async function startFilledServer(): Promise<string> {
  const { url } = await startServer({ environment: { CYLESTIO_DURABILITY: "normal" } });
  const plain = { timestamp: "2025-05-01T12:00:00", agent_id: "tricky", name: "plain" };
  const bodies = [
    ...(["legacy-events.json", "v1-events.json"] as const).map((file) => JSON.stringify(readSampleEvents(file))),
    `[${trickyEvent}]`,
    JSON.stringify([plain, { ...plain, data: "a text" }, { ...plain, data: [1, 2] }, { ...plain, data: null }]),
  ];
  for (const body of bodies) expect((await sendJson(url, "/api/v1/telemetry/batch", body)).status).toBe(202);
  return url;
}

/** A question in both worlds. The answer of the RPC is put in the words of REST, so that the two can be compared. */
interface Question {
  readonly path: string;
  readonly ask: (clients: Clients) => Promise<unknown>;
}

const json = AttributesFormat.JSON;
const range = { fromTime: "2025-03-18T09:18:21.250Z", toTime: "2025-04-10T08:00:00.012345Z" };
const rangeQuery = `from_time=${range.fromTime}&to_time=${range.toTime}`;
const rangeMessage = { fromTime: timestamp(range.fromTime), toTime: timestamp(range.toTime) };

const questions: readonly Question[] = [
  { path: "/", ask: async ({ status }) => restStatus(await status.getStatus({})) },
  { path: "/healthz", ask: async ({ status }) => restStatus(await status.getStatus({})) },
  { path: "/api/agents", ask: async ({ agents }) => (await agents.listAgents({})).agents.map(restAgent) },
  {
    path: "/api/agents?page_size=2",
    ask: async ({ agents }) => (await agents.listAgents({ pageSize: 2 })).agents.map(restAgent),
  },
  {
    path: "/api/agents/ops_watch",
    ask: async ({ agents }) => restAgent(present((await agents.getAgent({ agentId: "ops_watch" })).agent)),
  },
  ...["inventory-helper", "tricky"].flatMap((agentId) => questionsAbout(agentId)),
  {
    path: "/api/events?limit=1000",
    ask: async ({ events }) => (await events.listEvents({ limit: 1000, attributesFormat: json })).events.map(restEvent),
  },
  {
    path: `/api/events?sort=ASC&level=INFO&${rangeQuery}`,
    ask: async ({ events }) => {
      const request = { sort: "ASC", level: "INFO", ...rangeMessage, pageSize: 100, attributesFormat: json };
      return (await events.listEvents(request)).events.map(restEvent);
    },
  },
  {
    path: "/api/events?channel=MCP&event_type=call_start&offset=1&page_size=1",
    ask: async ({ events }) => {
      const request = { channel: "MCP", name: "call_start", offset: 1, pageSize: 1, attributesFormat: json };
      return (await events.listEvents(request)).events.map(restEvent);
    },
  },
  {
    path: "/api/events/docs-rag?session_id=langchain-0d6a1c55-8a55-4a53-8f5e-0f6d0bfa1122",
    ask: async ({ events }) => {
      const sessionId = "langchain-0d6a1c55-8a55-4a53-8f5e-0f6d0bfa1122";
      const request = { agentId: "docs-rag", sessionId, attributesFormat: json };
      return (await events.listAgentEvents(request)).events.map(restEvent);
    },
  },
  {
    path: "/api/events/inventory-helper/LLM_call_start",
    ask: async ({ events }) => {
      const request = { agentId: "inventory-helper", name: "LLM_call_start", attributesFormat: json };
      return (await events.listAgentEventsByName(request)).events.map(restEvent);
    },
  },
];

function questionAboutEvent(eventId: string): Question {
  return {
    path: `/api/v1/events/${eventId}`,
    ask: async ({ events }) => restEvent(present((await events.getEvent({ eventId, attributesFormat: json })).event)),
  };
}

function questionsAbout(agentId: string): readonly Question[] {
  return [
    {
      path: `/api/agents/${agentId}/summary`,
      ask: async ({ agents }) => {
        const summary = present((await agents.getAgentSummary({ agentId })).summary);
        return {
          agent_id: summary.agentId,
          event_count_by_type: numbersOf(summary.eventCountByName),
          event_count_by_channel: numbersOf(summary.eventCountByChannel),
          avg_response_time_ms: summary.avgResponseTimeMs ?? null,
          first_seen: timeText(summary.firstSeenTime),
          last_seen: timeText(summary.lastSeenTime),
        };
      },
    },
    {
      path: `/api/metrics/${agentId}/event_counts?${rangeQuery}`,
      ask: async ({ metrics }) => {
        const counts = await metrics.getEventCounts({ agentId, ...rangeMessage });
        return {
          agent_id: counts.agentId,
          total_count: Number(counts.totalCount),
          count_by_level: numbersOf(counts.countByLevel),
          count_by_channel: numbersOf(counts.countByChannel),
        };
      },
    },
    {
      path: `/api/metrics/${agentId}/event_types`,
      ask: async ({ metrics }) => {
        const types = await metrics.getEventTypes({ agentId });
        return {
          agent_id: types.agentId,
          event_types: types.eventTypes.map(({ name, count, firstTime, latestTime }) => ({
            event_type: name,
            count: Number(count),
            first_time: timeText(firstTime),
            latest_time: timeText(latestTime),
          })),
        };
      },
    },
    {
      path: `/api/metrics/${agentId}/latency`,
      ask: async ({ metrics }) => {
        const latency = await metrics.getLatency({ agentId });
        const operations = latency.operations.map(({ count, errorCount, ...ms }) => ({
          kind: ms.kind,
          count: Number(count),
          error_count: Number(errorCount),
          mean_ms: ms.meanMs,
          min_ms: ms.minMs,
          max_ms: ms.maxMs,
          p50_ms: ms.p50Ms,
          p90_ms: ms.p90Ms,
          p95_ms: ms.p95Ms,
          p99_ms: ms.p99Ms,
        }));
        return { agent_id: latency.agentId, operations };
      },
    },
  ];
}

describe("an answer", () => {
  test("is the same over REST and over every protocol", async () => {
    const url = await startFilledServer();
    const [listed] = await getJson<readonly { readonly event_id: string }[]>(url, "/api/events/tricky/tool.call");
    const eventId = listed?.event_id ?? "";

    for (const { path, ask } of [
      ...questions,
      questionAboutEvent(eventId),
      questionAboutEvent(eventId.toUpperCase()),
    ]) {
      const expected = await getJson<unknown>(url, path);
      for (const protocol of protocols) {
        const answer = await ask(createClients(protocol, url));
        expect({ path, protocol: protocol.name, answer }).toEqual({ path, protocol: protocol.name, answer: expected });
      }
    }
  });

  test("is the same over HTTP/1.1 and HTTP/2", async () => {
    const url = await startFilledServer();

    for (const { path } of questions) {
      const { text } = await sendOverHttp2(url, { ":path": path });
      expect({ path, answer: parseBody({ text }) }).toEqual({ path, answer: await getJson(url, path) });
    }
  });

  test("lets a browser read by GET, with the message in the query", async () => {
    const url = await startFilledServer();
    const message = encodeURIComponent('{"agentId":"ops_watch"}');

    const answer = await getJson(url, `/cylestio.v1.AgentService/GetAgent?connect=v1&encoding=json&message=${message}`);

    expect(answer).toMatchObject({ agent: { agentId: "ops_watch", eventCount: "47" } });
  });
});

describe("pages", () => {
  test("lead to every event once, over every protocol", async () => {
    const url = await startFilledServer();
    const expected = (await getJson<readonly { readonly id: number }[]>(url, "/api/events?limit=1000")).map(
      ({ id }) => id,
    );

    for (const protocol of protocols) {
      const seen = await sequencesByPages(protocol, url);
      expect({ protocol: protocol.name, seen }).toEqual({ protocol: protocol.name, seen: expected });
    }
  });

  test("are 50 long over RPC and 100 long over REST where nothing is said", async () => {
    const url = await startFilledServer();
    const { events } = grpcClients(url);

    expect((await events.listEvents({})).events).toHaveLength(50);
    expect((await events.listEvents({ limit: 0 })).events).toHaveLength(50);
    expect(await getJson(url, "/api/events")).toHaveLength(100);
    expect(await getJson(url, "/api/events?limit=0")).toHaveLength(100);
  });
});

describe("attributes", () => {
  const exact = trickyText.replace("NaN", '"NaN"').replace("-Infinity", '"-Infinity"').replace("2.0", "2");

  test("keep every digit and key over REST and as JSON text", async () => {
    const url = await startFilledServer();

    const { text } = await sendOverHttp2(url, { ":path": "/api/events/tricky/tool.call" });
    for (const protocol of protocols) {
      const event = await trickyEventOver(protocol, url, json);
      const kept = String(event.attributesValue.value);
      // JavaScript puts keys that are numbers first; nothing else about the text changes.
      expect([protocol.name, withoutNumberKeys(kept)]).toEqual([protocol.name, withoutNumberKeys(exact)]);
      expect(parseBody({ text: kept })).toMatchObject({ "9": "nine", "10": "ten" });
      expect(text).toContain(`"data":${kept}`);
      expect(event.extensionsJson).toBe('{"extra":12345678901234567890,"more":{"__proto__":1}}');
    }
    expect(text).toContain('"extensions":{"extra":12345678901234567890,"more":{"__proto__":1}}');
  });

  test("come as a structure where it is asked for, with large integers as texts", async () => {
    const url = await startFilledServer();

    for (const protocol of protocols) {
      for (const format of [AttributesFormat.UNSPECIFIED, AttributesFormat.STRUCT]) {
        const { attributesValue } = await trickyEventOver(protocol, url, format);
        const attributes = Object(attributesValue.value);
        expect([protocol.name, attributesValue.case]).toEqual([protocol.name, "attributes"]);
        expect(Object.getOwnPropertyDescriptor(attributes, "__proto__")?.value).toEqual({ polluted: true });
        expect({ ...attributes, ["__proto__"]: protocol.name }).toMatchObject({
          ["__proto__"]: protocol.name,
          big: "12345678901234567890",
          negative: "-9007199254740993",
          safe: 9007199254740991,
          digits: Number("0.1234567890123456789"),
          large: "1e400",
          float: 1.5,
          whole: 2,
          nan: "NaN",
          infinite: "-Infinity",
          list: [null, true, [], { deep: [1] }],
          text: "Zürich 🚀 \u0000 \u2028",
        });
      }
    }
  });

  test("that are no object come as JSON text in either format", async () => {
    const url = await startFilledServer();

    const { events } = await grpcClients(url).events.listEvents({ agentId: "tricky", name: "plain", sort: "asc" });

    expect(events.map(({ attributesValue }) => attributesValue)).toEqual([
      { case: "attributes", value: {} },
      { case: "attributesJson", value: '"a text"' },
      { case: "attributesJson", value: "[1,2]" },
      { case: "attributesJson", value: "null" },
    ]);
  });

  test("can be asked for as a structure over REST too", async () => {
    const url = await startFilledServer();

    const query = "attributes_format=ATTRIBUTES_FORMAT_STRUCT";
    const [event] = await getJson<readonly { readonly data: unknown }[]>(url, `/api/events/tricky/tool.call?${query}`);

    expect(event?.data).toMatchObject({ big: "12345678901234567890", safe: 9007199254740991 });
  });
});

async function sequencesByPages(protocol: Protocol, url: string): Promise<readonly number[]> {
  const { events } = createClients(protocol, url);
  const seen: number[] = [];
  let pageToken = "";
  do {
    const page = await events.listEvents({ pageSize: 60, pageToken });
    seen.push(...page.events.map(({ sequence }) => Number(sequence)));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return seen;
}

function withoutNumberKeys(text: string): string {
  return text
    .replace('"9":"nine",', "")
    .replace('"10":"ten",', "")
    .replaceAll(/\\u0000|\\u2028|\u2028/g, "");
}

async function trickyEventOver(protocol: Protocol, url: string, attributesFormat: AttributesFormat): Promise<Event> {
  const request = { agentId: "tricky", name: "tool.call", attributesFormat };
  const { events } = await createClients(protocol, url).events.listAgentEventsByName(request);
  expect(events).toHaveLength(1);
  return present(events[0]);
}

function restAgent(agent: Agent): unknown {
  return {
    agent_id: agent.agentId,
    first_seen: timeText(agent.firstSeenTime),
    last_seen: timeText(agent.lastSeenTime),
    llm_provider: agent.llmProvider ?? null,
    event_count: Number(agent.eventCount),
    session_count: Number(agent.sessionCount),
    first_event: agent.firstEventName,
    first_event_time: timeText(agent.firstEventTime),
    latest_event: agent.latestEventName,
    latest_event_time: timeText(agent.latestEventTime),
  };
}

function restEvent(event: Event): unknown {
  const { attributesValue, extensionsJson } = event;
  expect(attributesValue.case).toBe("attributesJson");
  return {
    id: Number(event.sequence),
    event_id: event.eventId,
    client_event_id: event.clientEventId ?? null,
    timestamp: timeText(event.eventTime),
    receive_time: timeText(event.receiveTime),
    agent_id: event.agentId,
    event_type: event.name,
    level: event.level,
    session_id: event.sessionId ?? null,
    trace_id: event.traceId ?? null,
    span_id: event.spanId ?? null,
    parent_span_id: event.parentSpanId ?? null,
    channel: event.channel ?? null,
    direction: event.direction ?? null,
    duration_ms: event.durationMs ?? null,
    caller_file: event.callerFile ?? null,
    caller_line: event.callerLine ?? null,
    caller_function: event.callerFunction ?? null,
    schema_version: event.schemaVersion ?? null,
    dialect: event.dialect,
    data: parseBody({ text: String(attributesValue.value) }),
    extensions: extensionsJson === undefined ? null : parseBody({ text: extensionsJson }),
  };
}

function timestamp(text: string): Timestamp {
  const [seconds = "", fraction = ""] = text.replace("Z", "").split(".");
  return {
    $typeName: TimestampSchema.typeName,
    seconds: BigInt(Date.parse(`${seconds}Z`) / 1000),
    nanos: Number(fraction.padEnd(9, "0")),
  };
}

function timeText(time: Timestamp | undefined): unknown {
  return time === undefined ? null : toJson(TimestampSchema, time);
}

function restStatus({ status, service, version, problem, ingest, metricPoints }: GetStatusResponse): unknown {
  const counters = { ingest: restCounters(present(ingest)), metric_points: restCounters(present(metricPoints)) };
  return { status, service, version, problem: problem ?? null, ...counters };
}

function restCounters({ receivedCount, storedCount }: IngestCounters): unknown {
  const counters = { received_count: Number(receivedCount), stored_count: Number(storedCount) };
  return { ...counters, duplicate_count: 0, rejected_count: 0, refused_count: 0 };
}

function numbersOf(counts: Readonly<Record<string, bigint>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(counts).map(([value, count]) => [value, Number(count)]));
}

function present<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error("the answer is not there");
  return value;
}
