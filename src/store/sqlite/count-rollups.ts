import type { Database } from "better-sqlite3";
import type { Event } from "../../model/event.ts";
import type { AlertFacts } from "../../model/security-alert.ts";
import { createPendingRollups, type RollupKey, type RollupTable } from "./pending-rollups.ts";
import { everyAgentKey, minuteOf, recentStep } from "./rollup-steps.ts";

/** What is counted once and for good: events and alerts. */
export interface CountRollups<Item> {
  /** Counts in what happened then. */
  count(item: Item, timeMicros: number, agentKey: number): void;
  /** Adds what was counted to the table. */
  flush(): void;
  /** Adds what was counted lately to the steps. */
  spread(): void;
  /** Forgets what was not flushed. */
  forget(): void;
}

/** What counts under one key. */
interface Tally extends RollupKey {
  count: number;
  firstMicros: number;
  latestMicros: number;
}

interface EventRow {
  readonly agent_key: number;
  readonly start_minute: number;
  readonly name: string;
  readonly event_level: string;
  readonly channel: string;
  readonly count: number;
  readonly first_micros: number;
  readonly latest_micros: number;
}

interface AlertRow {
  readonly agent_key: number;
  readonly start_minute: number;
  readonly severity: string;
  readonly category: string;
  readonly count: number;
}

const isRecentSql = `step_minutes = ${recentStep} and agent_key <> ${everyAgentKey}`;

/** Counts events. */
export function createEventRollups(database: Database): CountRollups<Pick<Event, "name" | "level" | "channel">> {
  const add = database.prepare(
    `insert into event_rollups (step_minutes, agent_key, start_minute, name, event_level, channel, count, first_micros,
      latest_micros) values (?, ?, ?, ?, ?, ?, ?, ?, ?)
    on conflict do update set count = count + excluded.count, first_micros = min(first_micros, excluded.first_micros),
      latest_micros = max(latest_micros, excluded.latest_micros)`,
  );
  const readRecent = database.prepare<[], EventRow>(`select * from event_rollups where ${isRecentSql}`);
  const removeRecent = database.prepare(`delete from event_rollups where step_minutes = ${recentStep}`);
  return createCountRollups({
    textsOf: ({ name, level, channel }) => [name, level, channel ?? ""],
    write: (step, { agentKey, startMinute, texts, count, firstMicros, latestMicros }) =>
      add.run(step, agentKey, startMinute, ...texts, count, firstMicros, latestMicros),
    readRecent: () =>
      readRecent.all().map((row) => ({
        agentKey: row.agent_key,
        startMinute: row.start_minute,
        texts: [row.name, row.event_level, row.channel],
        count: row.count,
        firstMicros: row.first_micros,
        latestMicros: row.latest_micros,
      })),
    removeRecent: () => removeRecent.run(),
  });
}

/** Counts security alerts. */
export function createAlertRollups(database: Database): CountRollups<Pick<AlertFacts, "severity" | "category">> {
  const add = database.prepare(
    `insert into alert_rollups (step_minutes, agent_key, start_minute, severity, category, count) values (?, ?, ?, ?, ?, ?)
    on conflict do update set count = count + excluded.count`,
  );
  const readRecent = database.prepare<[], AlertRow>(`select * from alert_rollups where ${isRecentSql}`);
  const removeRecent = database.prepare(`delete from alert_rollups where step_minutes = ${recentStep}`);
  return createCountRollups({
    textsOf: ({ severity, category }) => [severity, category ?? ""],
    write: (step, { agentKey, startMinute, texts, count }) => add.run(step, agentKey, startMinute, ...texts, count),
    readRecent: () =>
      readRecent.all().map((row) => ({
        ...createTally({ agentKey: row.agent_key, startMinute: row.start_minute, texts: [row.severity, row.category] }),
        count: row.count,
      })),
    removeRecent: () => removeRecent.run(),
  });
}

interface CountTable<Item> extends Pick<RollupTable<Tally>, "write" | "readRecent" | "removeRecent"> {
  readonly textsOf: (item: Item) => readonly string[];
}

function createCountRollups<Item>({ textsOf, ...table }: CountTable<Item>): CountRollups<Item> {
  const pending = createPendingRollups<Tally>({ create: createTally, add: addTally, ...table });
  return {
    count(item, timeMicros, agentKey) {
      const tally = pending.at({ agentKey, startMinute: minuteOf(timeMicros), texts: textsOf(item) });
      addTally(tally, { count: 1, firstMicros: timeMicros, latestMicros: timeMicros });
    },
    flush: pending.flush,
    spread: pending.spread,
    forget: pending.forget,
  };
}

function createTally(key: RollupKey): Tally {
  return { ...key, count: 0, firstMicros: Number.POSITIVE_INFINITY, latestMicros: Number.NEGATIVE_INFINITY };
}

function addTally(sum: Tally, { count, firstMicros, latestMicros }: Omit<Tally, keyof RollupKey>): void {
  sum.count += count;
  sum.firstMicros = Math.min(sum.firstMicros, firstMicros);
  sum.latestMicros = Math.max(sum.latestMicros, latestMicros);
}
