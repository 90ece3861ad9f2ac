import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addSketchBytes,
  addToSketch,
  type SketchBuckets,
  sketchBucketOf,
  sketchRelativeError,
  sketchToBytes,
  valuesOfRanks,
} from "../../../src/store/sqlite/quantile-sketch.ts";

/** Durations as they come: whole, fractional, tiny, huge, 0, and right at the borders of buckets. */
const anyValue = fc.oneof(
  fc.constant(0),
  fc.integer({ min: 0, max: 100_000 }),
  fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
  fc.double({ min: 1e-6, max: Number.MAX_VALUE, noNaN: true }),
  fc.tuple(fc.integer({ min: -19, max: 60 }), fc.integer({ min: 0, max: 49 })).map(([e, k]) => 2 ** e * (1 + k / 50)),
);

const anyValues = fc.array(anyValue, { minLength: 1, maxLength: 200 });

function sketchOf(values: readonly number[]): SketchBuckets {
  const buckets: SketchBuckets = new Map();
  for (const value of values) addToSketch(buckets, sketchBucketOf(value), 1);
  return buckets;
}

function sumOf(...parts: readonly (Uint8Array | null)[]): SketchBuckets {
  const buckets: SketchBuckets = new Map();
  for (const part of parts) addSketchBytes(buckets, part);
  return buckets;
}

describe("a quantile sketch", () => {
  test("tells the value of every rank within its error", () => {
    fc.assert(
      fc.property(anyValues, (values) => {
        const sketch = sketchOf(values);
        const exact = values.toSorted((a, b) => a - b);
        const told = valuesOfRanks(
          sketch,
          exact.map((_, index) => index + 1),
        );
        for (const [index, value] of exact.entries()) {
          expect(Math.abs((told[index] ?? Number.NaN) - value)).toBeLessThanOrEqual(value * sketchRelativeError);
        }
      }),
    );
  });

  test("keeps greater values in buckets that are not lower", () => {
    fc.assert(
      fc.property(anyValue, anyValue, (a, b) => {
        expect(sketchBucketOf(Math.max(a, b))).toBeGreaterThanOrEqual(sketchBucketOf(Math.min(a, b)));
      }),
    );
  });

  test("has the same bytes in whatever order and parts its values came", () => {
    fc.assert(
      fc.property(
        anyValues.chain((values) =>
          fc.tuple(
            fc.constant(values),
            fc.shuffledSubarray(values, { minLength: values.length }),
            fc.nat(values.length),
          ),
        ),
        ([values, shuffled, cut]) => {
          const whole = sketchToBytes(sketchOf(values));
          const parts = [shuffled.slice(0, cut), shuffled.slice(cut)].map((part) => sketchToBytes(sketchOf(part)));
          expect(sketchToBytes(sumOf(...parts))).toEqual(whole);
          expect(sumOf(whole)).toEqual(sketchOf(values));
        },
      ),
    );
  });

  test("gives back what it took", () => {
    fc.assert(
      fc.property(anyValues, anyValues, (kept, taken) => {
        const sketch = sketchOf([...kept, ...taken]);
        for (const value of taken) addToSketch(sketch, sketchBucketOf(value), -1);
        expect(sketchToBytes(sketch)).toEqual(sketchToBytes(sketchOf(kept)));
        for (const value of kept) addToSketch(sketch, sketchBucketOf(value), -1);
        expect(sketchToBytes(sketch)).toBeNull();
      }),
    );
  });

  test("keeps counts of any size", () => {
    for (const count of [1, 127, 128, 16_384, 2 ** 31, 2 ** 40 + 5]) {
      const bytes = sketchToBytes(new Map([[51, count]]));
      expect(sumOf(bytes)).toEqual(new Map([[51, count]]));
    }
  });

  test("counts less than a nanosecond, and what is below 0, as 0", () => {
    expect([-5, 0, 9e-7].map(sketchBucketOf)).toEqual([0, 0, 0]);
    expect(sketchBucketOf(1e-6)).toBeGreaterThan(0);
    expect(valuesOfRanks(sketchOf([0, 0, 5]), [2])).toEqual([0]);
  });

  test("is small: a day of durations of every size takes less than two kilobytes", () => {
    const values = Array.from({ length: 100_000 }, (_, index) => 10 * 1.0001 ** index);
    expect(sketchToBytes(sketchOf(values))?.length).toBeLessThan(2_000);
  });

  test("tells the same for several ranks as for each, and the greatest beyond the last", () => {
    const sketch = sketchOf([1, 2, 3, 3, 100]);
    const ranks = [1, 3, 3, 4, 5, 6, 99];
    expect(valuesOfRanks(sketch, ranks)).toEqual(ranks.map((rank) => valuesOfRanks(sketch, [rank])[0]));
    expect(valuesOfRanks(sketch, [99])).toEqual(valuesOfRanks(sketch, [5]));
  });

  test("of nothing is nothing", () => {
    expect(sketchToBytes(new Map())).toBeNull();
    expect(valuesOfRanks(sumOf(null), [1, 2])).toEqual([0, 0]);
  });
});
