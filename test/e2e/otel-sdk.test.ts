import { setTimeout as sleep } from "node:timers/promises";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";
import { describe, expect, test } from "vitest";
import { exportAll, recordLogs, recordMetrics, recordSpans, type Way, ways } from "./otel-telemetry.ts";
import { openSite, type ServerProcess } from "./server-process.ts";

interface StoredEvent {
  readonly [member: string]: unknown;
  readonly event_type: string;
  readonly span_id: string | null;
  readonly agent_id: string;
}

const pageSize = 1000;

/** Every event of a server. */
async function readEvents({ url }: ServerProcess): Promise<readonly StoredEvent[]> {
  const response = await fetch(`${url}/api/events?limit=${pageSize}`);
  expect(response.status).toBe(200);
  const events = (await response.json()) as readonly StoredEvent[];
  expect(events.length).toBeLessThan(pageSize);
  return events;
}

/** What a span says, in the form in which the server tells it. */
function expectedOf(span: ReadableSpan): Record<string, unknown> {
  return {
    agent_id: "sdk-agent",
    event_type: span.name,
    trace_id: span.spanContext().traceId,
    span_id: span.spanContext().spanId,
    parent_span_id: span.parentSpanContext?.spanId ?? null,
    level: span.status.code === 2 ? "ERROR" : "INFO",
    data: span.attributes,
  };
}

async function sendSpans(way: Way, server: ServerProcess, spans: readonly ReadableSpan[]): Promise<void> {
  const exporter = way.spans(server.url);
  try {
    await exportAll(exporter, spans);
  } finally {
    await exporter.shutdown();
  }
}

/** Exporters over HTTP try again by themselves; the one over gRPC leaves that to its caller. */
async function exportUntilTaken(exporter: SpanExporter, spans: readonly ReadableSpan[]): Promise<void> {
  for (let attemptsLeft = 50; ; attemptsLeft -= 1) {
    try {
      return await exportAll(exporter, spans);
    } catch (error) {
      if (attemptsLeft === 0) throw error;
      await sleep(200);
    }
  }
}

describe("OpenTelemetry's own exporters", () => {
  test("send spans that arrive whole, and are the same by every way: together they are stored once", async (context) => {
    const server = await (await openSite(context)).start();
    const spans = await recordSpans(20);
    expect(spans).toHaveLength(40);
    for (const way of ways) {
      await sendSpans(way, server, spans);
      const events = new Map((await readEvents(server)).map((event) => [event.span_id, event]));
      expect([way.name, events.size]).toEqual([way.name, spans.length]);
      for (const span of spans) expect(events.get(span.spanContext().spanId)).toMatchObject(expectedOf(span));
    }
    const stored = await readEvents(server);
    const call = spans.find((span) => span.links.length > 0);
    expect(stored.find(({ span_id: id }) => id === call?.spanContext().spanId)).toMatchObject({
      extensions: {
        resource: { attributes: { "service.name": "sdk-agent", "service.version": "1.2.3", numbers: [1, 2.5] } },
        scope: { name: "sdk-scope", version: "4.5.6" },
        kind: "client",
        events: [{ name: "first token", attributes: { ms: 12.5 } }],
        links: [{ span_id: call?.links[0]?.context.spanId, attributes: { why: "before" } }],
      },
    });
    expect(stored.find(({ level }) => level === "ERROR")).toMatchObject({
      extensions: { status: { code: "error", message: "no answer" } },
    });
  });

  test("send log records likewise", async (context) => {
    const server = await (await openSite(context)).start();
    const records = await recordLogs(20);
    for (const way of ways) {
      const exporter = way.logs(server.url);
      await exportAll(exporter, records);
      await exporter.shutdown();
      const events = await readEvents(server);
      expect([way.name, events.length]).toEqual([way.name, records.length]);
      for (const [index, event] of events.toReversed().entries()) {
        expect(event).toMatchObject({
          agent_id: "sdk-agent",
          event_type: "tester.happened",
          level: "ERROR",
          data: { index, nested: { deep: [true] } },
          extensions: { body: { index, list: [1, "two", { three: 3 }] } },
        });
      }
    }
  });

  test("send metrics that are the same by every way, and read back", async (context) => {
    const server = await (await openSite(context)).start();
    const metrics = await recordMetrics();
    for (const way of ways) {
      const exporter = way.metrics(server.url);
      await new Promise<void>((resolve, reject) => {
        exporter.export(metrics, ({ code, error }) => (code === 0 ? resolve() : reject(error ?? new Error(way.name))));
      });
      await exporter.shutdown();
      const seriesOf = async (name: string): Promise<unknown> => {
        const response = await fetch(`${server.url}/api/v1/otlp_metrics/${name}`);
        return ((await response.json()) as { readonly series: unknown }).series;
      };
      expect(await seriesOf("tester.sum")).toMatchObject([
        { unit: "{thing}", attributes: { kind: "a" }, points: [{ double_value: 43.5 }] },
      ]);
      expect(await seriesOf("tester.gauge")).toMatchObject([{ points: [{ double_value: 40 }] }]);
      expect(await seriesOf("tester.histogram")).toMatchObject([{ unit: "s", points: [{ histogram: { count: 3 } }] }]);
      expect(await seriesOf("tester.exponential")).toMatchObject([
        { points: [{ exponential_histogram: { count: 3 } }] },
      ]);
    }
  });

  test.for(ways.filter(({ name }) => name.endsWith("gzip")))(
    "lose nothing in a restart, and store nothing twice: $name",
    async (way, context) => {
      const site = await openSite(context);
      const first = await site.start();
      const environment = { CYLESTIO_PORT: String(first.port) };
      const exporter = way.spans(first.url);
      const spans = await recordSpans(60);
      const batches = Array.from({ length: 12 }, (_, index) => spans.slice(index * 10, index * 10 + 10));
      const acknowledged: ReadableSpan[] = [];
      const send = async (batch: readonly ReadableSpan[]) => {
        await exportUntilTaken(exporter, batch);
        acknowledged.push(...batch);
      };
      for (const batch of batches.slice(0, 4)) await send(batch);
      first.kill("SIGKILL");
      await first.exited;
      const during = Promise.all(batches.slice(4, 8).map(send));
      await sleep(200);
      const second = await site.start({ environment });
      await during;
      for (const batch of batches.slice(8)) await send(batch);
      expect(acknowledged).toHaveLength(spans.length);
      // As if an answer had been lost.
      await exportAll(exporter, batches[0] ?? []);
      await exporter.shutdown();
      const stored = (await readEvents(second)).map(({ span_id: id }) => id);
      expect(stored).toHaveLength(spans.length);
      expect(new Set(stored)).toEqual(new Set(acknowledged.map((span) => span.spanContext().spanId)));
    },
  );
});
