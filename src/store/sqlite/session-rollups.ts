import type { Database } from "better-sqlite3";
import { createPendingRollups, type RollupKey } from "./pending-rollups.ts";
import { everyAgentKey, minuteOf, recentStep } from "./rollup-steps.ts";

/** A session in numbers, as its row has them. */
export interface SessionNumbers {
  readonly agentKey: number;
  readonly startMicros: number;
  readonly endMicros: number;
  readonly eventCount: number;
  readonly errorCount: number;
}

/** Adds up sessions by the time of their start. Every call must run inside the transaction that changes them. */
export interface SessionRollups {
  /** Counts a session in, or, with -1, takes back what it was counted for. */
  add(session: SessionNumbers, sign: 1 | -1): void;
  /** Brings the table up to date. Call once, when the sessions are as they will be. */
  flush(): void;
  /** Adds what was counted lately to the steps. */
  spread(): void;
  /** Forgets what was not flushed. */
  forget(): void;
}

/** What a transaction changes about the sessions of an agent that start in one stretch of time. */
interface Change extends RollupKey {
  sessionCount: number;
  errorSessionCount: number;
  eventCount: number;
  durationMicros: number;
}

interface RecentRow {
  readonly agent_key: number;
  readonly start_minute: number;
  readonly session_count: number;
  readonly error_session_count: number;
  readonly event_count: number;
  readonly duration_micros: number;
}

/** Prepares the statements on the writer's connection. */
export function createSessionRollups(database: Database): SessionRollups {
  const add = database.prepare(
    `insert into session_rollups (step_minutes, agent_key, start_minute, session_count, error_session_count, event_count,
      duration_micros) values (?, ?, ?, ?, ?, ?, ?)
    on conflict do update set session_count = session_count + excluded.session_count,
      error_session_count = error_session_count + excluded.error_session_count, event_count = event_count + excluded.event_count,
      duration_micros = duration_micros + excluded.duration_micros`,
  );
  const removeEmpty = database.prepare(
    "delete from session_rollups where step_minutes = ? and agent_key = ? and start_minute = ? and session_count = 0",
  );
  const readRecent = database.prepare<[], RecentRow>(
    `select * from session_rollups where step_minutes = ${recentStep} and agent_key <> ${everyAgentKey}`,
  );
  const removeRecent = database.prepare(`delete from session_rollups where step_minutes = ${recentStep}`);
  const pending = createPendingRollups<Change>({
    create: (key) => ({ ...key, sessionCount: 0, errorSessionCount: 0, eventCount: 0, durationMicros: 0 }),
    add(sum, change) {
      sum.sessionCount += change.sessionCount;
      sum.errorSessionCount += change.errorSessionCount;
      sum.eventCount += change.eventCount;
      sum.durationMicros += change.durationMicros;
    },
    write(step, { agentKey, startMinute, sessionCount, errorSessionCount, eventCount, durationMicros }) {
      // What came and went within what is written together leaves no row.
      if (sessionCount === 0 && errorSessionCount === 0 && eventCount === 0 && durationMicros === 0) return;
      add.run(step, agentKey, startMinute, sessionCount, errorSessionCount, eventCount, durationMicros);
      // A row of the recent step may take from one of another step.
      if (step !== recentStep && sessionCount < 0) removeEmpty.run(step, agentKey, startMinute);
    },
    readRecent: () =>
      readRecent.all().map((row) => ({
        agentKey: row.agent_key,
        startMinute: row.start_minute,
        texts: [],
        sessionCount: row.session_count,
        errorSessionCount: row.error_session_count,
        eventCount: row.event_count,
        durationMicros: row.duration_micros,
      })),
    removeRecent: () => removeRecent.run(),
  });
  return {
    add({ agentKey, startMicros, endMicros, eventCount, errorCount }, sign) {
      const change = pending.at({ agentKey, startMinute: minuteOf(startMicros), texts: [] });
      change.sessionCount += sign;
      change.errorSessionCount += errorCount > 0 ? sign : 0;
      change.eventCount += sign * eventCount;
      change.durationMicros += sign * (endMicros - startMicros);
    },
    flush: pending.flush,
    spread: pending.spread,
    forget: pending.forget,
  };
}
