import type { Counts } from "../../query/agent-queries.ts";

/** Counts by value → map field. */
export function countsToProto(counts: Counts): Record<string, bigint> {
  return Object.fromEntries(Object.entries(counts).map(([value, count]) => [value, BigInt(count)]));
}
