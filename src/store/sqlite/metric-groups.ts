import type { MetricBucket, MetricGroup, MetricGroups, MetricQuery } from "../metrics.ts";

/** A row that belongs to one group and one bucket. */
export interface PlacedRow<Row> {
  readonly row: Row;
  /** Place of the bucket. */
  readonly bucket: number;
  /** In the order of `groupBy`. */
  readonly values: readonly (string | null)[];
}

/** Where rows come from, and how they add up. */
export interface MetricSource<Row, Sum, Sums> {
  /** The rows of these buckets, in portions. */
  readonly read: (buckets: readonly MetricBucket[]) => AsyncIterable<readonly PlacedRow<Row>[]>;
  /** How much a row counts: what comes to nothing is not there. */
  readonly countOf: (row: Row) => number;
  readonly createSum: () => Sum;
  readonly add: (sum: Sum, row: Row) => void;
  readonly sizeOf: (sum: Sum) => number;
  readonly finish: (sum: Sum) => Sums;
}

interface OpenGroup<Sum> {
  readonly values: readonly (string | null)[];
  count: number;
  readonly total: Sum;
  readonly buckets: Map<number, Sum>;
}

/** By the values as JSON text. */
type OpenGroups<Sum> = Map<string, OpenGroup<Sum>>;

/**
 * Adds rows up by group and bucket. Where there are groups, it first finds the largest ones, for which it reads few rows; then what
 * is in their buckets: so what is held in memory is bounded by what is answered. Both are done with different states of the
 * database; totals are of the second one, and so are the sum of their buckets.
 */
export async function sumByGroup<Row, Sum, Sums>(
  source: MetricSource<Row, Sum, Sums>,
  { buckets, groupBy, groupsMax }: Pick<MetricQuery<string>, "buckets" | "groupBy" | "groupsMax">,
): Promise<MetricGroups<Sums>> {
  const told: OpenGroups<Sum> = new Map();
  if (groupBy.length === 0) openGroup(source, told, []);
  else {
    const all = await readTotals(source, buckets);
    if (buckets.length === 1 && all.length <= groupsMax) {
      return { groups: all.map((group) => finishGroup(source, group, true)), other: null };
    }
    for (const { values } of all.slice(0, groupsMax)) openGroup(source, told, values);
  }
  const other: OpenGroup<Sum> = { values: [], count: 0, total: source.createSum(), buckets: new Map() };
  const otherCounts = new Map<string, number>();
  for await (const rows of source.read(buckets)) {
    for (const { row, bucket, values } of rows) {
      const name = JSON.stringify(values);
      let group = told.get(name);
      // One that came since the largest were looked for.
      if (group === undefined && told.size < groupsMax) group = openGroup(source, told, values);
      const count = source.countOf(row);
      if (group === undefined) otherCounts.set(name, (otherCounts.get(name) ?? 0) + count);
      else group.count += count;
      const { total, buckets: sums } = group ?? other;
      source.add(total, row);
      if (buckets.length > 1) source.add(bucketSum(source, sums, bucket), row);
    }
  }
  const isWhole = buckets.length === 1;
  const groupCount = [...otherCounts.values()].filter((count) => count > 0).length;
  // Without a dimension there is one group, also of nothing.
  const groups = groupBy.length === 0 ? [...told.values()] : sorted(source, told);
  return {
    groups: groups.map((group) => finishGroup(source, group, isWhole)),
    other: groupCount === 0 ? null : { groupCount, ...finishGroup(source, other, isWhole) },
  };
}

/** Every group with its total, the largest first. */
async function readTotals<Row, Sum, Sums>(
  source: MetricSource<Row, Sum, Sums>,
  buckets: readonly MetricBucket[],
): Promise<readonly OpenGroup<Sum>[]> {
  const groups: OpenGroups<Sum> = new Map();
  const whole = { startMicros: buckets[0]?.startMicros ?? null, endMicros: buckets.at(-1)?.endMicros ?? null };
  for await (const rows of source.read([whole])) {
    for (const { row, values } of rows) {
      const group = openGroup(source, groups, values);
      group.count += source.countOf(row);
      source.add(group.total, row);
    }
  }
  return sorted(source, groups);
}

function openGroup<Row, Sum, Sums>(
  source: MetricSource<Row, Sum, Sums>,
  groups: OpenGroups<Sum>,
  values: readonly (string | null)[],
): OpenGroup<Sum> {
  const name = JSON.stringify(values);
  let group = groups.get(name);
  if (group === undefined) {
    group = { values, count: 0, total: source.createSum(), buckets: new Map() };
    groups.set(name, group);
  }
  return group;
}

function bucketSum<Row, Sum, Sums>(source: MetricSource<Row, Sum, Sums>, sums: Map<number, Sum>, bucket: number): Sum {
  let sum = sums.get(bucket);
  if (sum === undefined) {
    sum = source.createSum();
    sums.set(bucket, sum);
  }
  return sum;
}

/** Those of which something is left: the largest first, then by values. */
function sorted<Row, Sum, Sums>(
  { sizeOf }: MetricSource<Row, Sum, Sums>,
  groups: OpenGroups<Sum>,
): readonly OpenGroup<Sum>[] {
  const bySize = [...groups]
    .filter(([, { count }]) => count > 0)
    .sort(([a, one], [b, another]) => sizeOf(another.total) - sizeOf(one.total) || (a < b ? -1 : 1));
  return bySize.map(([, group]) => group);
}

/** `isWhole`: there is one bucket, which is the total. */
function finishGroup<Row, Sum, Sums>(
  { finish }: MetricSource<Row, Sum, Sums>,
  { values, total, buckets }: OpenGroup<Sum>,
  isWhole: boolean,
): MetricGroup<Sums> {
  const finished = finish(total);
  if (isWhole) return { values, total: finished, buckets: new Map([[0, finished]]) };
  return { values, total: finished, buckets: new Map([...buckets].map(([bucket, sum]) => [bucket, finish(sum)])) };
}
