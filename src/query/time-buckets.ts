/*
 * Buckets of time for charts, by the calendar and the clock of a time zone.
 *
 * In every zone of the tz database (2026c, until 2037), hours, days and weeks from October 1979 on begin at multiples of 15 minutes
 * since the epoch. Before, these do not: Kiritimati until 1 October 1979 (10 h 40 min behind UTC), Monrovia until 7 January 1972
 * (44 min 30 s behind), and the local mean times and other early offsets of most zones before 1970.
 */

export type BucketInterval = "minute" | "hour" | "day" | "week";

/** From `startMicros` on, and before `endMicros`: microseconds since 1970-01-01 UTC. */
export interface TimeBucket {
  readonly startMicros: number;
  readonly endMicros: number;
}

export interface BucketRange {
  /** Included. */
  readonly fromMicros: number;
  /** Not included. */
  readonly toMicros: number;
  readonly interval: BucketInterval;
  /** As the tz database names it: `Europe/Berlin`, `UTC`. */
  readonly timeZone: string;
  readonly maxBuckets: number;
}

/** A range has more buckets than it may. */
export class BucketCountError extends RangeError {
  override readonly name = "BucketCountError";
  /** How many the range has. Where it has far too many nobody counts them, and this is a few off. */
  readonly count: number;

  constructor({ count, maxBuckets, interval }: { count: number; maxBuckets: number; interval: BucketInterval }) {
    super(`the range has about ${count} buckets of one ${interval}, which is more than ${maxBuckets}`);
    this.count = count;
  }
}

/**
 * All buckets that a range touches, in order, each beginning where the one before ends: the first begins at or before the range,
 * the last ends at or after it. An empty range has none.
 *
 * - A day begins when its date first shows on the local clock, at midnight or, where the clock skips it, right after; so a day has 23, 24 or
 *   25 hours, or another number where the clock was moved by more or less. A date that a zone left out has no bucket.
 * - A week begins with its Monday.
 * - An hour or minute begins when the local clock shows a full one. The hour that comes twice in autumn makes two buckets. Where the clock
 *   is moved by other than whole hours (Lord Howe Island by 30 minutes), another hour begins at that moment, and one of less than 60
 *   minutes comes before or after it.
 *
 * Throws a RangeError for an unknown zone, for times that are no safe integers and for a range that ends before it begins, and a
 * `BucketCountError` for more than `maxBuckets`, before it makes them.
 */
export function bucketsOf({
  fromMicros,
  toMicros,
  interval,
  timeZone,
  maxBuckets,
}: BucketRange): readonly TimeBucket[] {
  if (!Number.isSafeInteger(fromMicros) || !Number.isSafeInteger(toMicros) || fromMicros > toMicros) {
    throw new RangeError(`no range of time: ${fromMicros} to ${toMicros}`);
  }
  const offsetAt = createOffsetClock(timeZone);
  if (fromMicros === toMicros) return [];
  const from = floorSeconds(fromMicros);
  const to = -floorSeconds(-toMicros);
  const unit = unitSeconds[interval];
  const estimate = Math.ceil((to - from) / unit);
  if (estimate - uncertainBuckets > maxBuckets) throw new BucketCountError({ count: estimate, maxBuckets, interval });

  const byCalendar = interval === "day" || interval === "week";
  const reach = byCalendar ? unit + clockMoveMaxSeconds : unit;
  const stretches = stretchesOf({ from: from - reach, to: to + reach, offsetAt });
  const edges: number[] = [];
  for (const edge of byCalendar ? calendarEdges(stretches, unit) : clockEdges(stretches, unit)) {
    if (edge <= from) edges[0] = edge;
    else edges.push(edge);
    if (edge >= to) break;
  }
  const count = edges.length - 1;
  if (count > maxBuckets) throw new BucketCountError({ count, maxBuckets, interval });
  return edges.slice(1).map((end, index) => ({
    startMicros: (edges[index] ?? end) * microsPerSecond,
    endMicros: end * microsPerSecond,
  }));
}

/** Whether every bucket begins and ends at a multiple of `stepMicros` since the epoch, so that counters per step add up to it. */
export function isAlignedTo(buckets: readonly TimeBucket[], stepMicros: number): boolean {
  return buckets.every(({ startMicros, endMicros }) => startMicros % stepMicros === 0 && endMicros % stepMicros === 0);
}

