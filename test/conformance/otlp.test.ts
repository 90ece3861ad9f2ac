import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import {
  type ExportLogsServiceRequest,
  ExportLogsServiceRequestSchema,
} from "../../gen/opentelemetry/proto/collector/logs/v1/logs_service_pb.ts";
import {
  type ExportMetricsServiceRequest,
  ExportMetricsServiceRequestSchema,
} from "../../gen/opentelemetry/proto/collector/metrics/v1/metrics_service_pb.ts";
import {
  type ExportTraceServiceRequest,
  ExportTraceServiceRequestSchema,
  ExportTraceServiceResponseSchema,
} from "../../gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import { Span_SpanKind, Status_StatusCode } from "../../gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import { exporters } from "../otlp/exporters.ts";
import { contentTypes, decode, encode, encodings, otlpJsonText, postOtlp } from "../otlp/http-exporter.ts";
import { buildLogs, buildSpans, keyValues, type LogInit, otlpFromNanos, type SpanInit } from "../otlp/otlp-builder.ts";
import { buildPoints, signals } from "../otlp/signals.ts";
import { startServer } from "../running-server.ts";
import { getJson, send } from "./http.ts";

const spanId = "00f067aa0ba902b7";

interface StoredEvent {
  readonly event_type: string;
  readonly [field: string]: unknown;
}

interface PointPage {
  readonly series: readonly { readonly points: readonly { readonly int_value: number }[] }[];
}

/** An exporter with a service and a trace of its own on one server. */
interface Sending {
  readonly url: string;
  readonly exportSpans: (request: ExportTraceServiceRequest) => Promise<unknown>;
  readonly exportLogs: (request: ExportLogsServiceRequest) => Promise<unknown>;
  readonly exportMetrics: (request: ExportMetricsServiceRequest) => Promise<unknown>;
  readonly traceId: string;
  readonly spansOf: (spans: readonly SpanInit[]) => ExportTraceServiceRequest;
  readonly logsOf: (records: readonly LogInit[]) => ExportLogsServiceRequest;
  /** Points of a gauge; a negative one has no value. */
  readonly pointsOf: (numbers: readonly number[]) => ExportMetricsServiceRequest;
  readonly storedPoints: () => Promise<readonly unknown[]>;
  /** What the server has of the service, in the order in which it happened. */
  readonly stored: () => Promise<readonly StoredEvent[]>;
  readonly storedText: () => Promise<string>;
}

/** Does the same over every transport. Failures name it. */
async function overEach(act: (sending: Sending) => Promise<void>, environment: Record<string, string> = {}) {
  const { url } = await startServer({ environment });
  for (const [index, exporter] of exporters.entries()) {
    const traceId = String(index + 1).repeat(32);
    const origin = { resource: { "service.name": exporter.name } };
    const storedText = async () =>
      (await send(url, `/api/events?limit=1000&sort=asc&agent_id=${encodeURIComponent(exporter.name)}`)).text;
    const sending: Sending = {
      url,
      exportSpans: (request) => exporter.exportSpans(url, request),
      exportLogs: (request) => exporter.exportLogs(url, request),
      exportMetrics: (request) => exporter.exportMetrics(url, request),
      traceId,
      spansOf: (spans) =>
        buildSpans(
          spans.map((span) => ({ traceId, ...span })),
          origin,
        ),
      logsOf: (records) => buildLogs(records, origin),
      pointsOf: (numbers) => buildPoints(numbers, origin),
      storedPoints: async () => {
        const path = `/api/v1/otlp_metrics/m?agent_id=${encodeURIComponent(exporter.name)}`;
        return (await getJson<PointPage>(url, path)).series.flatMap(({ points }) => points);
      },
      storedText,
      stored: async () => JSON.parse(await storedText()),
    };
    await act(sending).catch((error: unknown) => {
      throw new Error(`over ${exporter.name}: ${error instanceof Error ? error.message : error}`, { cause: error });
    });
  }
}

