import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  BucketCountError,
  type BucketInterval,
  type BucketRange,
  bucketsOf,
  isAlignedTo,
  type TimeBucket,
} from "../../src/query/time-buckets.ts";

const quarterHour = 900_000_000;
const hourMicros = 4 * quarterHour;
const dayMicros = 24 * hourMicros;

const micros = (text: string) => Date.parse(text) * 1000;
const text = (micros: number) => new Date(micros / 1000).toISOString().replace(":00.000Z", "Z");

/** The edges of the buckets of a range, as text in UTC to the minute. */
function edges(range: Omit<BucketRange, "fromMicros" | "toMicros" | "maxBuckets"> & { from: string; to: string }) {
  const { from, to, ...rest } = range;
  const buckets = bucketsOf({ ...rest, fromMicros: micros(from), toMicros: micros(to), maxBuckets: 100 });
  return [...buckets.slice(0, 1).map((bucket) => bucket.startMicros), ...buckets.map((bucket) => bucket.endMicros)].map(
    text,
  );
}

function minuteAt(fromMicros: number): readonly TimeBucket[] {
  return bucketsOf({ fromMicros, toMicros: fromMicros + 1, interval: "minute", timeZone: "UTC", maxBuckets: 1 });
}

/** Hours of each day bucket that a range touches. */
function hoursOfDays(timeZone: string, from: string, to: string): number[] {
  return bucketsOf({ fromMicros: micros(from), toMicros: micros(to), interval: "day", timeZone, maxBuckets: 10 }).map(
    ({ startMicros, endMicros }) => (endMicros - startMicros) / hourMicros,
  );
}

describe("buckets", () => {
  test.for([
    ["minute", "2025-03-18T09:15:30Z", "2025-03-18T09:17Z", ["09:15", "09:16", "09:17"]],
    ["hour", "2025-03-18T09:15Z", "2025-03-18T11:00:00.001Z", ["09:00", "10:00", "11:00", "12:00"]],
    ["hour", "2025-03-18T09:00Z", "2025-03-18T10:00Z", ["09:00", "10:00"]],
    ["hour", "2025-03-18T09:59:59.999Z", "2025-03-18T10:00Z", ["09:00", "10:00"]],
    ["hour", "2025-03-18T09:00Z", "2025-03-18T09:00Z", []],
    ["hour", "2025-03-18T09:30Z", "2025-03-18T09:30Z", []],
  ] as const)("of one %s cover the range from %s to %s", ([interval, from, to, expected]) => {
    expect(edges({ from, to, interval, timeZone: "UTC" })).toEqual(expected.map((time) => `2025-03-18T${time}Z`));
  });

  test("of one week begin on Mondays, also before 1970", () => {
    const week = { interval: "week", timeZone: "UTC" } as const;
    expect(edges({ from: "2025-03-16T23:59Z", to: "2025-03-17T00:01Z", ...week })).toEqual([
      "2025-03-10T00:00Z",
      "2025-03-17T00:00Z",
      "2025-03-24T00:00Z",
    ]);
    expect(edges({ from: "1969-12-31T00:00Z", to: "1970-01-01T00:00Z", ...week })).toEqual([
      "1969-12-29T00:00Z",
      "1970-01-05T00:00Z",
    ]);
  });

  test("touch a range of one microsecond, on either side of the epoch and at the ends of time", () => {
    expect(minuteAt(-1)).toEqual([{ startMicros: -60_000_000, endMicros: 0 }]);
    expect(minuteAt(0)).toEqual([{ startMicros: 0, endMicros: 60_000_000 }]);
    expect(minuteAt(59_999_999)).toEqual([{ startMicros: 0, endMicros: 60_000_000 }]);
    expect(minuteAt(60_000_000)).toEqual([{ startMicros: 60_000_000, endMicros: 120_000_000 }]);
    const [last] = minuteAt(Number.MAX_SAFE_INTEGER - 1);
    expect(last?.startMicros).toBeLessThan(Number.MAX_SAFE_INTEGER);
    expect(last?.endMicros).toBeGreaterThanOrEqual(Number.MAX_SAFE_INTEGER);
  });

  test.for([
    ["Asia/Kolkata", "day", "2025-03-18T00:00Z", ["2025-03-17T18:30Z", "2025-03-18T18:30Z"]],
    ["Asia/Kathmandu", "day", "2025-03-18T00:00Z", ["2025-03-17T18:15Z", "2025-03-18T18:15Z"]],
    ["Asia/Kathmandu", "hour", "2025-03-18T00:00Z", ["2025-03-17T23:15Z", "2025-03-18T00:15Z"]],
    ["Asia/Kathmandu", "minute", "2025-03-18T00:00Z", ["2025-03-18T00:00Z", "2025-03-18T00:01Z"]],
    ["America/New_York", "week", "2025-03-10T00:00Z", ["2025-03-03T05:00Z", "2025-03-10T04:00Z"]],
    ["Pacific/Kiritimati", "day", "2025-03-18T10:00Z", ["2025-03-18T10:00Z", "2025-03-19T10:00Z"]],
    ["Etc/GMT+12", "day", "2025-03-18T10:00Z", ["2025-03-17T12:00Z", "2025-03-18T12:00Z"]],
  ] as const)("go by the local clock of %s: the %s of %s", ([timeZone, interval, from, expected]) => {
    const to = new Date(Date.parse(from) + 1).toISOString();
    expect(edges({ from, to, interval, timeZone })).toEqual(expected);
  });
});

