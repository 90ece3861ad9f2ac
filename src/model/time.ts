/**
 * Reads an ISO 8601 time as Python's `datetime.fromisoformat` does, and gives microseconds since 1970-01-01 UTC.
 *
 * - Date: `2025-03-18`, `20250318`, or a week date as `2025-W12-2`, `2025-W12`, `2025W122`, `2025W12` (Monday where no day is given).
 * - Then nothing (midnight), or `T`, `t` or a space and the time: `09`, `09:15`, `0915`, `09:15:00`, `091500`.
 * - After seconds a fraction behind `.` or `,`; digits beyond microseconds are cut off.
 * - Then nothing (UTC), `Z`, `z`, or an offset as `+02`, `+0200`, `+02:00`, `+02:00:30`; it is converted.
 *
 * Anything else gives undefined, also what no calendar or clock has: 30 February, week 53 of a year with 52, 24:00, second 60.
 * Years are 0001 to 9999. What lies beyond the safe integers (about the years 1685 to 2255) counts as the outermost safe
 * integer, so that a filter "until 9999" works. Never depends on the time zone of the machine.
 */
export function parseTimeMicros(text: string): number | undefined {
  const date = readDate(text);
  if (date === undefined) {
    return undefined;
  }
  if (date.end === text.length) {
    return saturated(date.millis, 0);
  }
  const separator = text.charCodeAt(date.end);
  if (separator !== upperT && separator !== lowerT && separator !== space) {
    return undefined;
  }
  const clock = readClock(text, date.end + 1);
  if (clock === undefined) {
    return undefined;
  }
  const offsetSeconds = readOffsetSeconds(text, clock.end);
  return offsetSeconds === undefined
    ? undefined
    : saturated(date.millis + (clock.seconds - offsetSeconds) * 1000, clock.micros);
}

/**
 * Writes microseconds since 1970-01-01 UTC as `2025-03-18T09:15:00.101220Z`, always with six digits of fraction.
 * `parseTimeMicros` reads it back unchanged. The argument is a safe integer; anything else is a RangeError.
 */
export function formatTimeMicros(micros: number): string {
  const millis = Math.floor(micros / 1000);
  const rest = micros - millis * 1000;
  return `${new Date(millis).toISOString().slice(0, -1)}${String(rest).padStart(3, "0")}Z`;
}

const upperT = 0x54;
const lowerT = 0x74;
const upperW = 0x57;
const upperZ = 0x5a;
const lowerZ = 0x7a;
const space = 0x20;
const plus = 0x2b;
const comma = 0x2c;
const minus = 0x2d;
const dot = 0x2e;
const colon = 0x3a;
const zero = 0x30;

const dayMillis = 86_400_000;
const daysOfMonths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** The Gregorian calendar and its week days repeat after this time. */
const cycleYears = 400;
const cycleMillis = 146_097 * dayMillis;

/** The decimal number of the `count` characters at `start`, or -1 where they are not all ASCII digits. */
function readDigits(text: string, start: number, count: number): number {
  if (start + count > text.length) {
    return -1;
  }
  let value = 0;
  for (let i = start; i < start + count; i++) {
    const digit = text.charCodeAt(i) - zero;
    if (digit < 0 || digit > 9) {
      return -1;
    }
    value = value * 10 + digit;
  }
  return value;
}

function isDigitAt(text: string, index: number): boolean {
  return readDigits(text, index, 1) >= 0;
}

/** Midnight of a day that exists. One cycle later and back, because `Date.UTC` takes the years 0 to 99 for 1900 to 1999. */
function midnightMillis(year: number, month: number, day: number): number {
  return Date.UTC(year + cycleYears, month - 1, day) - cycleMillis;
}

function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

function daysOfMonth(year: number, month: number): number {
  return month === 2 && isLeapYear(year) ? 29 : (daysOfMonths[month - 1] ?? 0);
}

