import { context, type Link, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { OTLPLogExporter as LogsOverGrpc } from "@opentelemetry/exporter-logs-otlp-grpc";
import { OTLPLogExporter as LogsOverHttp } from "@opentelemetry/exporter-logs-otlp-http";
import { OTLPLogExporter as LogsOverProto } from "@opentelemetry/exporter-logs-otlp-proto";
import { OTLPMetricExporter as MetricsOverGrpc } from "@opentelemetry/exporter-metrics-otlp-grpc";
import { OTLPMetricExporter as MetricsOverHttp } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPMetricExporter as MetricsOverProto } from "@opentelemetry/exporter-metrics-otlp-proto";
import { OTLPTraceExporter as SpansOverGrpc } from "@opentelemetry/exporter-trace-otlp-grpc";
import { OTLPTraceExporter as SpansOverHttp } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as SpansOverProto } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  InMemoryLogRecordExporter,
  LoggerProvider,
  type LogRecordExporter,
  type ReadableLogRecord,
  SimpleLogRecordProcessor,
} from "@opentelemetry/sdk-logs";
import {
  AggregationTemporality,
  AggregationType,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
  type ResourceMetrics,
} from "@opentelemetry/sdk-metrics";
import {
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  type SpanExporter,
  TracerProvider,
} from "@opentelemetry/sdk-trace";

/** What sends something to a server, as the SDK has it. */
export interface Exporter<Item> {
  export(items: Item[], done: (result: { readonly code: number; readonly error?: Error }) => void): void;
  shutdown(): Promise<void>;
}

/** A way to send: transport and compression. */
export interface Way {
  readonly name: string;
  readonly spans: (url: string) => SpanExporter;
  readonly logs: (url: string) => LogRecordExporter;
  readonly metrics: (url: string) => PushMetricExporter;
}

// The exporters' enum is not exported for values by every package; these are its values.
const compressions = ["none", "gzip"] as const;

/** Every exporter of the SDK, with and without compression. */
export const ways: readonly Way[] = compressions.flatMap((compression): readonly Way[] => {
  const options = (url: string) => ({ url, compression: compression as never, timeoutMillis: 20_000 });
  return [
    {
      name: `gRPC, ${compression}`,
      spans: (url) => new SpansOverGrpc(options(url)),
      logs: (url) => new LogsOverGrpc(options(url)),
      metrics: (url) => new MetricsOverGrpc(options(url)),
    },
    {
      name: `HTTP protobuf, ${compression}`,
      spans: (url) => new SpansOverProto(options(`${url}/v1/traces`)),
      logs: (url) => new LogsOverProto(options(`${url}/v1/logs`)),
      metrics: (url) => new MetricsOverProto(options(`${url}/v1/metrics`)),
    },
    {
      name: `HTTP JSON, ${compression}`,
      spans: (url) => new SpansOverHttp(options(`${url}/v1/traces`)),
      logs: (url) => new LogsOverHttp(options(`${url}/v1/logs`)),
      metrics: (url) => new MetricsOverHttp(options(`${url}/v1/metrics`)),
    },
  ];
});

/** Exports and waits. Throws what the exporter says went wrong. */
export function exportAll<Item>(exporter: Exporter<Item>, items: readonly Item[]): Promise<void> {
  return new Promise((resolve, reject) => {
    exporter.export([...items], ({ code, error }) => {
      if (code === 0) resolve();
      else reject(error ?? new Error(`the exporter ended with ${code}`));
    });
  });
}

const resource = resourceFromAttributes({ "service.name": "sdk-agent", "service.version": "1.2.3", numbers: [1, 2.5] });

/** Runs of an agent as the SDK records them: each a span around a call of a model, which fails in every third one. */
export async function recordSpans(runCount: number): Promise<readonly ReadableSpan[]> {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({ resource, spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  const tracer = provider.getTracer("sdk-scope", "4.5.6");
  const links: Link[] = [];
  for (let run = 0; run < runCount; run += 1) {
    const root = tracer.startSpan(`run ${run}`, { attributes: { run, yes: true, share: run / 7 } }, ROOT_CONTEXT);
    const inside = trace.setSpan(ROOT_CONTEXT, root);
    const call = tracer.startSpan(
      "chat gpt-4o",
      {
        kind: SpanKind.CLIENT,
        links: [...links],
        attributes: { "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", texts: ["a", "ü", ""] },
      },
      inside,
    );
    call.addEvent("first token", { ms: 12.5 });
    if (run % 3 === 0) {
      call.recordException(new Error("no answer"));
      call.setStatus({ code: SpanStatusCode.ERROR, message: "no answer" });
    }
    call.end();
    links.splice(0, 1, { context: call.spanContext(), attributes: { why: "before" } });
    root.end();
  }
  await provider.forceFlush();
  // The SDK keeps the active context of the process; none of it is needed.
  context.disable();
  return exporter.getFinishedSpans();
}

/** Log records as the SDK makes them. */
export async function recordLogs(recordCount: number): Promise<readonly ReadableLogRecord[]> {
  const exporter = new InMemoryLogRecordExporter();
  const provider = new LoggerProvider({ resource, processors: [new SimpleLogRecordProcessor({ exporter })] });
  const logger = provider.getLogger("sdk-logger", "0.1.0");
  for (let index = 0; index < recordCount; index += 1) {
    logger.emit({
      eventName: "tester.happened",
      severityNumber: 17,
      severityText: "ERROR",
      timestamp: 1_795_168_800_000 + index,
      body: { index, list: [1, "two", { three: 3 }] },
      attributes: { index, nested: { deep: [true] } },
    });
  }
  await provider.forceFlush();
  return exporter.getFinishedLogRecords();
}

/** Metrics as the SDK makes them: a sum, a gauge, a histogram and an exponential histogram, of a few values each. */
export async function recordMetrics(): Promise<ResourceMetrics> {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const exponential = {
    instrumentName: "tester.exponential",
    aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM },
  };
  const provider = new MeterProvider({ resource, readers: [reader], views: [exponential] });
  const meter = provider.getMeter("sdk-meter", "7.8.9");
  for (const value of [1, 2.5, 40]) {
    meter.createCounter("tester.sum", { unit: "{thing}" }).add(value, { kind: "a" });
    meter.createGauge("tester.gauge").record(value);
    meter.createHistogram("tester.histogram", { unit: "s" }).record(value);
    meter.createHistogram("tester.exponential").record(value);
  }
  await provider.forceFlush();
  const [metrics] = exporter.getMetrics();
  await provider.shutdown();
  if (metrics === undefined) throw new Error("the SDK made no metrics");
  return metrics;
}
