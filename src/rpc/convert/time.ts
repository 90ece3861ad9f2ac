import { create } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { fieldError } from "../../model/error.ts";
import type { TimeRange } from "../../model/event-filter.ts";

const microsPerSecond = 1_000_000;

/** Microseconds since 1970 → Timestamp. */
export function timestampFromMicros(micros: number): Timestamp {
  const seconds = Math.floor(micros / microsPerSecond);
  return create(TimestampSchema, { seconds: BigInt(seconds), nanos: (micros - seconds * microsPerSecond) * 1000 });
}

const nanosPerSecond = 1_000_000_000n;

/** Nanoseconds since 1970, not before it → Timestamp. */
export function timestampFromNanos(nanos: bigint): Timestamp {
  return create(TimestampSchema, { seconds: nanos / nanosPerSecond, nanos: Number(nanos % nanosPerSecond) });
}

/** Timestamp → microseconds since 1970, cut off; undefined if it is outside of what a Timestamp may say. */
export function microsFromTimestamp({ seconds, nanos }: Timestamp): number | undefined {
  // The bounds of google.protobuf.Timestamp: 0001-01-01 to 9999-12-31.
  if (seconds < -62_135_596_800n || seconds > 253_402_300_799n || nanos < 0 || nanos > 999_999_999) return undefined;
  return Number(seconds) * microsPerSecond + Math.floor(nanos / 1000);
}

/** The time range of a request. Throws `TIME_INVALID` for a Timestamp outside of its bounds. */
export function timeRangeFrom({
  fromTime,
  toTime,
}: {
  readonly fromTime?: Timestamp | undefined;
  readonly toTime?: Timestamp | undefined;
}): TimeRange {
  return { fromMicros: boundFrom("from_time", fromTime), toMicros: boundFrom("to_time", toTime) };
}

function boundFrom(field: string, time: Timestamp | undefined): number | null {
  if (time === undefined) return null;
  const micros = microsFromTimestamp(time);
  if (micros === undefined)
    throw fieldError({ field, reason: "TIME_INVALID", message: "is outside of the years 1 to 9999" });
  return micros;
}
