/** Nanoseconds → microseconds, cut off; null beyond what a number holds, which is the year 2255. */
export function microsOf(nanos: bigint): number | null {
  const micros = Number(nanos / 1000n);
  return Number.isSafeInteger(micros) ? micros : null;
}
