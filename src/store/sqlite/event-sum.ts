import { isErrorLevel } from "../../model/level.ts";
import type { EventMetricFilter, EventSums } from "../metrics.ts";
import type { MetricSource } from "./metric-groups.ts";

/** So many events of one level. */
export interface EventCountRow {
  readonly event_level: string;
  readonly count: number;
  readonly first: number;
  readonly latest: number;
}

interface EventSum {
  count: number;
  errorCount: number;
  firstMicros: number | null;
  latestMicros: number | null;
}

type EventSource = MetricSource<EventCountRow, EventSum, EventSums>;

/** How counts of events add up, wherever they are read. */
export function eventSource(
  read: EventSource["read"],
  { onlyErrors }: Pick<EventMetricFilter, "onlyErrors">,
): EventSource {
  return {
    async *read(buckets) {
      for await (const rows of read(buckets)) {
        yield onlyErrors ? rows.filter(({ row }) => isErrorLevel(row.event_level)) : rows;
      }
    },
    countOf: ({ count }) => count,
    createSum: () => ({ count: 0, errorCount: 0, firstMicros: null, latestMicros: null }),
    add(sum, { event_level, count, first, latest }) {
      sum.count += count;
      if (isErrorLevel(event_level)) sum.errorCount += count;
      sum.firstMicros = Math.min(sum.firstMicros ?? first, first);
      sum.latestMicros = Math.max(sum.latestMicros ?? latest, latest);
    },
    sizeOf: ({ count }) => count,
    finish: (sum) => sum,
  };
}
