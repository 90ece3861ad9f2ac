import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { MetricCursor, MetricPoint, MetricRecord, PointFilter, TelemetryStore } from "../../../src/store/store.ts";
import { type CreateStore, openStore } from "../open-store.ts";
import { buildPoint, buildSeries, pointFromMicros, pointFromNanos, readPointPages } from "../point-builder.ts";

const nameOf = ({ series, timeNanos }: MetricPoint) =>
  `${series.agentId} ${series.attributesJson} ${timeNanos - pointFromNanos}`;

async function namesIn(store: TelemetryStore, filter: Partial<PointFilter> = {}, limit?: number) {
  const pages = await readPointPages(store, filter, limit);
  return pages.flatMap(({ series }) =>
    series.flatMap(({ series, points }) => points.map((point) => nameOf({ series, hash: "", ...point }))),
  );
}

async function statusesOf(store: TelemetryStore, points: readonly MetricPoint[]) {
  return (await store.appendPoints(points)).map(({ status }) => status);
}

const nanosOf = (first: bigint, last = first) => ({
  firstNanos: pointFromNanos + first,
  lastNanos: pointFromNanos + last,
});

async function readMetrics(store: TelemetryStore, agentId: string | null, limit: number) {
  const metrics: MetricRecord[] = [];
  let after: MetricCursor | null = null;
  do {
    const page = await store.listMetrics({ agentId, after, limit });
    expect(page.metrics.length).toBeLessThanOrEqual(limit);
    metrics.push(...page.metrics);
    after = page.next;
  } while (after !== null);
  return metrics;
}

/** Data points of metrics. */
export function testMetricPoints(createStore: CreateStore): void {
  testWrites(createStore);
  testReads(createStore);
  testMetrics(createStore);
}

function testWrites(createStore: CreateStore): void {
  test("a point that comes again is a duplicate, in the same call and later; one with other data is not", async () => {
    const place = { name: "points-again" };
    const store = await openStore(createStore, place);
    const series = buildSeries();
    const [point, other] = [buildPoint(series, 1), buildPoint(series, 1, { kind: "double", value: 0.5 })];
    expect(await statusesOf(store, [point, other, point])).toEqual(["stored", "stored", "duplicate"]);
    expect(await statusesOf(store, [other, buildPoint(series, 2)])).toEqual(["duplicate", "stored"]);
    expect(await statusesOf(store, [])).toEqual([]);
    await store.close();
    const reopened = await openStore(createStore, place);
    expect(await statusesOf(reopened, [point, other])).toEqual(["duplicate", "duplicate"]);
    const [page] = await readPointPages(reopened);
    const [only] = page?.series ?? [];
    expect(only?.points.map(({ timeNanos }) => timeNanos - pointFromNanos)).toEqual([1n, 1n, 2n]);
    expect(only?.points.map(({ dataJson }) => dataJson)).toEqual(
      expect.arrayContaining(['{"int":"1"}', '{"double":0.5}', '{"int":"2"}']),
    );
  });

  test("a series is given back as it came, with the description that came last", async () => {
    const store = await openStore(createStore);
    const series = buildSeries({
      type: "sum",
      temporality: "delta",
      isMonotonic: false,
      description: "first",
      scopeVersion: "1",
      attributes: { b: JSON.rawJSON("12345678901234567890"), a: "\u0000" },
    });
    await store.appendPoints([buildPoint(series, 1)]);
    const later = { ...series, description: "second", metadataJson: '{"x":1}' };
    await store.appendPoints([buildPoint(later, 2)]);
    const [page] = await readPointPages(store);
    expect(page?.series).toEqual([{ series: later, points: [expect.anything(), expect.anything()] }]);
    const other = buildSeries({ ...series, attributesJson: '{"c":1}', description: "third" });
    await store.appendPoints([
      buildPoint(series, 3),
      buildPoint(other, 3),
      buildPoint({ ...series, description: "fourth" }, 4),
    ]);
    const [again] = await readPointPages(store);
    expect(again?.series.map(({ series }) => series.description)).toEqual(["fourth", "fourth"]);
  });

  test("what differs in any part of the identity is another series", async () => {
    const store = await openStore(createStore);
    const many = [
      buildSeries(),
      buildSeries({ agentId: "other" }),
      buildSeries({ unit: "ms" }),
      buildSeries({ type: "sum" }),
      buildSeries({ type: "sum", temporality: "delta" }),
      buildSeries({ type: "sum", isMonotonic: true }),
      buildSeries({ scopeJson: "{}" }),
      buildSeries({ resourceJson: "{}" }),
      buildSeries({ attributes: { a: 1 } }),
      buildSeries({ attributes: { a: "1" } }),
    ];
    const outcomes = await store.appendPoints(many.map((series) => buildPoint(series, 1)));
    expect(outcomes.every(({ status }) => status === "stored")).toBe(true);
    const [page] = await readPointPages(store);
    expect(page?.series.map(({ series }) => series)).toEqual(many);
  });

  test("points that many write at a time are all there", async () => {
    const store = await openStore(createStore);
    const points = Array.from({ length: 50 }, (_, index) =>
      buildPoint(buildSeries({ attributes: { n: index % 5 } }), index),
    );
    await Promise.all(points.map((point) => store.appendPoints([point, ...points.slice(0, 3)])));
    expect((await namesIn(store)).sort()).toEqual(points.map(nameOf).sort());
  });
}

