import { describe, expect, test } from "vitest";
import { admissionOf } from "../../../src/ingest/intake.ts";
import type { OtlpMetric, OtlpPoint } from "../../../src/ingest/otlp/metric-input.ts";
import { createPointNormaliser } from "../../../src/ingest/otlp/metric-points.ts";
import type { OtlpSource } from "../../../src/ingest/otlp/otlp-input.ts";
import { createPointIntake } from "../../../src/ingest/otlp/point-intake.ts";
import { createStoreHealth } from "../../../src/ingest/store-health.ts";
import { TelemetryError } from "../../../src/model/error.ts";
import type { JsonObject } from "../../../src/model/exact-json.ts";
import { limitsDefault } from "../../../src/model/limits.ts";
import type { MetricData, MetricPoint, MetricValue } from "../../../src/model/metric-point.ts";
import type { PointOutcome } from "../../../src/store/store.ts";

function source(attributes: JsonObject): OtlpSource {
  const value = { attributes };
  return { value, text: JSON.stringify(value), attributes };
}

function buildMetric(
  overrides: Partial<OtlpMetric> = {},
  resource: JsonObject = { "service.name": "tester" },
): OtlpMetric {
  const origin = {
    resource: source(resource),
    scope: source({}),
    scopeName: "s",
    scopeVersion: null,
    schemaUrl: null,
  };
  return {
    origin,
    name: "m",
    description: "",
    unit: "s",
    type: "gauge",
    temporality: null,
    isMonotonic: null,
    metadata: {},
    ...overrides,
  };
}

const one: MetricValue = { kind: "int", value: 1n };

function buildRaw({
  data = {},
  ...overrides
}: Partial<Omit<OtlpPoint, "data">> & { readonly data?: Partial<MetricData> } = {}): OtlpPoint {
  return {
    metric: buildMetric(),
    timeNanos: 1n,
    attributes: {},
    data: { startNanos: 0n, flags: 0, value: one, exemplars: [], ...data },
    ...overrides,
  };
}

const histogram = (bounds: readonly number[], counts: readonly bigint[]): MetricValue => ({
  kind: "histogram",
  count: 99n,
  sum: null,
  min: null,
  max: null,
  bounds,
  counts,
});

const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)]);
const limits = { ...limitsDefault, attributesMaxBytes: 1_000 };
const exemplar = { timeNanos: 0n, value: null, traceId: null, spanId: null };

const agentOf = (resource: JsonObject) => {
  const result = createPointNormaliser(limits)(buildRaw({ metric: buildMetric({}, resource) }));
  return result.ok ? result.point.series.agentId : "";
};

