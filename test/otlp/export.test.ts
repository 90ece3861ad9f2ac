import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { describe, expect, test } from "vitest";
import { LogsService } from "../../gen/opentelemetry/proto/collector/logs/v1/logs_service_pb.ts";
import { TraceService } from "../../gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import { SeverityNumber } from "../../gen/opentelemetry/proto/logs/v1/logs_pb.ts";
import { startServer } from "../running-server.ts";
import { buildLogs, buildSpans, builtTraceId } from "./otlp-builder.ts";

interface Exporters {
  readonly url: string;
  readonly traces: Client<typeof TraceService>;
  readonly logs: Client<typeof LogsService>;
}

async function start(): Promise<Exporters> {
  const { url } = await startServer();
  const transport = createGrpcTransport({ baseUrl: url });
  return { url, traces: createClient(TraceService, transport), logs: createClient(LogsService, transport) };
}

async function get(url: string): Promise<Record<string, unknown>> {
  const response = await fetch(url);
  expect(response.status).toBe(200);
  return (await response.json()) as Record<string, unknown>;
}

describe("spans", () => {
  const request = buildSpans([
    { spanId: "00f067aa0ba902b7", name: "root", startMs: 0, endMs: 100.5 },
    {
      spanId: "00f067aa0ba902b8",
      parentSpanId: "00f067aa0ba902b7",
      name: "child",
      startMs: 10,
      endMs: 60,
      status: { code: 2, message: "broken" },
      attributes: { text: "x", whole: 12, big: 2n ** 60n, part: 1.5, yes: true, list: ["a", 1], map: { a: [null] } },
      events: [{ name: "exception", timeUnixNano: 5n }],
    },
  ]);

  test("are stored as events and read as a trace, and once when they come again", async () => {
    const { url, traces } = await start();
    expect((await traces.export(request)).partialSuccess).toBeUndefined();
    expect((await traces.export(request)).partialSuccess).toBeUndefined();
    const { spans } = await get(`${url}/api/v1/traces/${builtTraceId}`);
    expect(spans).toMatchObject([
      { operation: { name: "root", status: "ok", duration_ms: 100.5 }, depth: 0, self_ms: 50.5, problems: [] },
      { operation: { name: "child", status: "error", duration_ms: 50 }, depth: 1, problems: [] },
    ]);
  });

  test("keep everything that was sent", async () => {
    const { url, traces } = await start();
    await traces.export(request);
    const response = await fetch(`${url}/api/events?name=child`);
    const text = await response.text();
    expect(text).toContain('"big":1152921504606846976');
    expect(JSON.parse(text)).toMatchObject([
      {
        agent_id: "tester",
        trace_id: builtTraceId,
        span_id: "00f067aa0ba902b8",
        parent_span_id: "00f067aa0ba902b7",
        level: "ERROR",
        duration_ms: 50,
        data: { text: "x", whole: 12, part: 1.5, yes: true, list: ["a", 1], map: { a: [null] } },
      },
    ]);
  });

  test("without a usable id are rejected one by one", async () => {
    const { traces } = await start();
    const mixed = buildSpans([{ spanId: "0000000000000000" }, { spanId: "00f067aa0ba902b7" }]);
    expect((await traces.export(mixed)).partialSuccess).toMatchObject({
      rejectedSpans: 1n,
      errorMessage: "number 0: span_id must be 8 bytes, not all of them zero",
    });
  });
});

describe("log records", () => {
  test("are stored as events, identical ones apart, and once when the request comes again", async () => {
    const { url, logs } = await start();
    const record = {
      eventName: "gen_ai.evaluation.result",
      severityNumber: SeverityNumber.ERROR,
      body: { score: 0.5 },
    };
    for (let time = 0; time < 2; time += 1) await logs.export(buildLogs([record, record]));
    const events = (await (await fetch(`${url}/api/events?agent_id=tester`)).json()) as unknown[];
    expect(events).toHaveLength(2);
    expect(events[0]).toMatchObject({ event_type: "gen_ai.evaluation.result", level: "ERROR", channel: "LOG" });
  });
});