const microsPerSecond = 1_000_000;
const daySeconds = 86_400;

const unitSeconds: Readonly<Record<BucketInterval, number>> = {
  minute: 60,
  hour: 3600,
  day: daySeconds,
  week: 7 * daySeconds,
};

/** A Monday's midnight on the local clock, 5 January 1970, in seconds: where weeks are counted from. */
const mondaySeconds = 4 * daySeconds;

/** More than any clock was ever moved: by a day, where a zone changed its side of the date line. */
const clockMoveMaxSeconds = 2 * daySeconds;

/** More than the days by which a range can have fewer buckets than its length says, because the clock was moved inside it. */
const uncertainBuckets = 5;

/**
 * How far apart the offset is looked up. Two moves of the clock that undo each other would be overlooked inside this time; the least
 * that any zone had between two moves since 1850 is one hour less than 7 days (Recife, October 2000).
 */
const lookUpSeconds = 6 * daySeconds;

/** A time during which the local clock is not moved, in seconds since the epoch; `offset` is how far it is ahead of UTC. */
interface Stretch {
  readonly from: number;
  /** Not included. */
  readonly to: number;
  readonly offset: number;
}

type OffsetClock = (seconds: number) => number;

/** Whole seconds. Without a quotient of large numbers, which would round up. */
function floorSeconds(micros: number): number {
  const rest = micros % microsPerSecond;
  return (micros - rest) / microsPerSecond - Number(rest < 0);
}

/** When days or weeks begin. Goes by the greatest that was seen, as the clock may be put back over midnight. */
function* calendarEdges(stretches: Iterable<Stretch>, unit: number): Generator<number> {
  let last: number | undefined;
  for (const { from, to, offset } of stretches) {
    const first = Math.floor((from + offset - mondaySeconds) / unit);
    last ??= first;
    if (first > last) {
      yield from;
      last = first;
    }
    for (;;) {
      const edge: number = (last + 1) * unit + mondaySeconds - offset;
      if (edge >= to) break;
      yield edge;
      last += 1;
    }
  }
}

/** When hours or minutes begin. */
function* clockEdges(stretches: Iterable<Stretch>, unit: number): Generator<number> {
  let before: number | undefined;
  for (const { from, to, offset } of stretches) {
    const sinceEdge = positiveRest(from + offset, unit);
    if (before !== undefined && (offset - before) % unit !== 0 && sinceEdge !== 0) yield from;
    for (let edge = from + positiveRest(-sinceEdge, unit); edge < to; edge += unit) yield edge;
    before = offset;
  }
}

/** The remainder that is not negative. */
function positiveRest(value: number, unit: number): number {
  return ((value % unit) + unit) % unit;
}

function* stretchesOf({ from, to, offsetAt }: { from: number; to: number; offsetAt: OffsetClock }): Generator<Stretch> {
  let start = from;
  let offset = offsetAt(start);
  let known = start;
  while (known < to) {
    const next = Math.min(known + lookUpSeconds, to);
    if (offsetAt(next) === offset) {
      known = next;
      continue;
    }
    let moved = next;
    while (moved - known > 1) {
      const middle = Math.floor((known + moved) / 2);
      if (offsetAt(middle) === offset) known = middle;
      else moved = middle;
    }
    yield { from: start, to: moved, offset };
    start = moved;
    known = moved;
    offset = offsetAt(moved);
  }
  yield { from: start, to, offset };
}

/** Throws a RangeError for a zone that there is not. */
function createOffsetClock(timeZone: string): OffsetClock {
  const format = new Intl.DateTimeFormat("en-US", { timeZone, hour: "numeric", timeZoneName: "longOffset" });
  return (seconds) => offsetSecondsOf(format.format(seconds * 1000));
}

/** Reads the offset at the end of `3 PM GMT-03:30`, `3 PM GMT` or, for local mean times, `3 PM GMT-03:30:52`. */
function offsetSecondsOf(text: string): number {
  const [, sign, hours, minutes, seconds = 0] = /GMT(?:([+-])(\d+):(\d+)(?::(\d+))?)?$/.exec(text) ?? [];
  if (sign === undefined) return 0;
  const size = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  return sign === "-" ? -size : size;
}
