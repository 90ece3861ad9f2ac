import type { Database } from "better-sqlite3";
import type { Event } from "../../model/event.ts";
import type { AlertFacts } from "../../model/security-alert.ts";
import { createPendingRollups, type RollupKey, type RollupTable } from "./pending-rollups.ts";
import { everyAgentKey, microsOfMinute, minuteOf, recentStep, rollupSteps } from "./rollup-steps.ts";

/** What is counted once, and is taken back only where it goes to another agent: events and alerts. */
export interface CountRollups<Item> {
  /** Counts in what happened then. */
  count(item: Item, timeMicros: number, agentKey: number): void;
  /** Takes back what was counted and is counted in elsewhere: of all agents together nothing goes. */
  uncount(item: Item, timeMicros: number, agentKey: number): void;
  /** Brings the table up to date. Call when the events are as they will be. */
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
  /** Of what goes. */
  goneFirstMicros: number;
  goneLatestMicros: number;
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
  const correct = createEventCorrection(database);
  const readRecent = database.prepare<[], EventRow>(`select * from event_rollups where ${isRecentSql}`);
  const removeRecent = database.prepare(`delete from event_rollups where step_minutes = ${recentStep}`);
  return createCountRollups({
    textsOf: ({ name, level, channel }) => [name, level, channel ?? ""],
    write(step, tally) {
      const { agentKey, startMinute, texts, count, firstMicros, latestMicros } = tally;
      // What goes from one agent comes to another.
      if (agentKey === everyAgentKey && count === 0) return;
      add.run(step, agentKey, startMinute, ...texts, count, firstMicros, latestMicros);
      if (agentKey !== everyAgentKey && isTakingBack(tally)) correct(step, tally);
    },
    readRecent: () =>
      readRecent.all().map((row) => ({
        ...createTally({
          agentKey: row.agent_key,
          startMinute: row.start_minute,
          texts: [row.name, row.event_level, row.channel],
        }),
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
  const removeEmpty = database.prepare(
    `delete from alert_rollups where step_minutes = ? and agent_key = ? and start_minute = ? and severity = ? and category = ?
      and count = 0`,
  );
  const removeRecent = database.prepare(`delete from alert_rollups where step_minutes = ${recentStep}`);
  return createCountRollups({
    textsOf: ({ severity, category }) => [severity, category ?? ""],
    write(step, { agentKey, startMinute, texts, count }) {
      if (count === 0) return;
      add.run(step, agentKey, startMinute, ...texts, count);
      if (count < 0) removeEmpty.run(step, agentKey, startMinute, ...texts);
    },
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
  // Where something goes the earliest and the latest of a row may be others, which are found by the events.
  const pending = createPendingRollups<Tally>({
    create: createTally,
    add: addTally,
    isForSteps: isTakingBack,
    ...table,
  });
  return {
    count(item, timeMicros, agentKey) {
      const tally = pending.at({ agentKey, startMinute: minuteOf(timeMicros), texts: textsOf(item) });
      addTally(tally, { ...nothing, count: 1, firstMicros: timeMicros, latestMicros: timeMicros });
    },
    uncount(item, timeMicros, agentKey) {
      const tally = pending.at({ agentKey, startMinute: minuteOf(timeMicros), texts: textsOf(item) });
      addTally(tally, { ...nothing, count: -1, goneFirstMicros: timeMicros, goneLatestMicros: timeMicros });
    },
    flush: pending.flush,
    spread: pending.spread,
    forget: pending.forget,
  };
}

const nothing: Omit<Tally, keyof RollupKey> = {
  count: 0,
  firstMicros: Number.POSITIVE_INFINITY,
  latestMicros: Number.NEGATIVE_INFINITY,
  goneFirstMicros: Number.POSITIVE_INFINITY,
  goneLatestMicros: Number.NEGATIVE_INFINITY,
};

function createTally(key: RollupKey): Tally {
  return { ...key, ...nothing };
}

function addTally(sum: Tally, tally: Omit<Tally, keyof RollupKey>): void {
  sum.count += tally.count;
  sum.firstMicros = Math.min(sum.firstMicros, tally.firstMicros);
  sum.latestMicros = Math.max(sum.latestMicros, tally.latestMicros);
  sum.goneFirstMicros = Math.min(sum.goneFirstMicros, tally.goneFirstMicros);
  sum.goneLatestMicros = Math.max(sum.goneLatestMicros, tally.goneLatestMicros);
}

function isTakingBack({ goneFirstMicros }: Tally): boolean {
  return goneFirstMicros !== Number.POSITIVE_INFINITY;
}

/**
 * Corrects a row of one agent that something was taken from: it is removed where nothing is left, and its earliest and latest are found
 * again where they may have gone, of a minute by the events, of more by the rows of the next finer step.
 */
function createEventCorrection(database: Database): (step: number, tally: Tally) => void {
  const keySql =
    "step_minutes = ? and agent_key = ? and start_minute = ? and name = ? and event_level = ? and channel = ?";
  const read = database.prepare<unknown[], EventRow>(`select * from event_rollups where ${keySql}`);
  const remove = database.prepare(`delete from event_rollups where ${keySql}`);
  const set = database.prepare(`update event_rollups set first_micros = ?, latest_micros = ? where ${keySql}`);
  const findInRows = database.prepare<unknown[], Extremes>(
    `select min(first_micros) as first, max(latest_micros) as latest from event_rollups
    where step_minutes = ? and agent_key = ? and start_minute >= ? and start_minute < ? and name = ? and event_level = ?
      and channel = ?`,
  );
  const findInEvents = database.prepare<unknown[], Extremes>(
    `select min(time_micros) as first, max(time_micros) as latest from events indexed by events_by_agent_name
    where agent_key = ? and time_micros >= ? and time_micros < ? and name = ? and level = ? and ifnull(channel, '') = ?`,
  );
  return (step, { agentKey, startMinute, texts, goneFirstMicros, goneLatestMicros }) => {
    const key = [step, agentKey, startMinute, ...texts];
    const row = read.get(...key);
    if (row?.count === 0) remove.run(...key);
    if (row === undefined || row.count === 0) return;
    if (goneFirstMicros > row.first_micros && goneLatestMicros < row.latest_micros) return;
    const endMinute = startMinute + step;
    const finer = rollupSteps[rollupSteps.findIndex((known) => known === step) - 1];
    const found =
      finer === undefined
        ? findInEvents.get(agentKey, microsOfMinute(startMinute), microsOfMinute(endMinute), ...texts)
        : findInRows.get(finer, agentKey, startMinute, endMinute, ...texts);
    if (found !== undefined) set.run(found.first, found.latest, ...key);
  };
}

interface Extremes {
  readonly first: number;
  readonly latest: number;
}