describe("a data point", () => {
  test.for<readonly [what: string, raw: OtlpPoint]>([
    ["with a name of the greatest length", buildRaw({ metric: buildMetric({ name: "é".repeat(128) }) })],
    ["of the year 2255", buildRaw({ timeNanos: 9_007_199_254_740_991_999n })],
    ["without a time", buildRaw({ timeNanos: 0n })],
    ["that began later than it ended, beyond all years", buildRaw({ data: { startNanos: 2n ** 64n - 1n } })],
    ["without a value, where it says so", buildRaw({ data: { value: null, flags: 3 } })],
    ["without buckets", buildRaw({ data: { value: histogram([], []) } })],
    ["with one bucket", buildRaw({ data: { value: histogram([], [4n]) } })],
    ["with counts that do not add up", buildRaw({ data: { value: histogram([1], [0n, 2n]) } })],
    ["as deep as allowed", buildRaw({ attributes: { a: deep(31) } })],
    ["with a name that is half a character", buildRaw({ metric: buildMetric({ name: "\ud83d" }) })],
  ])("%s is taken", ([, raw]) => {
    expect(createPointNormaliser(limits)(raw)).toMatchObject({ ok: true, point: { timeNanos: raw.timeNanos } });
  });

  test.for<readonly [what: string, raw: OtlpPoint, violation: string]>([
    ["without a name", buildRaw({ metric: buildMetric({ name: "" }) }), "name FIELD_REQUIRED"],
    ["with a longer name", buildRaw({ metric: buildMetric({ name: "é".repeat(129) }) }), "name FIELD_TOO_LONG"],
    ["beyond 2255", buildRaw({ timeNanos: 9_007_199_254_740_992_000n }), "time_unix_nano TIME_OUT_OF_RANGE"],
    ["without a value", buildRaw({ data: { value: null, flags: 2 } }), "value FIELD_REQUIRED"],
    [
      "with a bucket too few",
      buildRaw({ data: { value: histogram([1, 2], [1n, 1n]) } }),
      "bucket_counts FIELD_INVALID",
    ],
    ["with bounds alone", buildRaw({ data: { value: histogram([1], []) } }), "bucket_counts FIELD_INVALID"],
    [
      "with equal bounds",
      buildRaw({ data: { value: histogram([1, 1], [1n, 1n, 1n]) } }),
      "explicit_bounds FIELD_INVALID",
    ],
    [
      "with a bound that is none",
      buildRaw({ data: { value: histogram([Number.NaN], [1n, 1n]) } }),
      "explicit_bounds FIELD_INVALID",
    ],
    ["too deep", buildRaw({ attributes: { a: deep(32) } }), "attributes NESTING_TOO_DEEP"],
    [
      "with an exemplar too deep",
      buildRaw({ data: { exemplars: [{ ...exemplar, attributes: { a: deep(32) } }] } }),
      "attributes NESTING_TOO_DEEP",
    ],
    ["with long attributes", buildRaw({ attributes: { a: "x".repeat(1_000) } }), "attributes FIELD_TOO_LONG"],
    [
      "with many buckets",
      buildRaw({ data: { value: histogram([], Array(1).fill(10n ** 1_000n)) } }),
      "attributes FIELD_TOO_LONG",
    ],
    ["of a long resource", buildRaw({ metric: buildMetric({}, { a: "x".repeat(1_000) }) }), "resource FIELD_TOO_LONG"],
    ["of a deep metric", buildRaw({ metric: buildMetric({ metadata: { a: deep(32) } }) }), "metadata NESTING_TOO_DEEP"],
  ])("%s is refused", ([, raw, violation]) => {
    const result = createPointNormaliser(limits)(raw);
    expect(result.ok ? "taken" : `${result.violation.field} ${result.violation.reason}`).toBe(violation);
  });

  test("belongs to the service of its resource, else to one that is not known", () => {
    expect(["a", "", 1, undefined].map((name) => agentOf({ "service.name": name }))).toEqual([
      "a",
      ...Array<string>(3).fill("unknown_service"),
    ]);
  });

  test("is of the same series whatever the order of its attributes, and shares the object within a request", () => {
    const normalise = createPointNormaliser(limits);
    const metric = buildMetric();
    const seriesOf = (raw: OtlpPoint, make = normalise) => {
      const result = make(raw);
      return result.ok ? result.point.series : undefined;
    };
    const series = seriesOf(buildRaw({ metric, attributes: { a: 1, b: 2 } }));
    expect(seriesOf(buildRaw({ metric, attributes: { a: 1, b: 2 }, timeNanos: 2n }))).toBe(series);
    const again = buildRaw({ attributes: { b: 2, a: 1 }, metric: buildMetric({ description: "other" }) });
    expect(seriesOf(again, createPointNormaliser(limits))?.hash).toBe(series?.hash);
    // Stored series are found by it.
    expect(series?.hash).toBe("d484af67b60771fbd3c32c67eaada92e");
    expect(seriesOf(buildRaw({ metric, attributes: { a: 1, b: "2" } }))?.hash).not.toBe(series?.hash);
  });
});

/** An intake whose store does what is in `next`, or else says that everything is stored. */
function open(overrides: Partial<typeof limitsDefault> = {}) {
  const bounds = { ...limits, inFlightMaxEvents: 1_000, ...overrides };
  const store = {
    calls: [] as (readonly MetricPoint[])[],
    next: undefined as (() => Promise<readonly PointOutcome[]>) | undefined,
    async appendPoints(points: readonly MetricPoint[]): Promise<readonly PointOutcome[]> {
      store.calls.push(points);
      return store.next === undefined ? points.map(() => ({ status: "stored" })) : store.next();
    },
  };
  const health = createStoreHealth({ probe: async () => undefined, probePauseMs: 60_000 });
  const admission = admissionOf(bounds);
  return { store, health, intake: createPointIntake({ store, limits: bounds, admission, health }) };
}

const bad = buildRaw({ metric: buildMetric({ name: "" }) });

