import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { metricDataFromJson, metricDataToJson } from "../../src/model/metric-data-json.ts";
import type { MetricBuckets, MetricData, MetricNumber, MetricValue } from "../../src/model/metric-point.ts";

const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const counts = fc.array(uint64, { maxLength: 4 });
const distribution = {
  count: uint64,
  sum: fc.option(fc.double()),
  min: fc.option(fc.double()),
  max: fc.option(fc.double()),
};
const number: fc.Arbitrary<MetricNumber> = fc.oneof(
  fc.record({ kind: fc.constant("int" as const), value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) }),
  fc.record({ kind: fc.constant("double" as const), value: fc.double() }),
);
const buckets: fc.Arbitrary<MetricBuckets | null> = fc.option(fc.record({ offset: fc.integer(), counts }));
const value: fc.Arbitrary<MetricValue> = fc.oneof(
  number,
  fc.record({
    kind: fc.constant("histogram" as const),
    ...distribution,
    bounds: fc.array(fc.double(), { maxLength: 4 }),
    counts,
  }),
  fc.record({
    kind: fc.constant("exponential_histogram" as const),
    ...distribution,
    scale: fc.integer(),
    zeroCount: uint64,
    zeroThreshold: fc.double(),
    positive: buckets,
    negative: buckets,
  }),
  fc.record({
    kind: fc.constant("summary" as const),
    count: uint64,
    sum: fc.double(),
    quantiles: fc.array(fc.record({ quantile: fc.double(), value: fc.double() }), { maxLength: 3 }),
  }),
);
const id = fc.option(fc.constantFrom("00f067aa0ba902b7", "ff"));
const data: fc.Arbitrary<MetricData> = fc.record({
  startNanos: uint64,
  flags: fc.nat(),
  value: fc.option(value),
  exemplars: fc.array(
    fc.record({
      timeNanos: uint64,
      value: fc.option(number),
      traceId: id,
      spanId: id,
      attributes: fc.constantFrom({}, { user: "u", list: [1, null] }, { __proto__: null, int: "1" }),
    }),
    { maxLength: 2 },
  ),
});

describe("the text of a point's data", () => {
  test("gives everything back, whatever the numbers", () => {
    fc.assert(
      fc.property(data, (given) => {
        const text = metricDataToJson(given);
        const { exemplars, ...rest } = metricDataFromJson(text);
        expect(rest).toEqual({ startNanos: given.startNanos, flags: given.flags, value: given.value });
        expect(exemplars).toEqual(given.exemplars.map((one) => ({ ...one, attributes: { ...one.attributes } })));
        expect(metricDataToJson({ ...rest, exemplars })).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  test("keeps integers of exemplars' attributes that a number cannot hold", () => {
    const attributes = { big: JSON.rawJSON("12345678901234567890") };
    const exemplars = [{ timeNanos: 1n, value: null, traceId: null, spanId: null, attributes }];
    const text = metricDataToJson({ startNanos: 0n, flags: 0, value: null, exemplars });
    expect(text).toBe('{"exemplars":[{"time":"1","attributes":{"big":12345678901234567890}}]}');
    expect(metricDataFromJson(text).exemplars).toEqual(exemplars);
  });

  test.for<readonly [MetricValue, string]>([
    [{ kind: "int", value: 12n }, '{"int":"12"}'],
    [{ kind: "double", value: -0 }, '{"double":"-0"}'],
    [{ kind: "double", value: Number.POSITIVE_INFINITY }, '{"double":"Infinity"}'],
    [
      { kind: "histogram", count: 3n, sum: 1.5, min: null, max: null, bounds: [0.1], counts: [1n, 2n] },
      '{"histogram":{"count":"3","sum":1.5,"bounds":[0.1],"counts":["1","2"]}}',
    ],
  ])("of %o is what points are told apart by: %s", ([value, text]) => {
    expect(metricDataToJson({ startNanos: 0n, flags: 0, value, exemplars: [] })).toBe(text);
  });
});