function testReads(createStore: CreateStore): void {
  const store = (examinedRowsMax?: number) =>
    openStore(createStore, examinedRowsMax === undefined ? {} : { examinedRowsMax });
  const points = Array.from({ length: 60 }, (_, index) =>
    buildPoint(
      buildSeries({
        agentId: `a${index % 2}`,
        scopeName: index % 3 === 0 ? null : "scope",
        scopeJson: index % 3 === 0 ? "{}" : '{"name":"scope"}',
        attributes: { n: index % 6, text: `t${index % 4}`, yes: index % 4 === 0, none: null },
      }),
      1_000 * ((index * 7) % 60),
    ),
  );
  const filters: readonly (readonly [Partial<PointFilter>, (point: MetricPoint) => boolean])[] = [
    [{}, () => true],
    [{ name: "other" }, () => false],
    [{ agentId: "a1" }, ({ series }) => series.agentId === "a1"],
    [{ agentId: "nobody" }, () => false],
    [{ scopeName: "scope" }, ({ series }) => series.scopeName === "scope"],
    [{ attributes: [{ key: "n", value: "4" }] }, ({ series }) => series.attributesJson.includes('"n":4')],
    [
      {
        agentId: "a0",
        attributes: [
          { key: "text", value: "t0" },
          { key: "yes", value: "true" },
        ],
      },
      ({ series }) => series.attributesJson.includes('"yes":true'),
    ],
    [{ attributes: [{ key: "none", value: "null" }] }, () => true],
    [{ attributes: [{ key: "none", value: "" }] }, () => false],
    [
      { fromMicros: pointFromMicros + 10, toMicros: pointFromMicros + 20 },
      ({ timeNanos }) => timeNanos >= pointFromNanos + 10_000n && timeNanos <= pointFromNanos + 20_000n,
    ],
  ];
  const inOrder = (passes: (point: MetricPoint) => boolean) => {
    const groups = Map.groupBy(points, ({ series }) => series.hash);
    return [...groups.values()].flatMap((group) =>
      group.filter(passes).sort((one, other) => Number(one.timeNanos - other.timeNanos)),
    );
  };

  test("only what a filter lets through is given, by series and time, in pages of any size, whatever a page examines", async () => {
    for (const examinedRowsMax of [undefined, 1, 5]) {
      const open = await store(examinedRowsMax);
      await open.appendPoints(points);
      for (const [filter, passes] of filters) {
        for (const limit of [1, 4, 60]) {
          expect([filter, limit, await namesIn(open, filter, limit)]).toEqual([
            filter,
            limit,
            inOrder(passes).map(nameOf),
          ]);
        }
      }
    }
  });

  test("no page leaves out or repeats a point, whatever the series and times", async () => {
    const arbitrary = fc.array(fc.record({ series: fc.nat(4), nanos: fc.nat(6), value: fc.nat(2) }), { maxLength: 40 });
    const open = await store();
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(arbitrary, fc.integer({ min: 1, max: 7 }), async (drafts, limit) => {
        runs += 1;
        const name = `run ${runs}`;
        const built = drafts.map(({ series, nanos, value }) =>
          buildPoint(buildSeries({ name, attributes: { series } }), nanos, { kind: "double", value }),
        );
        await open.appendPoints(built);
        const pages = await readPointPages(open, { name }, limit);
        const found = pages.map(({ series }) =>
          series.flatMap((one) => one.points.map((point) => [one.series.hash, point])),
        );
        expect(found.slice(0, -1).every((page) => page.length === limit)).toBe(true);
        const unique = new Map(
          built.map(({ series, timeNanos, dataJson }) => [`${series.hash} ${timeNanos} ${dataJson}`, true]),
        );
        const flat = found.flat().map(([hash, point]) => `${String(hash)} ${textOf(point)}`);
        expect(flat.toSorted()).toEqual([...unique.keys()].toSorted());
      }),
      { numRuns: 40 },
    );
  });

  test("a range is cut at full microseconds, and may reach beyond all times", async () => {
    const open = await store();
    await open.appendPoints([0, 999, 1_000, 1_999, 2_000].map((nanos) => buildPoint(buildSeries(), nanos)));
    const at = pointFromMicros + 1;
    expect(await namesIn(open, { fromMicros: at, toMicros: at })).toEqual(["agent {} 1000", "agent {} 1999"]);
    const [first, last] = [-62_135_596_800_000_000, 253_402_300_799_000_000];
    expect(await namesIn(open, { fromMicros: first, toMicros: last })).toHaveLength(5);
    expect(await namesIn(open, { fromMicros: last })).toEqual([]);
    expect(await namesIn(open, { toMicros: first })).toEqual([]);
  });
}