describe("the intake of data points", () => {
  test("says of every point what became of it, and counts it", async () => {
    const { store, intake } = open();
    store.next = async () => [{ status: "duplicate" }, { status: "stored" }];
    const outcomes = await intake.take([bad, buildRaw(), bad, buildRaw()]);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "duplicate", "rejected", "stored"]);
    expect(intake.counters()).toEqual({ received: 4, stored: 1, duplicate: 1, rejected: 2, refused: 0 });
  });

  test("does not ask the store where nothing is acceptable", async () => {
    const { store, intake } = open();
    expect(await intake.take([])).toEqual([]);
    expect(await intake.take([bad])).toMatchObject([{ status: "rejected" }]);
    expect(store.calls).toEqual([]);
  });

  test("keeps the order of many points, in one append", async () => {
    const { store, intake } = open();
    await intake.take(Array.from({ length: 999 }, (_, index) => buildRaw({ timeNanos: BigInt(index) })));
    expect(store.calls.map((points) => points.map(({ timeNanos }) => timeNanos))).toEqual([
      Array.from({ length: 999 }, (_, index) => BigInt(index)),
    ]);
  });

  test("refuses what is too much at a time, and has room again afterwards", async () => {
    const { store, intake } = open();
    const written = Promise.withResolvers<readonly PointOutcome[]>();
    store.next = () => written.promise;
    const many = Array.from({ length: 600 }, () => buildRaw());
    const first = intake.take(many);
    await expect(intake.take(many)).rejects.toMatchObject({ reason: "OVERLOADED" });
    written.resolve(many.map(() => ({ status: "stored" })));
    await first;
    store.next = undefined;
    await expect(intake.take(many)).resolves.toHaveLength(600);
    expect(intake.counters()).toEqual({ received: 1_800, stored: 1_200, duplicate: 0, rejected: 0, refused: 600 });
  });

  test("stores what is more than the server may hold in parts, where a series counts with its resource", async () => {
    const { store, intake } = open({ inFlightMaxBytes: 3_500 });
    const metric = buildMetric({}, { pad: "x".repeat(900) });
    const raws = Array.from({ length: 10 }, (_, index) => buildRaw({ metric, attributes: { index } }));
    // A series is there once in each part, however many points it has.
    const same = Array.from({ length: 10 }, (_, index) => buildRaw({ metric, timeNanos: BigInt(index) }));
    expect(await intake.take([...raws, bad])).toHaveLength(11);
    expect(await intake.take([bad, ...same])).toHaveLength(11);
    expect(store.calls.map((points) => points.length)).toEqual([4, 4, 2, 10]);
    expect(intake.counters()).toEqual({ received: 22, stored: 20, duplicate: 0, rejected: 2, refused: 0 });
  });

  test("is not refused half-way where others come; what fails half-way keeps the parts before", async () => {
    const { store, intake } = open({ inFlightMaxBytes: 500 });
    const raws = Array.from({ length: 3 }, (_, index) => buildRaw({ attributes: { index, pad: "x".repeat(500) } }));
    const written = Promise.withResolvers<readonly PointOutcome[]>();
    store.next = () => written.promise;
    const first = intake.take(raws);
    await expect(intake.take(raws)).rejects.toMatchObject({ reason: "OVERLOADED" });
    store.next = undefined;
    written.resolve([{ status: "stored" }]);
    await expect(first).resolves.toHaveLength(3);
    store.next = async () => {
      if (store.calls.length < 5) return [{ status: "duplicate" }];
      throw new TelemetryError("STORE_UNAVAILABLE", "full");
    };
    await expect(intake.take(raws)).rejects.toMatchObject({ reason: "STORE_UNAVAILABLE" });
    expect(intake.counters()).toEqual({ received: 9, stored: 3, duplicate: 1, rejected: 0, refused: 5 });
  });

  test("tells how it goes with the store", async () => {
    const { store, intake, health } = open();
    store.next = async () => {
      throw new TelemetryError("STORE_UNAVAILABLE", "full");
    };
    await expect(intake.take([buildRaw()])).rejects.toMatchObject({ reason: "STORE_UNAVAILABLE" });
    expect([health.problem(), intake.counters().refused]).toEqual(["full", 1]);
    store.next = async () => [{ status: "duplicate" }];
    await intake.take([buildRaw()]);
    expect(health.problem()).toBe("full");
    store.next = undefined;
    await intake.take([buildRaw()]);
    expect(health.problem()).toBeNull();
  });
});
