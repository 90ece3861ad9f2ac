import { create, type DescMessage, type MessageShape, toJson } from "@bufbuild/protobuf";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ExportTraceServiceRequestSchema } from "../../../gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import { AnyValueSchema } from "../../../gen/opentelemetry/proto/common/v1/common_pb.ts";
import { LogRecordSchema, SeverityNumber } from "../../../gen/opentelemetry/proto/logs/v1/logs_pb.ts";
import { NumberDataPointSchema } from "../../../gen/opentelemetry/proto/metrics/v1/metrics_pb.ts";
import { Span_SpanKind, SpanSchema, Status_StatusCode } from "../../../gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import { messageFromOtlpJson } from "../../../src/rest/otlp/otlp-json.ts";
import { otlpJsonText } from "../../otlp/http-exporter.ts";
import { anyValue, buildSpans, builtTraceId, type SpanInit } from "../../otlp/otlp-builder.ts";

function messageFrom<Desc extends DescMessage>(desc: Desc, text: string): MessageShape<Desc> {
  const { message, unreadable } = messageFromOtlpJson(desc, text);
  expect(unreadable.size).toBe(0);
  return message;
}

const spanFrom = (json: object | string) =>
  messageFrom(SpanSchema, typeof json === "string" ? json : JSON.stringify(json));

const valueFrom = (text: string) => messageFrom(AnyValueSchema, text).value;

const hexOf = (id: Uint8Array) => Buffer.from(id).toString("hex");

const severityOf = (value: unknown) =>
  messageFrom(LogRecordSchema, JSON.stringify({ severityNumber: value })).severityNumber;

/** What an attribute may be, in the words of the builder. */
const plainValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.string({ unit: "grapheme" }),
    fc.boolean(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.double(),
    fc.uint8Array({ maxLength: 8 }),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.string({ maxLength: 4 }), tie("value"), { maxKeys: 4 }),
  ),
})).value;

const hexId = (bytes: number) => fc.uint8Array({ minLength: bytes, maxLength: bytes }).map(hexOf);

const anySpan = fc.record({
  traceId: hexId(16),
  spanId: hexId(8),
  parentSpanId: fc.oneof(fc.constant(""), hexId(8)),
  name: fc.string({ unit: "grapheme" }),
  kind: fc.constantFrom(Span_SpanKind.UNSPECIFIED, Span_SpanKind.INTERNAL, Span_SpanKind.CONSUMER),
  startTimeUnixNano: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  endTimeUnixNano: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  flags: fc.nat(),
  attributes: fc.dictionary(fc.string({ maxLength: 8 }), plainValue, { maxKeys: 5 }),
  status: fc.record({
    code: fc.constantFrom(Status_StatusCode.UNSET, Status_StatusCode.OK, Status_StatusCode.ERROR),
    message: fc.string(),
  }),
});

test("a message reads the same from its JSON, whatever is in it and however the ids are spelled", () => {
  fc.assert(
    fc.property(fc.array(anySpan, { maxLength: 4 }), fc.boolean(), (spans, isUpper) => {
      const request = buildSpans(spans);
      const text = otlpJsonText(ExportTraceServiceRequestSchema, request).replace(
        /"(traceId|spanId|parentSpanId)":"(\w*)"/g,
        (_all, name, id) => `"${name}":"${isUpper ? id.toUpperCase() : id}"`,
      );
      const read = messageFrom(ExportTraceServiceRequestSchema, text);
      expect(toJson(ExportTraceServiceRequestSchema, read)).toEqual(toJson(ExportTraceServiceRequestSchema, request));
    }),
    { numRuns: 200 },
  );
});