function textOf(point: unknown): string {
  const { timeNanos, dataJson } = point as Pick<MetricPoint, "timeNanos" | "dataJson">;
  return `${timeNanos} ${dataJson}`;
}

function testMetrics(createStore: CreateStore): void {
  test("metrics are listed by name, type and unit, with what all their agents sent", async () => {
    const store = await openStore(createStore);
    expect(await readMetrics(store, null, 10)).toEqual([]);
    await store.appendPoints([
      buildPoint(buildSeries({ name: "z", agentId: "b", description: "of b" }), 5),
      buildPoint(buildSeries({ name: "z", agentId: "a", description: "of a", attributes: { n: 1 } }), 9),
      buildPoint(buildSeries({ name: "z", agentId: "a", description: "of a", attributes: { n: 2 } }), 2),
      buildPoint(buildSeries({ name: "z", agentId: "a", unit: "By" }), 3),
      buildPoint(buildSeries({ name: "z", agentId: "a", type: "sum" }), 3),
      buildPoint(buildSeries({ name: "A", agentId: "c" }), 1),
    ]);
    const common = { type: "gauge", unit: "s", description: "", seriesCount: 1 };
    const all = [
      { ...common, name: "A", agentIds: ["c"], ...nanosOf(1n) },
      { ...common, name: "z", unit: "By", agentIds: ["a"], ...nanosOf(3n) },
      { ...common, name: "z", agentIds: ["a", "b"], description: "of a", seriesCount: 3, ...nanosOf(2n, 9n) },
      { ...common, name: "z", type: "sum", agentIds: ["a"], ...nanosOf(3n) },
    ];
    for (const limit of [1, 2, 3, 4, 5]) expect(await readMetrics(store, null, limit)).toEqual(all);
    expect(await readMetrics(store, "b", 1)).toEqual([
      { ...common, name: "z", agentIds: ["b"], description: "of b", ...nanosOf(5n) },
    ]);
    expect(await readMetrics(store, "nobody", 1)).toEqual([]);
    await store.appendPoints([buildPoint(buildSeries({ name: "A", agentId: "c" }), -4)]);
    expect((await readMetrics(store, "c", 1))[0]).toMatchObject({ seriesCount: 1, ...nanosOf(-4n, 1n) });
  });
}
