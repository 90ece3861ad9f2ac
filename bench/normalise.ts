import { normaliseBatch } from "../src/ingest/batch.ts";
import { eventFieldsFromJson } from "../src/ingest/cylestio/json-event.ts";
import type { Event } from "../src/model/event.ts";
import { limitsDefault } from "../src/model/limits.ts";
import type { EventRun } from "./events.ts";

/** Which events of a run: those from `from` on. */
export interface EventRange {
  readonly from: number;
  readonly eventCount: number;
}

/** Makes of raw events what the server makes of them before it stores them. */
export function normaliseRange(run: Pick<EventRun, "eventAt" | "timeMicrosAt">, range: EventRange): readonly Event[] {
  const { from, eventCount } = range;
  const raws = Array.from({ length: eventCount }, (_, offset) => run.eventAt(from + offset));
  const nowMicros = run.timeMicrosAt(from + eventCount);
  const results = normaliseBatch(raws, { readFields: eventFieldsFromJson, limits: limitsDefault, nowMicros });
  return results.map((result, offset) => {
    if (!result.ok) throw new Error(`the server would refuse event ${from + offset}`);
    return result.event;
  });
}