describe("ids", () => {
  const spanId = "00F067AA0BA902B7";

  test("are hexadecimal wherever they stand", () => {
    const link = { traceId: builtTraceId, spanId };
    const span = spanFrom({ traceId: builtTraceId.toUpperCase(), spanId, parentSpanId: spanId, links: [link] });
    expect([span.traceId, span.spanId, span.parentSpanId].map(hexOf)).toEqual([
      builtTraceId,
      spanId.toLowerCase(),
      spanId.toLowerCase(),
    ]);
    expect(span.links.map((link) => [hexOf(link.traceId), hexOf(link.spanId)])).toEqual([
      [builtTraceId, spanId.toLowerCase()],
    ]);
    const log = messageFrom(LogRecordSchema, JSON.stringify(link));
    expect([log.traceId, log.spanId].map(hexOf)).toEqual([builtTraceId, spanId.toLowerCase()]);
    const point = messageFrom(NumberDataPointSchema, JSON.stringify({ exemplars: [{ ...link, asInt: 1 }] }));
    expect(point.exemplars.map(({ traceId }) => hexOf(traceId))).toEqual([builtTraceId]);
  });

  test.each([["not hex!"], ["abc"], ["AAAAAAAAAAAAAAAAAAAAAA=="], [12], [1e30], [null], [{ a: 1 }], [["00"]], [true]])(
    "that are none, as %j, read as absent",
    (traceId) => {
      const span = spanFrom({ traceId, spanId });
      expect([hexOf(span.traceId), hexOf(span.spanId)]).toEqual(["", spanId.toLowerCase()]);
    },
  );

  test("of another length are left for the checks of the span", () => {
    expect(hexOf(spanFrom({ traceId: "abcd" }).traceId)).toBe("abcd");
  });
});

describe("numbers of 64 bits", () => {
  test.each(["1795168800000000001", '"1795168800000000001"'])("keep their digits: %s", (spelling) => {
    expect(spanFrom(`{"startTimeUnixNano":${spelling}}`).startTimeUnixNano).toBe(1795168800000000001n);
    expect(valueFrom(`{"intValue":${spelling}}`)).toEqual({ case: "intValue", value: 1795168800000000001n });
  });

  test.each([
    ["9223372036854775807", { case: "intValue", value: 2n ** 63n - 1n }],
    ["-9223372036854775808", { case: "intValue", value: -(2n ** 63n) }],
    ["9223372036854775808", { case: "doubleValue", value: 2 ** 63 }],
    ['"-9223372036854775809"', { case: "doubleValue", value: -(2 ** 63) }],
    ["1e21", { case: "doubleValue", value: 1e21 }],
    ["1.5", { case: "doubleValue", value: 1.5 }],
    ["1e3", { case: "intValue", value: 1000n }],
    ["-0", { case: "intValue", value: 0n }],
  ])("are floating-point where they are none: %s", (spelling, expected) => {
    expect(valueFrom(`{"intValue":${spelling}}`)).toEqual(expected);
  });

  test.each(['""', '"12a"', "true", "[1]"])("are refused where they are no numbers: %s", (spelling) => {
    expect(() => valueFrom(`{"intValue":${spelling}}`)).toThrow("int");
  });
});

describe("values", () => {
  test.each([
    ['{"doubleValue":"NaN"}', { case: "doubleValue", value: Number.NaN }],
    ['{"doubleValue":"-Infinity"}', { case: "doubleValue", value: Number.NEGATIVE_INFINITY }],
    ['{"doubleValue":0.10000000000000000555}', { case: "doubleValue", value: 0.1 }],
    ['{"bytesValue":"AP8Q"}', { case: "bytesValue", value: Uint8Array.of(0, 255, 16) }],
    ['{"stringValue":"00ff"}', { case: "stringValue", value: "00ff" }],
    ['{"stringValue":"cut \\ud83d"}', { case: "stringValue", value: "cut \ufffd" }],
    ["{}", { case: undefined }],
    ['{"stringValue":null}', { case: undefined }],
  ])("read as protobuf has them: %s", (text, expected) => {
    expect(valueFrom(text)).toMatchObject(expected);
  });

  test("of enums may be numbers, names, or not known", () => {
    expect([17, "SEVERITY_NUMBER_ERROR", "SEVERITY_NUMBER_NEW", 99].map(severityOf)).toEqual([
      SeverityNumber.ERROR,
      SeverityNumber.ERROR,
      SeverityNumber.UNSPECIFIED,
      99,
    ]);
  });

  test("of fields that are not known are ignored", () => {
    const text = '{"name":"n","new":{"traceId":[1],"big":12345678901234567890},"kind":1}';
    expect(spanFrom(text)).toEqual(create(SpanSchema, { name: "n", kind: 1 }));
  });
});

const arrays = (levels: number) => `${'{"arrayValue":{"values":['.repeat(levels)}{"intValue":1}${"]}}".repeat(levels)}`;

const maps = (levels: number) =>
  `${'{"kvlistValue":{"values":[{"key":"k","value":'.repeat(levels)}{"intValue":1}${"}]}}".repeat(levels)}`;