describe("where the clock is moved", () => {
  test.for([
    ["spring in Berlin", "Europe/Berlin", "2025-03-29T12:00Z", "2025-03-31T12:00Z", [24, 23, 24]],
    ["autumn in Berlin", "Europe/Berlin", "2025-10-25T12:00Z", "2025-10-27T12:00Z", [24, 25, 24]],
    ["spring on Lord Howe Island", "Australia/Lord_Howe", "2025-10-04T14:00Z", "2025-10-06T12:00Z", [23.5, 24]],
    ["autumn on Lord Howe Island", "Australia/Lord_Howe", "2025-04-05T14:00Z", "2025-04-07T12:00Z", [24.5, 24]],
    ["a midnight that Santiago skips", "America/Santiago", "2025-09-06T12:00Z", "2025-09-08T12:00Z", [24, 23, 24]],
    ["a midnight that comes twice in Havana", "America/Havana", "2025-11-01T12:00Z", "2025-11-03T12:00Z", [24, 25, 24]],
    ["Newfoundland back over midnight", "America/St_Johns", "2010-11-06T12:00Z", "2010-11-08T12:00Z", [24, 25, 24]],
    ["a date that Samoa left out", "Pacific/Apia", "2011-12-29T12:00Z", "2012-01-01T10:00Z", [24, 24, 24]],
    ["a date that Kwajalein had twice", "Pacific/Kwajalein", "1969-09-29T12:00Z", "1969-10-01T13:00Z", [24, 47, 24]],
    [
      "a week of summer time in Recife",
      "America/Recife",
      "2000-10-07T12:00Z",
      "2000-10-16T12:00Z",
      [24, 23, 24, 24, 24, 24, 24, 25, 24, 24],
    ],
  ] as const)("days have as many hours as they had: %s", ([, timeZone, from, to, expected]) => {
    expect(hoursOfDays(timeZone, from, to)).toEqual(expected);
  });

  test("a day begins at the first midnight, if the clock is put back over it", () => {
    expect(
      edges({ from: "2010-11-07T03:00Z", to: "2010-11-07T03:01Z", interval: "day", timeZone: "America/St_Johns" }),
    ).toEqual(["2010-11-07T02:30Z", "2010-11-08T03:30Z"]);
  });

  test("two moves within a week are not overlooked", () => {
    const range = { from: "2000-10-10T12:00Z", to: "2000-10-13T12:00Z", interval: "day" } as const;
    expect(edges({ ...range, timeZone: "America/Recife" })).toEqual([
      "2000-10-10T02:00Z",
      "2000-10-11T02:00Z",
      "2000-10-12T02:00Z",
      "2000-10-13T02:00Z",
      "2000-10-14T02:00Z",
    ]);
  });

  test("the Samoan week without a Friday has six days", () => {
    expect(
      edges({ from: "2011-12-28T00:00Z", to: "2011-12-28T00:01Z", interval: "week", timeZone: "Pacific/Apia" }),
    ).toEqual(["2011-12-26T10:00Z", "2012-01-01T10:00Z"]);
  });

  test("the hour that comes twice makes two buckets, and the one left out none", () => {
    const hour = { interval: "hour", timeZone: "Europe/Berlin" } as const;
    const hours = ["00:00Z", "01:00Z", "02:00Z"];
    expect(edges({ from: "2025-10-26T00:00Z", to: "2025-10-26T02:00Z", ...hour })).toEqual(
      hours.map((time) => `2025-10-26T${time}`),
    );
    expect(edges({ from: "2025-03-30T00:00Z", to: "2025-03-30T02:00Z", ...hour })).toEqual(
      hours.map((time) => `2025-03-30T${time}`),
    );
  });

  test.for([
    ["spring", "2025-10-04T15:00Z", "2025-10-04T16:10Z", ["14:30", "15:30", "16:00", "17:00"]],
    ["autumn", "2025-04-05T14:00Z", "2025-04-05T15:40Z", ["14:00", "15:00", "15:30", "16:30"]],
  ] as const)("hours on Lord Howe Island are cut where it moves its clock by 30 minutes: %s", ([, from, to, times]) => {
    expect(edges({ from, to, interval: "hour", timeZone: "Australia/Lord_Howe" })).toEqual(
      times.map((time) => `${from.slice(0, 10)}T${time}Z`),
    );
  });

  test("minutes follow a local mean time with its seconds", () => {
    const [first] = bucketsOf({
      fromMicros: micros("1970-01-01T00:00Z"),
      toMicros: micros("1970-01-01T00:00:01Z"),
      interval: "minute",
      timeZone: "Africa/Monrovia",
      maxBuckets: 1,
    });
    expect(first).toEqual({ startMicros: -30_000_000, endMicros: 30_000_000 });
  });
});

