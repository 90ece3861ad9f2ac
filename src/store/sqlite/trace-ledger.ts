import type { Database } from "better-sqlite3";
import type { Event } from "../../model/event.ts";
import { isErrorLevel } from "../../model/level.ts";

/** Adds up what one transaction changes about traces. */
export interface TraceLedger {
  /** Counts a stored event in. */
  count(event: TracedEvent, agentKey: number): void;
  /** Takes back what an event was counted for that goes to another agent: its row has its new key by then. */
  uncount(event: TracedEvent, agentKey: number): void;
  /** Writes what was counted. Traces that are left without events are removed. Call once, at the end of the transaction. */
  flush(): void;
  /** Forgets what was not flushed. Call after a rollback. */
  forget(): void;
}

/** An event as far as it counts for its trace. */
export interface TracedEvent extends Pick<Event, "traceId" | "timeMicros" | "level"> {
  readonly operation: { readonly endMicros: number | null } | null;
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
  /** Whether events left it, of which those are the earliest start and the latest end. */
  isLeft: boolean;
  leftStartMicros: number;
  leftEndMicros: number;
}

/** Prepares the statements on the writer's connection. */
export function createTraceLedger(database: Database): TraceLedger {
  const add = database.prepare(
    `insert into traces (agent_key, trace_id, start_micros, end_micros, event_count, error_count) values (?, ?, ?, ?, ?, ?)
    on conflict (agent_key, trace_id) do update set start_micros = min(start_micros, excluded.start_micros),
      end_micros = max(end_micros, excluded.end_micros), event_count = event_count + excluded.event_count,
      error_count = error_count + excluded.error_count`,
  );
  const correct = createCorrection(database);
  const changes = new Map<string, TraceChange>();
  const changeAt = (agentKey: number, traceId: string): TraceChange => {
    const name = `${agentKey} ${traceId}`;
    const known = changes.get(name);
    if (known !== undefined) return known;
    const change = createChange(agentKey, traceId);
    changes.set(name, change);
    return change;
  };
  return {
    count(event, agentKey) {
      const { traceId, timeMicros, level } = event;
      if (traceId === null || traceId === noTraceId) return;
      const change = changeAt(agentKey, traceId);
      change.startMicros = Math.min(change.startMicros, timeMicros);
      change.endMicros = Math.max(change.endMicros, endOf(event));
      change.eventCount += 1;
      if (isErrorLevel(level)) change.errorCount += 1;
    },
    uncount(event, agentKey) {
      const { traceId, timeMicros, level } = event;
      if (traceId === null || traceId === noTraceId) return;
      const change = changeAt(agentKey, traceId);
      change.isLeft = true;
      change.leftStartMicros = Math.min(change.leftStartMicros, timeMicros);
      change.leftEndMicros = Math.max(change.leftEndMicros, endOf(event));
      change.eventCount -= 1;
      if (isErrorLevel(level)) change.errorCount -= 1;
    },
    flush() {
      for (const change of changes.values()) {
        const { agentKey, traceId, startMicros, endMicros, eventCount, errorCount } = change;
        add.run(agentKey, traceId, startMicros, endMicros, eventCount, errorCount);
        if (change.isLeft) correct(change);
      }
      changes.clear();
    },
    forget: () => changes.clear(),
  };
}

function createChange(agentKey: number, traceId: string): TraceChange {
  const nothing = { startMicros: Number.POSITIVE_INFINITY, endMicros: Number.NEGATIVE_INFINITY };
  const left = { leftStartMicros: Number.POSITIVE_INFINITY, leftEndMicros: Number.NEGATIVE_INFINITY };
  return { agentKey, traceId, ...nothing, eventCount: 0, errorCount: 0, isLeft: false, ...left };
}

function endOf({ timeMicros, operation }: TracedEvent): number {
  return Math.max(timeMicros, operation?.endMicros ?? timeMicros);
}

/**
 * Corrects the row of a trace that events left: by the agent's events of its time where the first or last of them is gone. The ends of
 * operations are found by the trace's OpenTelemetry events, for only these tell operations alone.
 */
function createCorrection(database: Database): (change: TraceChange) => void {
  const read = database.prepare<[number, string], TraceRow>(
    "select event_count, start_micros, end_micros from traces where agent_key = ? and trace_id = ?",
  );
  const remove = database.prepare("delete from traces where agent_key = ? and trace_id = ?");
  const set = database.prepare(
    "update traces set start_micros = ?, end_micros = ? where agent_key = ? and trace_id = ?",
  );
  const findFirst = database.prepare<[number, number, string], number>(timeSql(">=", "asc")).pluck();
  const findLast = database.prepare<[number, number, string], number>(timeSql("<=", "desc")).pluck();
  const findEnd = database
    .prepare<[string, number], number | null>(
      `select max(o.finish_micros) from span_owners w cross join operations o on o.id = w.sequence
      where w.trace_id = ? and o.agent_key = ? and o.start_sequence = o.finish_sequence`,
    )
    .pluck();
  return ({ agentKey, traceId, endMicros, leftStartMicros, leftEndMicros }) => {
    const row = read.get(agentKey, traceId);
    if (row === undefined) throw new Error(`there is no trace ${traceId}`);
    if (row.event_count === 0) {
      remove.run(agentKey, traceId);
      return;
    }
    let { start_micros: start, end_micros: end } = row;
    if (leftStartMicros <= start) start = findFirst.get(agentKey, start, traceId) ?? start;
    if (leftEndMicros >= end) {
      const last = findLast.get(agentKey, end, traceId) ?? start;
      end = Math.max(last, findEnd.get(traceId, agentKey) ?? last, endMicros);
    }
    set.run(start, end, agentKey, traceId);
  };
}

/** The next event of a trace from a time on, forwards or backwards. */
function timeSql(bound: ">=" | "<=", direction: "asc" | "desc"): string {
  return `select time_micros from events indexed by events_by_agent
    where agent_key = ? and time_micros ${bound} ? and trace_id = ? order by time_micros ${direction} limit 1`;
}

interface TraceRow {
  readonly event_count: number;
  readonly start_micros: number;
  readonly end_micros: number;
}
