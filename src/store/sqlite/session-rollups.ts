import type { Database } from "better-sqlite3";
import { everyAgentKey, minuteOf, type RollupStep, rollupSteps, startOfStep } from "./rollup-steps.ts";

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
  /** Forgets what was not flushed. */
  forget(): void;
}

/** What a transaction changes about the sessions of an agent that start in one stretch of time. */
interface Change {
  readonly agentKey: number;
  readonly startMinute: number;
  sessionCount: number;
  errorSessionCount: number;
  eventCount: number;
  durationMicros: number;
}

type Changes = Map<string, Change>;

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
  const minutes: Changes = new Map();
  const write = (step: RollupStep, change: Change): void => {
    const { agentKey, startMinute, sessionCount, errorSessionCount, eventCount, durationMicros } = change;
    add.run(step, agentKey, startMinute, sessionCount, errorSessionCount, eventCount, durationMicros);
    if (sessionCount < 0) removeEmpty.run(step, agentKey, startMinute);
  };
  return {
    add({ agentKey, startMicros, endMicros, eventCount, errorCount }, sign) {
      addChange(minutes, {
        agentKey,
        startMinute: minuteOf(startMicros),
        sessionCount: sign,
        errorSessionCount: errorCount > 0 ? sign : 0,
        eventCount: sign * eventCount,
        durationMicros: sign * (endMicros - startMicros),
      });
    },
    flush() {
      let changes = minutes;
      for (const step of rollupSteps) {
        if (step > 1) changes = coarsen(changes, step);
        for (const change of changes.values()) write(step, change);
        for (const change of coarsen(changes, step, everyAgentKey).values()) write(step, change);
      }
      minutes.clear();
    },
    forget: () => minutes.clear(),
  };
}

/** The same by longer stretches, and, with a key, for the agent that has it. */
function coarsen(changes: Changes, step: RollupStep, everyKey?: number): Changes {
  const coarse: Changes = new Map();
  for (const change of changes.values()) {
    const { agentKey, startMinute } = change;
    addChange(coarse, { ...change, agentKey: everyKey ?? agentKey, startMinute: startOfStep(startMinute, step) });
  }
  return coarse;
}

function addChange(changes: Changes, change: Change): void {
  const name = `${change.agentKey} ${change.startMinute}`;
  const known = changes.get(name);
  if (known === undefined) {
    changes.set(name, change);
    return;
  }
  known.sessionCount += change.sessionCount;
  known.errorSessionCount += change.errorSessionCount;
  known.eventCount += change.eventCount;
  known.durationMicros += change.durationMicros;
}
