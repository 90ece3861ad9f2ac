import type { Database } from "better-sqlite3";
import type { Event } from "../../model/event.ts";
import type { AlertFacts } from "../../model/security-alert.ts";
import { createPendingRollups, type RollupKey } from "./pending-rollups.ts";
import { minuteOf, type RollupStep } from "./rollup-steps.ts";

/** What is counted once and for good: events and alerts. */
export interface CountRollups<Item> {
  /** Counts in what happened then. */
  count(item: Item, timeMicros: number, agentKey: number): void;
  /** Adds what was counted to the table. */
  flush(): void;
  /** Forgets what was not flushed. */
  forget(): void;
}

/** What counts under one key. */
interface Tally extends RollupKey {
  count: number;
  firstMicros: number;
  latestMicros: number;
}

/** Counts events. */
export function createEventRollups(database: Database): CountRollups<Pick<Event, "name" | "level" | "channel">> {
  const add = database.prepare(
    `insert into event_rollups (step_minutes, agent_key, start_minute, name, event_level, channel, count, first_micros,
      latest_micros) values (?, ?, ?, ?, ?, ?, ?, ?, ?)
    on conflict do update set count = count + excluded.count, first_micros = min(first_micros, excluded.first_micros),
      latest_micros = max(latest_micros, excluded.latest_micros)`,
  );
  return createCountRollups({
    textsOf: ({ name, level, channel }) => [name, level, channel ?? ""],
    add: (step, { agentKey, startMinute, texts, count, firstMicros, latestMicros }) =>
      add.run(step, agentKey, startMinute, ...texts, count, firstMicros, latestMicros),
  });
}

/** Counts security alerts. */
export function createAlertRollups(database: Database): CountRollups<Pick<AlertFacts, "severity" | "category">> {
  const add = database.prepare(
    `insert into alert_rollups (step_minutes, agent_key, start_minute, severity, category, count) values (?, ?, ?, ?, ?, ?)
    on conflict do update set count = count + excluded.count`,
  );
  return createCountRollups({
    textsOf: ({ severity, category }) => [severity, category ?? ""],
    add: (step, { agentKey, startMinute, texts, count }) => add.run(step, agentKey, startMinute, ...texts, count),
  });
}

function createCountRollups<Item>({
  textsOf,
  add,
}: {
  readonly textsOf: (item: Item) => readonly string[];
  readonly add: (step: RollupStep, tally: Tally) => void;
}): CountRollups<Item> {
  const pending = createPendingRollups<Tally>({
    create: (key) => ({
      ...key,
      count: 0,
      firstMicros: Number.POSITIVE_INFINITY,
      latestMicros: Number.NEGATIVE_INFINITY,
    }),
    add: addTally,
    write: add,
  });
  return {
    count(item, timeMicros, agentKey) {
      const tally = pending.at({ agentKey, startMinute: minuteOf(timeMicros), texts: textsOf(item) });
      addTally(tally, { count: 1, firstMicros: timeMicros, latestMicros: timeMicros });
    },
    flush: pending.flush,
    forget: pending.forget,
  };
}

function addTally(sum: Tally, { count, firstMicros, latestMicros }: Omit<Tally, keyof RollupKey>): void {
  sum.count += count;
  sum.firstMicros = Math.min(sum.firstMicros, firstMicros);
  sum.latestMicros = Math.max(sum.latestMicros, latestMicros);
}
