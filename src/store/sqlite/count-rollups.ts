import type { Database } from "better-sqlite3";
import type { Event } from "../../model/event.ts";
import type { AlertFacts } from "../../model/security-alert.ts";
import { type RollupKey, rollupKeyText } from "./rollup-key.ts";
import { everyAgentKey, minuteOf, type RollupStep, rollupSteps, startOfStep } from "./rollup-steps.ts";

/** What is counted once and for good: events and alerts. */
export interface CountRollups<Item> {
  /** Counts in what happened then. */
  count(item: Item, timeMicros: number, agentKey: number): void;
  /** Adds what was counted to the table. */
  flush(): void;
  /** Forgets what was not flushed. */
  forget(): void;
}

interface Counts {
  count: number;
  firstMicros: number;
  latestMicros: number;
}

/** What counts under one key. */
type Tally = RollupKey & Counts;

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
  const minutes = new Map<string, Tally>();
  return {
    count(item, timeMicros, agentKey) {
      const key = { agentKey, startMinute: minuteOf(timeMicros), texts: textsOf(item) };
      addTally(minutes, key, { count: 1, firstMicros: timeMicros, latestMicros: timeMicros });
    },
    flush() {
      let tallies = minutes;
      for (const step of rollupSteps) {
        if (step > 1) tallies = coarsen(tallies, step);
        for (const tally of tallies.values()) add(step, tally);
        for (const tally of coarsen(tallies, step, everyAgentKey).values()) add(step, tally);
      }
      minutes.clear();
    },
    forget: () => minutes.clear(),
  };
}

/** The same by longer stretches, and, with a key, for the agent that has it. */
function coarsen(tallies: ReadonlyMap<string, Tally>, step: RollupStep, everyKey?: number): Map<string, Tally> {
  const coarse = new Map<string, Tally>();
  for (const { agentKey, startMinute, texts, ...counts } of tallies.values()) {
    const key = { agentKey: everyKey ?? agentKey, startMinute: startOfStep(startMinute, step), texts };
    addTally(coarse, key, counts);
  }
  return coarse;
}

function addTally(tallies: Map<string, Tally>, key: RollupKey, { count, firstMicros, latestMicros }: Counts): void {
  const name = rollupKeyText(key);
  const known = tallies.get(name);
  if (known === undefined) {
    const { agentKey, startMinute, texts } = key;
    tallies.set(name, { agentKey, startMinute, texts, count, firstMicros, latestMicros });
    return;
  }
  known.count += count;
  known.firstMicros = Math.min(known.firstMicros, firstMicros);
  known.latestMicros = Math.max(known.latestMicros, latestMicros);
}
