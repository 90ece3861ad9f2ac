import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bucketsOf } from "../../../src/query/time-buckets.ts";
import { createBucketFinder, piecesOf, portionsOf } from "../../../src/store/sqlite/rollup-range.ts";

const minuteMicros = 60_000_000;
const at = (text: string) => Date.parse(text) * 1000;
const endless = { startMicros: null, endMicros: null };

/** Buckets that lie next to each other, at any minutes. */
const anyBuckets = fc
  .tuple(
    fc.integer({ min: -5000, max: 5000 }),
    fc.array(fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.constantFrom(15, 60, 360, 1440, 10_080)), {
      minLength: 1,
      maxLength: 20,
    }),
  )
  .map(([first, lengths]) => {
    let startMinute = first;
    return lengths.map((length) => {
      const bucket = { startMicros: startMinute * minuteMicros, endMicros: (startMinute + length) * minuteMicros };
      startMinute += length;
      return bucket;
    });
  });

describe("the rows that buckets take", () => {
  test("cover every minute once, and each lies in one bucket", () => {
    fc.assert(
      fc.property(anyBuckets, fc.integer({ min: 1, max: 50 }), (buckets, stretchesMax) => {
        const bucketOf = createBucketFinder(buckets);
        let minute = (buckets[0]?.startMicros ?? 0) / minuteMicros;
        for (const portion of portionsOf(piecesOf(buckets), stretchesMax)) {
          for (const { step, fromMinute, toMinute } of portion) {
            expect(fromMinute === minute).toBe(true);
            for (; minute < toMinute; minute += step) {
              expect(Math.abs(minute % step)).toBe(0);
              const bucket = buckets[bucketOf(minute)];
              expect((bucket?.startMicros ?? 0) <= minute * minuteMicros).toBe(true);
              expect((bucket?.endMicros ?? 0) >= (minute + step) * minuteMicros).toBe(true);
            }
            expect(minute === toMinute).toBe(true);
          }
        }
        expect(minute * minuteMicros).toBe(buckets.at(-1)?.endMicros);
      }),
    );
  });

  test("come in portions of a bounded number of them", () => {
    fc.assert(
      fc.property(anyBuckets, fc.integer({ min: 1, max: 50 }), (buckets, stretchesMax) => {
        for (const portion of portionsOf(piecesOf(buckets), stretchesMax)) {
          const stretches = portion.reduce((sum, piece) => sum + (piece.toMinute - piece.fromMinute) / piece.step, 0);
          expect(stretches).toBeLessThan(2 * stretchesMax);
        }
      }),
    );
  });

  test("are weeks for all of time, in one portion", () => {
    const [piece, ...more] = piecesOf([endless]);
    expect([piece?.step, more]).toEqual([10_080, []]);
    expect(piece?.fromMinute).toBeLessThan((Number.MIN_SAFE_INTEGER / minuteMicros) | 0);
    expect([...portionsOf(piecesOf([endless]), 10)]).toHaveLength(1);
  });

  test("are the longest that lie in the range, and minutes only where it does not begin or end with a quarter of an hour", () => {
    const pieces = piecesOf([{ startMicros: at("2026-01-01T22:40:00Z"), endMicros: at("2026-01-05T00:30:00Z") }]);
    expect(pieces.map(({ step, fromMinute, toMinute }) => [step, (toMinute - fromMinute) / step])).toEqual([
      [1, 5],
      [15, 1],
      [60, 1],
      [1440, 3],
      [15, 2],
    ]);
  });

  test.for([
    ["hour", "America/St_Johns", [15]],
    ["day", "Europe/Berlin", [60, 360]],
    ["day", "UTC", [1440]],
    ["minute", "UTC", [1]],
  ] as const)("of one %s each in %s are of %j minutes", ([interval, timeZone, steps]) => {
    const fromMicros = Date.UTC(2026, 2, 20) * 1000;
    const toMicros = Date.UTC(2026, 3, 2) * 1000;
    const buckets = bucketsOf({ fromMicros, toMicros, interval, timeZone, maxBuckets: 100_000 });
    expect(new Set(piecesOf(buckets).map(({ step }) => step))).toEqual(new Set(steps));
  });
});
