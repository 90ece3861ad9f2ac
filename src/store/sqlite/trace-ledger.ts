import type { Database } from "better-sqlite3";
import type { Event } from "../../model/event.ts";
import { isErrorLevel } from "../../model/level.ts";

/** Adds up what one transaction changes about traces. */
export interface TraceLedger {
  /** Counts a stored event in. */
  count(event: Event, agentKey: number): void;
  /** Writes what was counted. Call once, at the end of the transaction. */
  flush(): void;
  /** Forgets what was not flushed. Call after a rollback. */
  forget(): void;
}

/** What the SDK sends before it has a trace. */
const noTraceId = "null-trace";

interface TraceChange {
  readonly agentKey: number;
  readonly traceId: string;
  startMicros: number;
  endMicros: number;
  eventCount: number;
  errorCount: number;
}

/** Prepares the statement on the writer's connection. */
export function createTraceLedger(database: Database): TraceLedger {
  const add = database.prepare(
    `insert into traces (agent_key, trace_id, start_micros, end_micros, event_count, error_count) values (?, ?, ?, ?, ?, ?)
    on conflict (agent_key, trace_id) do update set start_micros = min(start_micros, excluded.start_micros),
      end_micros = max(end_micros, excluded.end_micros), event_count = event_count + excluded.event_count,
      error_count = error_count + excluded.error_count`,
  );
  const changes = new Map<string, TraceChange>();
  return {
    count({ traceId, timeMicros, level, operation }, agentKey) {
      if (traceId === null || traceId === noTraceId) return;
      const name = `${agentKey} ${traceId}`;
      let change = changes.get(name);
      if (change === undefined) {
        const times = { startMicros: timeMicros, endMicros: timeMicros };
        change = { agentKey, traceId, ...times, eventCount: 0, errorCount: 0 };
        changes.set(name, change);
      }
      change.startMicros = Math.min(change.startMicros, timeMicros);
      change.endMicros = Math.max(change.endMicros, timeMicros, operation?.endMicros ?? timeMicros);
      change.eventCount += 1;
      if (isErrorLevel(level)) change.errorCount += 1;
    },
    flush() {
      for (const { agentKey, traceId, startMicros, endMicros, eventCount, errorCount } of changes.values()) {
        add.run(agentKey, traceId, startMicros, endMicros, eventCount, errorCount);
      }
      changes.clear();
    },
    forget: () => changes.clear(),
  };
}
