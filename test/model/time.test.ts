import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatTimeMicros, parseTimeMicros } from "../../src/model/time.ts";

const pad = (value: number): string => String(value).padStart(2, "0");

const noon = Date.UTC(2025, 2, 18, 12) * 1000;
const midnight = Date.UTC(2025, 2, 18) * 1000;

describe("a time is read", () => {
  test.each([
    ["2025-03-18T12:00:00Z", noon],
    ["2025-03-18T12:00:00z", noon],
    ["2025-03-18t12:00:00", noon],
    ["2025-03-18 12:00:00", noon],
    ["2025-03-18T12:00", noon],
    ["2025-03-18T12", noon],
    ["20250318T120000", noon],
    ["20250318T1200", noon],
    ["20250318 12", noon],
    ["20250318T12:00:00Z", noon],
    ["2025-03-18", midnight],
    ["20250318", midnight],
    ["2025-W12-2", midnight],
    ["2025W122", midnight],
    ["2025-W12", midnight - 86_400_000_000],
    ["2025W12", midnight - 86_400_000_000],
    ["2025-W12-2T12:00:00", noon],
    ["2025W122T12", noon],
    ["2025-W12T12", noon - 86_400_000_000],
    ["2026-W53-7", Date.UTC(2027, 0, 3) * 1000],
    ["2024-W01-1", Date.UTC(2024, 0, 1) * 1000],
    ["2021-W01-1", Date.UTC(2021, 0, 4) * 1000],
    ["2024-02-29", Date.UTC(2024, 1, 29) * 1000],
    ["2000-02-29", Date.UTC(2000, 1, 29) * 1000],
    ["1969-12-31T23:59:59.999999Z", -1],
  ])("%s", (text, micros) => {
    expect(parseTimeMicros(text)).toBe(micros);
  });

  test.each([
    ["2025-03-18T12:00:00.1", 100_000],
    ["2025-03-18T12:00:00,25Z", 250_000],
    ["2025-03-18T12:00:00.101220Z", 101_220],
    ["2025-03-18T12:00:00.000001", 1],
    ["2025-03-18T12:00:00.0000019", 1],
    ["2025-03-18T12:00:00.999999999999+00:00", 999_999],
    ["20250318T120000.5", 500_000],
  ])("%s with its fraction cut off at microseconds", (text, micros) => {
    expect(parseTimeMicros(text)).toBe(noon + micros);
  });

  test.each([
    ["2025-03-18T12:00:00+00:00", 0],
    ["2025-03-18T12:00:00+02", -7200],
    ["2025-03-18T12:00:00+0200", -7200],
    ["2025-03-18T12:00:00+02:00", -7200],
    ["2025-03-18T12:00:00-05:30", 19_800],
    ["2025-03-18T12:00:00-00:00:30", 30],
    ["2025-03-18T12:00+02:00", -7200],
    ["20250318T12-01", 3600],
    ["2025-03-18T12:00:00.000000-23:59", 86_340],
  ])("%s with its offset converted", (text, seconds) => {
    expect(parseTimeMicros(text)).toBe(noon + seconds * 1_000_000);
  });

  test("beyond the safe integers it counts as the outermost one", () => {
    expect(parseTimeMicros("0001-01-01T00:00:00Z")).toBe(Number.MIN_SAFE_INTEGER);
    expect(parseTimeMicros("9999-12-31T23:59:59.999999Z")).toBe(Number.MAX_SAFE_INTEGER);
  });
});