describe("bucketsOf refuses", () => {
  const range = { fromMicros: 0, toMicros: dayMicros, interval: "hour", timeZone: "UTC", maxBuckets: 24 } as const;

  test.for([
    ["a zone that there is not", { timeZone: "Mars/Olympus" }],
    ["a zone without a name", { timeZone: "" }],
    ["a zone that there is not, for an empty range, too", { timeZone: "Mars/Olympus", toMicros: 0 }],
    ["a range that ends before it begins", { fromMicros: 1, toMicros: 0 }],
    ["a time between microseconds", { fromMicros: 0.5 }],
    ["a time that is no number", { toMicros: Number.NaN }],
    ["a time beyond the safe integers", { toMicros: 2 ** 53 }],
  ] as const)("%s", ([, other]) => {
    expect(() => bucketsOf({ ...range, ...other })).toThrow(RangeError);
    expect(() => bucketsOf({ ...range, ...other })).not.toThrow(BucketCountError);
  });

  test("one bucket more than may be, and tells how many there are", () => {
    expect(bucketsOf(range)).toHaveLength(24);
    for (const more of [{ maxBuckets: 23 }, { toMicros: dayMicros + 1, maxBuckets: 24 }, { maxBuckets: 0 }]) {
      const count = "toMicros" in more ? 25 : 24;
      expect(() => bucketsOf({ ...range, ...more })).toThrow(expect.objectContaining({ count }));
      expect(() => bucketsOf({ ...range, ...more })).toThrow(`${count} buckets of one hour, which is more than`);
    }
  });

  test("a day more than may be, also where a date was left out", () => {
    const days = { fromMicros: micros("2011-12-01T10:00Z"), interval: "day", timeZone: "Pacific/Apia" } as const;
    const toMicros = days.fromMicros + 60 * dayMicros;
    expect(bucketsOf({ ...days, toMicros, maxBuckets: 60 })).toHaveLength(60);
    expect(() => bucketsOf({ ...days, toMicros, maxBuckets: 59 })).toThrow(expect.objectContaining({ count: 60 }));
  });

  test("not a day of 25 hours where one may be", () => {
    const [fromMicros, toMicros] = [micros("2025-10-25T22:00Z"), micros("2025-10-26T23:00Z")];
    const day = { fromMicros, toMicros, interval: "day", timeZone: "Europe/Berlin", maxBuckets: 1 } as const;
    expect(bucketsOf(day)).toEqual([{ startMicros: fromMicros, endMicros: toMicros }]);
  });

  test("all of time in minutes without making them", () => {
    const all = { fromMicros: Number.MIN_SAFE_INTEGER, toMicros: Number.MAX_SAFE_INTEGER, interval: "minute" } as const;
    expect(() => bucketsOf({ ...range, ...all, maxBuckets: 10_000 })).toThrow(
      expect.objectContaining({ name: "BucketCountError", count: 300_239_976 }),
    );
  });
});