function readDate(text: string): { millis: number; end: number } | undefined {
  const year = readDigits(text, 0, 4);
  if (year < 1) {
    return undefined;
  }
  const extended = text.charCodeAt(4) === minus;
  const start = extended ? 5 : 4;
  if (text.charCodeAt(start) === upperW) {
    return readWeekDate(text, { year, start: start + 1, extended });
  }
  const month = readDigits(text, start, 2);
  if (extended && text.charCodeAt(7) !== minus) {
    return undefined;
  }
  const dayStart = extended ? 8 : 6;
  const day = readDigits(text, dayStart, 2);
  if (month < 1 || day < 1 || day > daysOfMonth(year, month)) {
    return undefined;
  }
  return { millis: midnightMillis(year, month, day), end: dayStart + 2 };
}

/** ISO weeks: week 1 is the one with 4 January in it, and day 1 is Monday. */
function readWeekDate(
  text: string,
  { year, start, extended }: { year: number; start: number; extended: boolean },
): { millis: number; end: number } | undefined {
  const week = readDigits(text, start, 2);
  let end = start + 2;
  let day = 1;
  if (extended ? text.charCodeAt(end) === minus : isDigitAt(text, end)) {
    const dayStart = extended ? end + 1 : end;
    day = readDigits(text, dayStart, 1);
    end = dayStart + 1;
  }
  if (week < 1 || week > weeksOfYear(year) || day < 1 || day > 7) {
    return undefined;
  }
  return { millis: firstMondayMillis(year) + ((week - 1) * 7 + day - 1) * dayMillis, end };
}

function firstMondayMillis(year: number): number {
  const millis = midnightMillis(year, 1, 4);
  const daysSinceMonday = (new Date(millis).getUTCDay() + 6) % 7;
  return millis - daysSinceMonday * dayMillis;
}

function weeksOfYear(year: number): number {
  return Math.round((firstMondayMillis(year + 1) - firstMondayMillis(year)) / (7 * dayMillis));
}

/** Hours, minutes and seconds with or without colons, as clocks and offsets share them; `fields` says how many were there. */
function readHoursMinutesSeconds(
  text: string,
  start: number,
): { seconds: number; fields: number; end: number } | undefined {
  const hours = readDigits(text, start, 2);
  if (hours < 0 || hours > 23) {
    return undefined;
  }
  const gap = text.charCodeAt(start + 2) === colon ? 1 : 0;
  let seconds = hours * 3600;
  let end = start + 2;
  let fields = 1;
  for (const unit of [60, 1]) {
    const more = gap === 1 ? text.charCodeAt(end) === colon : isDigitAt(text, end);
    if (!more) {
      break;
    }
    const value = readDigits(text, end + gap, 2);
    if (value < 0 || value > 59) {
      return undefined;
    }
    seconds += value * unit;
    end += gap + 2;
    fields++;
  }
  return { seconds, fields, end };
}

function readClock(text: string, start: number): { seconds: number; micros: number; end: number } | undefined {
  const clock = readHoursMinutesSeconds(text, start);
  if (clock === undefined) {
    return undefined;
  }
  let { end } = clock;
  let micros = 0;
  const mark = text.charCodeAt(end);
  if (clock.fields === 3 && (mark === dot || mark === comma)) {
    const first = end + 1;
    end = first;
    let weight = 100_000;
    while (isDigitAt(text, end)) {
      micros += (text.charCodeAt(end) - zero) * weight;
      weight = Math.floor(weight / 10);
      end++;
    }
    if (end === first) {
      return undefined;
    }
  }
  return { seconds: clock.seconds, micros, end };
}

function readOffsetSeconds(text: string, start: number): number | undefined {
  if (start === text.length) {
    return 0;
  }
  const mark = text.charCodeAt(start);
  if (mark === upperZ || mark === lowerZ) {
    return start + 1 === text.length ? 0 : undefined;
  }
  if (mark !== plus && mark !== minus) {
    return undefined;
  }
  const offset = readHoursMinutesSeconds(text, start + 1);
  if (offset === undefined || offset.end !== text.length) {
    return undefined;
  }
  return mark === minus ? -offset.seconds : offset.seconds;
}

function saturated(millis: number, micros: number): number {
  const value = millis * 1000 + micros;
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, value));
}