describe("over every transport", () => {
  test("spans, log records and data points are taken on the one port, and success says nothing more", async () => {
    await overEach(
      async ({ spansOf, logsOf, pointsOf, stored, storedPoints, exportSpans, exportLogs, exportMetrics }) => {
        expect(await exportSpans(spansOf([{ spanId }]))).toEqual({});
        expect(await exportLogs(logsOf([{ body: "text" }]))).toEqual({});
        expect(await exportMetrics(pointsOf([7]))).toEqual({});
        expect((await stored()).map(({ channel }) => channel).sort()).toEqual(["LOG", "SPAN"]);
        expect(await storedPoints()).toMatchObject([{ int_value: 7 }]);
      },
    );
  });

  test("an empty request is a success, and so is one of empty resources and scopes", async () => {
    await overEach(async ({ logsOf, pointsOf, stored, storedPoints, exportSpans, exportLogs, exportMetrics }) => {
      expect(await exportSpans(create(ExportTraceServiceRequestSchema))).toEqual({});
      expect(await exportLogs(create(ExportLogsServiceRequestSchema))).toEqual({});
      expect(await exportSpans(create(ExportTraceServiceRequestSchema, { resourceSpans: [{}] }))).toEqual({});
      expect(await exportLogs(logsOf([]))).toEqual({});
      expect(await exportMetrics(create(ExportMetricsServiceRequestSchema))).toEqual({});
      expect(await exportMetrics(create(ExportMetricsServiceRequestSchema, { resourceMetrics: [{}] }))).toEqual({});
      expect(await exportMetrics(pointsOf([]))).toEqual({});
      expect([await stored(), await storedPoints()]).toEqual([[], []]);
    });
  });

  test("a bad span is rejected, with its number and reason, and the others are stored", async () => {
    await overEach(async ({ spansOf, stored, exportSpans }) => {
      const ids: readonly SpanInit[] = [
        { spanId: "00f067aa0ba902b7" },
        { spanId: "0000000000000000" },
        { spanId: "00f067aa0ba902b8", traceId: "0".repeat(32) },
        { spanId: "00f067aa0ba902" },
        { spanId: "00f067aa0ba902b9", traceId: "abcd" },
        { spanId: "00f067aa0ba902ba" },
      ];
      expect(await exportSpans(spansOf(ids))).toEqual({
        partialSuccess: {
          rejectedSpans: "4",
          errorMessage: "number 1: span_id must be 8 bytes, not all of them zero",
        },
      });
      expect(await stored()).toHaveLength(2);
    });
  });

  test("a bad log record is rejected likewise", async () => {
    await overEach(
      async ({ logsOf, stored, exportLogs }) => {
        const records = logsOf([
          { body: { a: 1 } },
          { attributes: { a: { b: { c: { d: 1 } } } } },
          { attributes: { a: { b: 1 } } },
        ]);
        expect(await exportLogs(records)).toEqual({
          partialSuccess: {
            rejectedLogRecords: "1",
            errorMessage: "number 1: attributes must have at most 3 levels",
          },
        });
        expect(await stored()).toHaveLength(2);
      },
      { CYLESTIO_NESTING_MAX_DEPTH: "3" },
    );
  });

  test("a bad data point is rejected likewise", async () => {
    await overEach(async ({ pointsOf, storedPoints, exportMetrics }) => {
      expect(await exportMetrics(pointsOf([1, -1, 2, -2]))).toEqual({
        partialSuccess: {
          rejectedDataPoints: "2",
          errorMessage: 'number 1 ("m"): value is required where the flags do not say that there is none',
        },
      });
      expect(await storedPoints()).toHaveLength(2);
    });
  });

  test("what is sent again is stored once; what differs in anything is kept beside it", async () => {
    await overEach(
      async ({ spansOf, logsOf, pointsOf, stored, storedPoints, exportSpans, exportLogs, exportMetrics }) => {
        const spans = spansOf([{ spanId, attributes: { attempt: 1 } }]);
        const logs = logsOf([{ body: "text" }]);
        for (let time = 0; time < 2; time += 1) {
          expect(await exportSpans(spans)).toEqual({});
          expect(await exportLogs(logs)).toEqual({});
          expect(await exportMetrics(pointsOf([1]))).toEqual({});
        }
        expect(await exportSpans(spansOf([{ spanId, attributes: { attempt: 2 } }]))).toEqual({});
        expect(await exportLogs(logsOf([{ body: "other" }]))).toEqual({});
        expect(await exportMetrics(pointsOf([2]))).toEqual({});
        expect(await stored()).toHaveLength(4);
        expect(await storedPoints()).toHaveLength(2);
      },
    );
  });

  test("values of every kind are kept, and all digits of an integer", async () => {
    await overEach(async ({ spansOf, storedText, exportSpans }) => {
      const attributes = {
        text: "é€😀",
        bytes: Uint8Array.of(0, 255, 16),
        big: 2n ** 63n - 1n,
        small: -(2n ** 63n),
        part: 0.1,
        nan: Number.NaN,
        none: null,
        mixed: [1, "a", null, [true], { k: 1.5 }],
        map: { a: {}, "": [] },
      };
      expect(await exportSpans(spansOf([{ spanId, attributes }]))).toEqual({});
      const text = await storedText();
      expect(text).toContain('"big":9223372036854775807');
      expect(text).toContain('"small":-9223372036854775808');
      expect(JSON.parse(text)[0].data).toMatchObject({
        text: "é€😀",
        bytes: "AP8Q",
        part: 0.1,
        nan: "NaN",
        none: null,
        mixed: [1, "a", null, [true], { k: 1.5 }],
        map: { a: {}, "": [] },
      });
    });
  });

  test("a span keeps its links, flags, state, counts, scope and schema", async () => {
    await overEach(async ({ traceId, spansOf, stored, exportSpans }) => {
      const request = spansOf([
        {
          spanId,
          kind: Span_SpanKind.CLIENT,
          traceState: "a=b",
          flags: 0x101,
          droppedAttributesCount: 1,
          droppedEventsCount: 2,
          droppedLinksCount: 3,
          status: { code: Status_StatusCode.ERROR, message: "broken" },
          events: [{ name: "tick", timeUnixNano: otlpFromNanos + 1n, attributes: keyValues({ n: 1 }) }],
          links: [{ traceId: Buffer.from(traceId, "hex"), spanId: Buffer.from(spanId, "hex"), traceState: "c=d" }],
        },
      ]);
      for (const resource of request.resourceSpans) {
        resource.schemaUrl = "https://example.com/resource";
        for (const scope of resource.scopeSpans) scope.schemaUrl = "https://example.com/scope";
      }
      expect(await exportSpans(request)).toEqual({});
      expect((await stored())[0]).toMatchObject({
        schema_version: "https://example.com/scope",
        extensions: {
          resource: { attributes: { "service.name": expect.any(String) }, schema_url: "https://example.com/resource" },
          scope: { name: "test-scope", version: "1.0.0", schema_url: "https://example.com/scope" },
          kind: "client",
          trace_state: "a=b",
          flags: 0x101,
          dropped_attributes_count: 1,
          dropped_events_count: 2,
          dropped_links_count: 3,
          status: { code: "error", message: "broken" },
          events: [{ name: "tick", time_unix_nano: String(otlpFromNanos + 1n), attributes: { n: 1 } }],
          links: [{ trace_id: traceId, span_id: spanId, trace_state: "c=d" }],
        },
      });
    });
  });

  test("times are kept to the nanosecond, and may be zero or run backwards", async () => {
    await overEach(async ({ spansOf, stored, exportSpans }) => {
      const request = spansOf([
        {
          spanId: "00000000000000a1",
          name: "exact",
          startTimeUnixNano: otlpFromNanos + 1n,
          endTimeUnixNano: otlpFromNanos + 3n,
        },
        { spanId: "00000000000000a2", name: "backwards", startMs: 10, endMs: 5 },
        { spanId: "00000000000000a3", name: "unknown", startTimeUnixNano: 0n, endTimeUnixNano: 0n },
        { spanId: "00000000000000a4", name: "open", endTimeUnixNano: 0n },
        { spanId: "00000000000000a5", name: "ended", startTimeUnixNano: 0n },
      ]);
      expect(await exportSpans(request)).toEqual({});
      const events = new Map((await stored()).map((event) => [event.event_type, event]));
      expect(events.get("exact")).toMatchObject({
        duration_ms: 0.000002,
        extensions: {
          start_time_unix_nano: String(otlpFromNanos + 1n),
          end_time_unix_nano: String(otlpFromNanos + 3n),
        },
      });
      expect(events.get("backwards")).toMatchObject({
        duration_ms: null,
        extensions: { end_time_unix_nano: String(otlpFromNanos + 5_000_000n) },
      });
      expect(events.get("unknown")).toMatchObject({ duration_ms: null });
      expect(events.get("open")).toMatchObject({ duration_ms: null });
      // Not half a century: what is not known to have begun has no duration.
      expect(events.get("ended")).toMatchObject({
        timestamp: expect.stringMatching(/^2026-11-20/),
        duration_ms: 0,
      });
    });
  });

  test("children may come before their parents, and cycles do no harm", async () => {
    await overEach(async ({ url, traceId, spansOf, exportSpans }) => {
      const parentSpanId = "00000000000000b1";
      await exportSpans(spansOf([{ spanId: "00000000000000b2", parentSpanId, name: "child", startMs: 1 }]));
      await exportSpans(spansOf([{ spanId: parentSpanId, name: "parent", endMs: 9 }]));
      const cyclic = traceId.replace(/./, "a");
      const cycle = [
        { traceId: cyclic, spanId: "00000000000000c1", parentSpanId: "00000000000000c2" },
        { traceId: cyclic, spanId: "00000000000000c2", parentSpanId: "00000000000000c1" },
      ];
      expect(await exportSpans(spansOf(cycle))).toEqual({});
      expect(await getJson(url, `/api/v1/traces/${traceId}`)).toMatchObject({
        spans: [
          { operation: { name: "parent" }, depth: 0 },
          { operation: { name: "child" }, depth: 1 },
        ],
      });
      expect((await getJson<{ spans: unknown[] }>(url, `/api/v1/traces/${cyclic}`)).spans).toHaveLength(2);
    });
  });
});