describe("what is no time is refused", () => {
  test.each([
    "",
    "now",
    "2025",
    "2025-03",
    "202503",
    "2025-3-18",
    "2025-03-1",
    "2025-0318",
    "202503-18",
    "0000-01-01",
    "2025-00-10",
    "2025-13-01",
    "2025-02-29",
    "1900-02-29",
    "2200-02-29",
    "2025-02-30",
    "2025-04-31",
    "2025-01-00",
    "2025-W00-1",
    "2025-W53-1",
    "2025-W12-0",
    "2025-W12-8",
    "2025-W12-",
    "2025-03-18T",
    "2025-03-18T1",
    "2025-03-18T24:00:00",
    "2025-03-18T25:00:00",
    "2025-03-18T12:60",
    "2025-03-18T12:00:60",
    "2025-03-18T12:0",
    "2025-03-18T12:",
    "2025-03-18T12:00:",
    "2025-03-18T1200:00",
    "2025-03-18T12:0000",
    "2025-03-18T12:00:00.",
    "2025-03-18T12:00.5",
    "2025-03-18T12:00:00.5.5",
    "2025-03-18T12:00:00ZZ",
    "2025-03-18T12:00:00 Z",
    "2025-03-18T12:00:00+",
    "2025-03-18T12:00:00+2",
    "2025-03-18T12:00:00+24:00",
    "2025-03-18T12:00:00+02:60",
    "2025-03-18T12:00:00 02:00",
    "2025-03-18T12:00:00+02:00Z",
    "2025-03-18Z",
    "2025-03-18+02:00",
    "2025-03-18x12:00:00",
    "2025-03-18  12:00:00",
    " 2025-03-18",
    "2025-03-18T12:00:00\n",
    "+2025-03-18",
    "-2025-03-18",
    "1742299200",
    "٢٠٢٥-03-18",
  ])("%j", (text) => {
    expect(parseTimeMicros(text)).toBeUndefined();
  });
});

describe("a time is written", () => {
  test("in UTC with six digits", () => {
    expect(formatTimeMicros(noon)).toBe("2025-03-18T12:00:00.000000Z");
    expect(formatTimeMicros(noon + 101_220)).toBe("2025-03-18T12:00:00.101220Z");
    expect(formatTimeMicros(noon + 7)).toBe("2025-03-18T12:00:00.000007Z");
    expect(formatTimeMicros(0)).toBe("1970-01-01T00:00:00.000000Z");
    expect(formatTimeMicros(-1)).toBe("1969-12-31T23:59:59.999999Z");
  });

  test("and every written time reads back as the same microsecond", () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (micros) => {
        expect(parseTimeMicros(formatTimeMicros(micros))).toBe(micros);
      }),
    );
  });
});

test("a date and a clock with an offset are the instant that JavaScript's own Date finds", () => {
  const date = fc.date({ min: new Date("1700-01-01"), max: new Date("2200-01-01"), noInvalidDate: true });
  const offset = fc.record({ sign: fc.constantFrom("+", "-"), hours: fc.nat(23), minutes: fc.nat(59) });
  fc.assert(
    fc.property(date, offset, (date, { sign, hours, minutes }) => {
      const text = `${date.toISOString().slice(0, -1)}${sign}${pad(hours)}:${pad(minutes)}`;
      expect(parseTimeMicros(text)).toBe(new Date(text).getTime() * 1000);
    }),
  );
});

test("a week date is the calendar date that lies as many days after the Monday of week 1", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1700, max: 2200 }), fc.integer({ min: 1, max: 52 }), fc.nat(6), (year, week, day) => {
      const text = `${String(year).padStart(4, "0")}-W${String(week).padStart(2, "0")}-${day + 1}`;
      const micros = parseTimeMicros(text) ?? Number.NaN;
      const found = new Date(micros / 1000);
      expect((found.getUTCDay() + 6) % 7).toBe(day);
      const thursday = new Date(micros / 1000 + (3 - day) * 86_400_000);
      expect(thursday.getUTCFullYear()).toBe(year);
      expect(Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / (7 * 86_400_000)) + 1).toBe(week);
    }),
  );
});

test("no text makes the reader throw, and what it reads is a safe integer", () => {
  const nearly = fc.string({ unit: fc.constantFrom(..."0123456789-:TtWZz+., "), maxLength: 30 });
  fc.assert(
    fc.property(fc.oneof(fc.string(), nearly), (text) => {
      const micros = parseTimeMicros(text);
      expect(micros === undefined || Number.isSafeInteger(micros)).toBe(true);
    }),
  );
});