describe("nesting", () => {
  test("is read up to the bound", () => {
    expect(valueFrom(arrays(499)).case).toBe("arrayValue");
    expect(valueFrom(maps(333)).case).toBe("kvlistValue");
    let value: unknown = 1;
    for (let level = 0; level < 100; level += 1) value = [value];
    expect(valueFrom(arrays(100))).toEqual(create(AnyValueSchema, anyValue(value)).value);
  });

  test.each([
    ["arrays", arrays(500)],
    ["maps", maps(334)],
    ["many arrays", arrays(50_000)],
    ["what is ignored", `{"unknown":${"[".repeat(100_000)}${"]".repeat(100_000)}}`],
    ["what would lose digits", `{"unknown":${"[".repeat(20_000)}1234567890123456789${"]".repeat(20_000)}}`],
  ])("beyond it is an error: %s", (_what, text) => {
    expect(() => valueFrom(text)).toThrow(/nested|recursion|call stack/i);
  });
});

test.each(["", "{", "[]", '"text"', "1", '{"name":1}', '{"attributes":{}}', '{"endTimeUnixNano":-1}'])(
  "what is no such message is an error: %j",
  (text) => {
    expect(() => spanFrom(text)).toThrow(Error);
  },
);

function good(name: string) {
  return { name, traceId: builtTraceId, spanId: "00f067aa0ba902b7" };
}

function requestOf(...scopes: unknown[][]): string {
  return JSON.stringify({ resourceSpans: [{ scopeSpans: scopes.map((spans) => ({ spans })) }, { scope_spans: null }] });
}

/** A built span in JSON. */
function spanJson(span: SpanInit): unknown {
  return JSON.parse(otlpJsonText(ExportTraceServiceRequestSchema, buildSpans([span]))).resourceSpans[0].scopeSpans[0]
    .spans[0];
}

describe("what cannot be read in a request", () => {
  test("is told with its number and reason, and the rest is there", () => {
    const text = requestOf(
      [good("a"), { name: 1 }, good("b")],
      [null, good("c")],
      [],
      ["d", [], { attributes: [{ value: { intValue: "x" } }] }],
    );
    const { message, unreadable } = messageFromOtlpJson(ExportTraceServiceRequestSchema, text);
    const names = message.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.map(({ spans }) => spans.map(nameOf)));
    expect(names).toEqual([["a", "", "b"], ["", "c"], [], ["", "", ""]]);
    expect([...unreadable.keys()]).toEqual([1, 3, 5, 6, 7]);
    expect(unreadable.get(1)).toBe(
      "cannot decode field opentelemetry.proto.trace.v1.Span.name from JSON: expected string, got 1",
    );
    expect(unreadable.get(7)).toContain("int_value");
  });

  test("does not hide what is wrong around it", () => {
    const text = JSON.stringify({ resourceSpans: [{ schemaUrl: 1, scopeSpans: [{ spans: [{ name: 1 }] }] }] });
    expect(() => messageFromOtlpJson(ExportTraceServiceRequestSchema, text)).toThrow("schema_url");
    for (const spans of [1, {}, [[]]]) {
      const wrong = JSON.stringify({ resourceSpans: [{ scopeSpans: spans }] });
      expect(() => messageFromOtlpJson(ExportTraceServiceRequestSchema, wrong)).toThrow(Error);
    }
  });

  test("is what is read one by one, whatever is wrong, and the rest is as if it had not been sent", () => {
    const item = fc.oneof(
      anySpan.map((span) => ({ isGood: true, span })),
      fc
        .constantFrom({ name: 1 }, null, "x", { kind: {} }, { endTimeUnixNano: -1 })
        .map((span) => ({ isGood: false, span })),
    );
    fc.assert(
      fc.property(fc.array(fc.array(item, { maxLength: 4 }), { maxLength: 4 }), (scopes) => {
        const jsonOf = (items: (typeof scopes)[number]) =>
          items.map(({ isGood, span }) => (isGood ? spanJson(span as SpanInit) : span));
        const { message, unreadable } = messageFromOtlpJson(
          ExportTraceServiceRequestSchema,
          requestOf(...scopes.map(jsonOf)),
        );
        const bad = scopes.flat().flatMap(({ isGood }, number) => (isGood ? [] : [number]));
        expect([...unreadable.keys()]).toEqual(bad);
        const read = message.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
        const alone = messageFrom(
          ExportTraceServiceRequestSchema,
          requestOf(...scopes.map((items) => jsonOf(items.filter(({ isGood }) => isGood)))),
        );
        expect(read.filter((_span, number) => !bad.includes(number))).toEqual(
          alone.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
        );
      }),
      { numRuns: 50 },
    );
  });
});

function nameOf({ name }: { readonly name: string }): string {
  return name;
}