describe.each(encodings)("over HTTP in %s", (encoding) => {
  const spans = encode(ExportTraceServiceRequestSchema, buildSpans([{ spanId }]), encoding);
  const type = contentTypes[encoding];

  test("the content type may have parameters and capitals, and that of the reply is the plain one", async () => {
    const { url } = await startServer();
    const parameters = ["", "; charset=utf-8", ";charset=UTF-8", ' ; charset="utf-8"', "; version=1; x=y"];
    for (const { path, bodyOf, countStored } of signals) {
      const storedBefore = await countStored(url);
      for (const spelling of [type.toUpperCase(), ...parameters.map((text) => `${type}${text}`)]) {
        const reply = await postOtlp(url, { path, headers: { "content-type": spelling }, body: bodyOf([1], encoding) });
        expect([spelling, reply.status, reply.headers.get("content-type")]).toEqual([spelling, 200, type]);
      }
      expect((await countStored(url)) - storedBefore).toBe(1);
    }
  });

  test("headers for keys and traces are taken as exporters send them", async () => {
    const { url } = await startServer();
    const headers = {
      authorization: "Bearer secret",
      "x-api-key": "secret",
      "x-otlp-api-key": "secret",
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01",
      "content-encoding": "identity",
    };
    const reply = await postOtlp(url, { encoding, headers, body: spans });
    expect([reply.status, decode(ExportTraceServiceResponseSchema, reply)]).toEqual([200, {}]);
  });

  test("the path may end in a slash", async () => {
    const { url } = await startServer();
    for (const { path, bodyOf } of signals) {
      expect((await postOtlp(url, { encoding, path: `${path}/`, body: bodyOf([1], encoding) })).status).toBe(200);
    }
  });

  test("log records that are posted to the path of spans are rejected, not stored", async () => {
    const { url } = await startServer();
    const logs = encode(ExportLogsServiceRequestSchema, buildLogs([{ body: "a" }, { body: "b" }]), encoding);
    const reply = await postOtlp(url, { encoding, body: logs });
    // In JSON the names differ, so that there is nothing in it; in binary the numbers of the fields are the same.
    const expected = encoding === "json" ? {} : { partialSuccess: { rejectedSpans: "2" } };
    expect([reply.status, decode(ExportTraceServiceResponseSchema, reply)]).toMatchObject([200, expected]);
    expect(await getJson(url, "/api/events")).toEqual([]);
  });
});

test("the reply to a success in binary has no bytes, and an empty body is an empty request", async () => {
  const { url } = await startServer();
  const replies = [
    await postOtlp(url, { body: "" }),
    await postOtlp(url, { body: "", gzip: true }),
    await postOtlp(url, { body: otlpJsonText(ExportTraceServiceRequestSchema, buildSpans([])), encoding: "json" }),
  ];
  expect(replies.map(({ status, body }) => [status, body.toString()])).toEqual([
    [200, ""],
    [200, ""],
    [200, "{}"],
  ]);
});
