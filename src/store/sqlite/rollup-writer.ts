import type { Database } from "better-sqlite3";
import type { Event } from "../../model/event.ts";
import type { AlertFacts } from "../../model/security-alert.ts";
import { type CallContribution, type ContributionRow, contributionFrom, contributionSql } from "./call-contribution.ts";
import { createCallRollups } from "./call-rollups.ts";
import { createAlertRollups, createEventRollups } from "./count-rollups.ts";
import { createSessionRollups, type SessionNumbers } from "./session-rollups.ts";

/** Tells the roll-ups which operations a transaction changes. */
export interface OperationWatcher {
  /** An operation was inserted, which contributes this. */
  operationAdded(contribution: CallContribution): void;
  /** Something is about to change of an operation, or of its call: call before the first change. It may be removed. */
  operationChanging(id: number): void;
}

/**
 * Keeps the counters per stretch of time in step with what is counted. Every call must run inside the transaction that stores the
 * events. What the tables hold once it is spread over the steps depends on what is stored alone, not on the order in which it came, and
 * is what `rebuildRollups` makes.
 */
export interface RollupWriter extends OperationWatcher {
  /** Counts a stored event in. */
  countEvent(event: Pick<Event, "name" | "level" | "channel" | "timeMicros">, agentKey: number): void;
  /** Takes back what an event was counted for. It is counted in for another agent. */
  uncountEvent(event: Pick<Event, "name" | "level" | "channel" | "timeMicros">, agentKey: number): void;
  /** Counts an alert in, at the time of its event. */
  countAlert(alert: Pick<AlertFacts, "severity" | "category">, timeMicros: number, agentKey: number): void;
  /** Takes back what an alert was counted for. It is counted in for another agent. */
  uncountAlert(alert: Pick<AlertFacts, "severity" | "category">, timeMicros: number, agentKey: number): void;
  /** A session changes from what it was, null where it was not there, to what it is, null where it is removed. */
  sessionChanged(before: SessionNumbers | null, after: SessionNumbers | null): void;
  /** Writes what was counted. Call once, at the end of the transaction, when the operations are as they will be. */
  flush(): void;
  /** Adds what was counted lately to every step; answers are the same before and after. */
  spread(): void;
  /** Forgets what was not flushed. Call after a rollback. */
  forget(): void;
}

/** Operations up to which it is faster to read one after the other than all by one list. */
const singleReadsMax = 8;

/** Prepares the statements on the writer's connection. */
export function createRollupWriter(database: Database): RollupWriter {
  const events = createEventRollups(database);
  const alerts = createAlertRollups(database);
  const calls = createCallRollups(database);
  const sessions = createSessionRollups(database);
  const readOne = database.prepare<[number], ContributionRow>(`${contributionSql} and o.id = ?`);
  const readMany = database.prepare<[string], ContributionRow>(
    `${contributionSql} and o.id in (select value from json_each(?))`,
  );
  const changed = new Set<number>();
  const readAll = (ids: ReadonlySet<number>): readonly ContributionRow[] =>
    ids.size <= singleReadsMax
      ? [...ids].flatMap((id) => readOne.get(id) ?? [])
      : readMany.all(JSON.stringify([...ids]));
  return {
    countEvent: (event, agentKey) => events.count(event, event.timeMicros, agentKey),
    uncountEvent: (event, agentKey) => events.uncount(event, event.timeMicros, agentKey),
    uncountAlert: (alert, timeMicros, agentKey) => alerts.uncount(alert, timeMicros, agentKey),
    countAlert: (alert, timeMicros, agentKey) => alerts.count(alert, timeMicros, agentKey),
    operationAdded: (contribution) => calls.add(contribution, 1),
    operationChanging(id) {
      if (changed.has(id)) return;
      changed.add(id);
      const row = readOne.get(id);
      if (row !== undefined) calls.add(contributionFrom(row), -1);
    },
    sessionChanged(before, after) {
      if (before !== null) sessions.add(before, -1);
      if (after !== null) sessions.add(after, 1);
    },
    flush() {
      for (const part of [events, alerts, sessions]) part.flush();
      if (changed.size > 0) for (const row of readAll(changed)) calls.add(contributionFrom(row), 1);
      calls.flush();
      changed.clear();
    },
    spread() {
      for (const part of [events, alerts, calls, sessions]) part.spread();
    },
    forget() {
      for (const part of [events, alerts, calls, sessions]) part.forget();
      changed.clear();
    },
  };
}

/** Rows that are read at a time. */
const chunkRows = 5_000;

interface EventRow {
  readonly sequence: number;
  readonly agent_key: number;
  readonly timeMicros: number;
  readonly name: string;
  readonly level: string;
  readonly channel: string | null;
}

interface AlertRow extends Pick<AlertFacts, "severity" | "category"> {
  readonly sequence: number;
  readonly agent_key: number;
  readonly time_micros: number;
}

interface SessionRow extends SessionNumbers {
  readonly id: number;
}

/** Makes all roll-ups anew from events, operations with their calls, alerts and sessions, in one transaction. */
export function rebuildRollups(database: Database): void {
  const rollups = createRollupWriter(database);
  const forEachChunk = <Row>(sql: string, { idOf, take }: ChunkOptions<Row>): void => {
    const read = database.prepare<[number], Row>(`${sql} limit ${chunkRows}`);
    let after = 0;
    for (;;) {
      const rows = read.all(after);
      for (const row of rows) {
        take(row);
        after = idOf(row);
      }
      rollups.flush();
      if (rows.length < chunkRows) return;
    }
  };
  database.transaction(() => {
    database.exec(
      "delete from event_rollups; delete from call_rollups; delete from alert_rollups; delete from session_rollups",
    );
    forEachChunk<EventRow>(
      `select sequence, agent_key, time_micros as timeMicros, name, level, channel from events where sequence > ?
      order by sequence`,
      { idOf: ({ sequence }) => sequence, take: (row) => rollups.countEvent(row, row.agent_key) },
    );
    forEachChunk<ContributionRow>(`${contributionSql} and o.id > ? order by o.id`, {
      idOf: ({ id }) => id,
      take: (row) => rollups.operationAdded(contributionFrom(row)),
    });
    forEachChunk<AlertRow>(
      "select sequence, agent_key, time_micros, severity, category from security_alerts where sequence > ? order by sequence",
      {
        idOf: ({ sequence }) => sequence,
        take: (row) => rollups.countAlert(row, row.time_micros, row.agent_key),
      },
    );
    forEachChunk<SessionRow>(
      `select id, agent_key as agentKey, start_micros as startMicros, end_micros as endMicros, event_count as eventCount,
        error_count as errorCount from sessions where id > ? order by id`,
      { idOf: ({ id }) => id, take: (row) => rollups.sessionChanged(null, row) },
    );
    rollups.spread();
  })();
}

interface ChunkOptions<Row> {
  readonly idOf: (row: Row) => number;
  readonly take: (row: Row) => void;
}