const zones = Intl.supportedValuesOf("timeZone");

/** Zones and times where clocks were moved, besides any others. */
const someTime = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({ timeZone: fc.constantFrom(...zones), at: fc.integer({ min: 0, max: 60 * 365 * 96 }) }),
  },
  fc.constantFrom(
    ...(
      [
        ["Australia/Lord_Howe", "2025-10-04T15:30Z"],
        ["Australia/Lord_Howe", "2025-04-05T15:00Z"],
        ["America/Santiago", "2025-09-07T04:00Z"],
        ["America/Santiago", "2025-04-06T03:00Z"],
        ["America/Havana", "2025-11-02T05:00Z"],
        ["Europe/Berlin", "2025-03-30T01:00Z"],
        ["Africa/Casablanca", "2025-02-23T02:00Z"],
        ["Asia/Pyongyang", "2018-05-04T15:00Z"],
        ["Asia/Colombo", "2006-04-14T18:30Z"],
        ["America/Caracas", "2016-05-01T07:00Z"],
        ["Antarctica/Troll", "2025-03-30T01:00Z"],
        ["Pacific/Apia", "2011-12-30T10:00Z"],
        ["Pacific/Chatham", "2025-04-05T14:00Z"],
        ["Pacific/Norfolk", "2015-10-03T14:30Z"],
      ] as const
    ).map(([timeZone, time]) => ({ timeZone, at: micros(time) / quarterHour })),
  ),
);

interface LocalTime {
  readonly date: string;
  readonly minute: number;
  readonly offset: number;
}

/** What a wall clock and calendar of a zone show, by another way than the code takes. */
function createLocalTime(timeZone: string): (micros: number) => LocalTime {
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "medium" });
  return (micros) => {
    const shown = format.format(micros / 1000).replace(" ", "T");
    return {
      date: shown.slice(0, 10),
      minute: Number(shown.slice(14, 16)),
      offset: Date.parse(`${shown}Z`) - micros / 1000,
    };
  };
}

/** Edges by looking at the clock every quarter of an hour. */
function slowEdges({ fromMicros, toMicros, interval, timeZone }: Omit<BucketRange, "maxBuckets">): number[] {
  const localTime = createLocalTime(timeZone);
  const found: number[] = [];
  let before: LocalTime | undefined;
  let latest = "";
  for (let at = fromMicros - (interval === "week" ? 9 : 3) * dayMicros; ; at += quarterHour) {
    const now = localTime(at);
    const moved = before !== undefined && (now.offset - before.offset) % 3_600_000 !== 0;
    const isDay = before !== undefined && now.date > latest;
    const isWeek = isDay && mondayOf(now.date) > latest;
    if (interval === "hour" ? now.minute === 0 || moved : interval === "day" ? isDay : isWeek) {
      if (at <= fromMicros) found[0] = at;
      else found.push(at);
      if (at >= toMicros) return found;
    }
    before = now;
    if (now.date > latest) latest = now.date;
  }
}

function mondayOf(date: string): string {
  const midnight = Date.parse(date);
  return new Date(midnight - ((new Date(midnight).getUTCDay() + 6) % 7) * 86_400_000).toISOString().slice(0, 10);
}

describe("every range in every zone", () => {
  test.each<BucketInterval>(["hour", "day", "week"])("has the buckets that its clock shows: %s", (interval) => {
    const quarters = fc.integer({ min: -200, max: 200 });
    fc.assert(
      fc.property(someTime, quarters, fc.integer({ min: 1, max: 200 }), ({ timeZone, at }, shift, length) => {
        const fromMicros = (at + shift) * quarterHour + 1;
        fc.pre(fromMicros > micros("1980-01-15T00:00Z"));
        const range = { fromMicros, toMicros: fromMicros + length * quarterHour, interval, timeZone };
        const aligned = { ...range, fromMicros: fromMicros - 1, toMicros: range.toMicros - 1 };
        for (const asked of [range, aligned]) {
          const buckets = bucketsOf({ ...asked, maxBuckets: 1000 });
          const expected = slowEdges({ ...asked, fromMicros: fromMicros - 1 });
          expect(buckets.map((bucket) => text(bucket.startMicros))).toEqual(expected.slice(0, -1).map(text));
          expect(buckets.map((bucket) => text(bucket.endMicros))).toEqual(expected.slice(1).map(text));
        }
      }),
      { numRuns: 60 },
    );
  });

  test("is tiled without a gap or an overlap, from where it begins to where it ends", () => {
    const someInterval = fc.constantFrom<BucketInterval>("minute", "hour", "day", "week");
    const someMicros = fc.maxSafeInteger();
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        someInterval,
        someMicros,
        fc.nat(1e15),
        (timeZone, interval, from, span) => {
          const fromMicros = Math.min(from, Number.MAX_SAFE_INTEGER - 1);
          const unit = { minute: 60e6, hour: hourMicros, day: dayMicros, week: 7 * dayMicros }[interval];
          const toMicros = Math.min(fromMicros + 1 + (span % (100 * unit)), Number.MAX_SAFE_INTEGER);
          const buckets = bucketsOf({ fromMicros, toMicros, interval, timeZone, maxBuckets: 110 });
          expect(buckets[0]?.startMicros).toBeLessThanOrEqual(fromMicros);
          expect(buckets[0]?.endMicros).toBeGreaterThan(fromMicros);
          expect(buckets.at(-1)?.startMicros).toBeLessThan(toMicros);
          expect(buckets.at(-1)?.endMicros).toBeGreaterThanOrEqual(toMicros);
          expect(buckets.every(({ startMicros, endMicros }) => startMicros < endMicros)).toBe(true);
          expect(buckets.slice(1).map((bucket) => bucket.startMicros)).toEqual(
            buckets.slice(0, -1).map((bucket) => bucket.endMicros),
          );
        },
      ),
    );
  });
});

describe("isAlignedTo", () => {
  const bucket = { startMicros: -quarterHour, endMicros: 2 * quarterHour };

  test("asks both ends of every bucket for multiples of the step since the epoch", () => {
    expect(isAlignedTo([], quarterHour)).toBe(true);
    expect(isAlignedTo([bucket], quarterHour)).toBe(true);
    expect(isAlignedTo([bucket], 2 * quarterHour)).toBe(false);
    expect(isAlignedTo([bucket, { startMicros: 2 * quarterHour, endMicros: 1 }], quarterHour)).toBe(false);
    expect(isAlignedTo([{ startMicros: 1, endMicros: quarterHour }], quarterHour)).toBe(false);
  });

  test.each<[BucketInterval, string, string]>([
    ["hour", "2007-01-01T00:00Z", "2008-01-01T00:00Z"],
    ["hour", "2015-01-01T00:00Z", "2016-01-01T00:00Z"],
    ["day", "2002-01-01T00:00Z", "2012-01-01T00:00Z"],
    ["week", "2011-01-01T00:00Z", "2012-02-01T00:00Z"],
  ])("holds for a quarter of an hour in every zone: %s, %s to %s", (interval, from, to) => {
    const range = { fromMicros: micros(from), toMicros: micros(to), interval, maxBuckets: 10_000 };
    const odd = zones.filter((timeZone) => !isAlignedTo(bucketsOf({ ...range, timeZone }), quarterHour));
    expect(zones.length).toBeGreaterThan(400);
    expect(odd).toEqual([]);
  });

  test.for([
    ["Africa/Monrovia", "1972-01-01T00:00Z", "1972-01-08T00:00Z"],
    ["Pacific/Kiritimati", "1979-09-01T00:00Z", "1979-10-03T00:00Z"],
  ] as const)("does not hold in %s until after %s", ([timeZone, before, after]) => {
    const dayAfter = (from: string) =>
      bucketsOf({ fromMicros: micros(from), toMicros: micros(from) + 1, interval: "day", timeZone, maxBuckets: 1 });
    expect(isAlignedTo(dayAfter(before), quarterHour)).toBe(false);
    expect(isAlignedTo(dayAfter(after), quarterHour)).toBe(true);
  });
});
