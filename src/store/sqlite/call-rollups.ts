import type { Database, Statement } from "better-sqlite3";
import {
  type CallContribution,
  type CallCounter,
  callCounters,
  callKeySql,
  isCountedSql,
} from "./call-contribution.ts";
import { distributionColumns } from "./call-sum.ts";
import { createPendingRollups, type RollupKey } from "./pending-rollups.ts";
import { addSketchBytes, addToSketch, type SketchBuckets, sketchBucketOf, sketchToBytes } from "./quantile-sketch.ts";
import { everyAgentKey, microsOfMinute, type RollupStep, recentStep, rollupSteps } from "./rollup-steps.ts";

/** Adds up operations. Every call must run inside the transaction that changes them. */
export interface CallRollups {
  /** Counts an operation in, or, with -1, takes back what it was counted for. */
  add(contribution: CallContribution, sign: 1 | -1): void;
  /** Brings the table up to date. Call once, when the operations are as they will be. */
  flush(): void;
  /** Adds what was counted lately to the steps. */
  spread(): void;
  /** Forgets what was not flushed. */
  forget(): void;
}

/** What a transaction changes under one key: its texts are kind, vendor, model and name. */
interface Change extends RollupKey {
  readonly counters: number[];
  /** Durations in milliseconds that come, or, with a number below 0, go. */
  readonly durations: Map<number, number>;
  /** Those that come with rows of the recent step. */
  readonly recent: Spread;
}

/** Durations whose extremes are known exactly, the others by their bucket. */
interface Spread {
  readonly buckets: SketchBuckets;
  minMs: number;
  maxMs: number;
}

/** How the durations of a row are distributed. */
interface Distribution {
  readonly duration_min_ms: number | null;
  readonly duration_max_ms: number | null;
  readonly sketch: Buffer | null;
}

type Extremes = Pick<Distribution, "duration_min_ms" | "duration_max_ms">;

/** Prepares the statements on the writer's connection. */
export function createCallRollups(database: Database): CallRollups {
  const statements = prepare(database);
  const pending = createPendingRollups<Change>({
    create: createChange,
    add: addChange,
    // A coarser row may have to look at finer ones, which are written before it.
    write: (step, change) => writeChange(statements, step, change),
    // Without a duration the extremes of its row may be others, which are found by the operations.
    isForSteps: ({ durations }) => durations.values().some((count) => count < 0),
    // The statement selects exactly these columns.
    readRecent: () => statements.readRecent.all().map((row) => changeFrom(row as RecentRow)),
    removeRecent: () => statements.removeRecent.run(),
  });
  return {
    add({ agentKey, minute, kind, vendor, model, name, counters, durationMs }, sign) {
      const change = pending.at({ agentKey, startMinute: minute, texts: [kind, vendor, model, name] });
      addCounters(change.counters, counters, sign);
      if (durationMs !== null) addToSketch(change.durations, durationMs, sign);
    },
    flush: pending.flush,
    spread: pending.spread,
    forget: pending.forget,
  };
}

function createChange(key: RollupKey): Change {
  const recent = { buckets: new Map(), minMs: Number.POSITIVE_INFINITY, maxMs: Number.NEGATIVE_INFINITY };
  return { ...key, counters: callCounters.map(() => 0), durations: new Map(), recent };
}

function addChange(sum: Change, { counters, durations, recent }: Change): void {
  addCounters(sum.counters, counters, 1);
  for (const [durationMs, count] of durations) addToSketch(sum.durations, durationMs, count);
  for (const [bucket, count] of recent.buckets) addToSketch(sum.recent.buckets, bucket, count);
  sum.recent.minMs = Math.min(sum.recent.minMs, recent.minMs);
  sum.recent.maxMs = Math.max(sum.recent.maxMs, recent.maxMs);
}

type RecentRow = Distribution &
  Readonly<Record<CallCounter | "agent_key" | "start_minute", number>> &
  Readonly<Record<"kind" | "vendor" | "model" | "name", string>>;

function changeFrom(row: RecentRow): Change {
  const texts = [row.kind, row.vendor, row.model, row.name];
  const change = createChange({ agentKey: row.agent_key, startMinute: row.start_minute, texts });
  const counters = callCounters.map((counter) => row[counter]);
  addCounters(change.counters, counters, 1);
  addSketchBytes(change.recent.buckets, row.sketch);
  change.recent.minMs = row.duration_min_ms ?? change.recent.minMs;
  change.recent.maxMs = row.duration_max_ms ?? change.recent.maxMs;
  return change;
}

function addCounters(sums: number[], counters: readonly number[], sign: 1 | -1): void {
  for (const [index, counter] of counters.entries()) sums[index] = (sums[index] ?? 0) + sign * counter;
}

function writeChange(statements: Statements, step: RollupStep | typeof recentStep, change: Change): void {
  const { agentKey, startMinute, texts, counters, durations, recent } = change;
  const key = [step, agentKey, startMinute, ...texts];
  if (durations.size > 0 || recent.buckets.size > 0) {
    const { duration_min_ms: min, duration_max_ms: max, sketch } = distributionAfter(statements, step, change);
    statements.writeAll.run(...key, ...counters, min, max, sketch);
  } else if (counters.some((counter) => counter !== 0)) {
    statements.write.run(...key, ...counters);
  } else return;
  // A row of the recent step may take from one of another step.
  if (step !== recentStep && (counters[0] ?? 0) < 0) statements.removeEmpty.run(...key);
}

/** What the row's distribution is to be. A sketch gives back what it took; the least and the greatest have to be found again. */
function distributionAfter(statements: Statements, step: RollupStep | typeof recentStep, change: Change): Distribution {
  const key = [step, change.agentKey, change.startMinute, ...change.texts];
  // The statement selects exactly these columns.
  const row = statements.read.get(...key) as Distribution | undefined;
  const buckets: SketchBuckets = new Map();
  addSketchBytes(buckets, row?.sketch ?? null);
  for (const [bucket, count] of change.recent.buckets) addToSketch(buckets, bucket, count);
  let min = Math.min(row?.duration_min_ms ?? Number.POSITIVE_INFINITY, change.recent.minMs);
  let max = Math.max(row?.duration_max_ms ?? Number.NEGATIVE_INFINITY, change.recent.maxMs);
  let isExtremeGone = false;
  for (const [durationMs, count] of change.durations) {
    addToSketch(buckets, sketchBucketOf(durationMs), count);
    if (count < 0) isExtremeGone ||= durationMs <= min || durationMs >= max;
  }
  for (const [durationMs, count] of change.durations) {
    if (count < 0) continue;
    min = Math.min(min, durationMs);
    max = Math.max(max, durationMs);
  }
  // Nothing goes from the recent step.
  const extremes =
    isExtremeGone && step !== recentStep
      ? findExtremes(statements, step, change)
      : { duration_min_ms: min, duration_max_ms: max };
  return { ...extremes, sketch: sketchToBytes(buckets) };
}

/**
 * The least and the greatest duration: of a minute by its operations, of more by the rows of the next finer step, and of all agents
 * by those of each.
 */
function findExtremes(statements: Statements, step: RollupStep, change: Change): Extremes {
  const { agentKey, startMinute, texts } = change;
  const endMinute = startMinute + step;
  const finer = rollupSteps[rollupSteps.indexOf(step) - 1];
  // All three statements select exactly these columns.
  if (agentKey === everyAgentKey) return statements.findInAgents.get(step, startMinute, ...texts) as Extremes;
  if (finer !== undefined) {
    return statements.findInRows.get(finer, agentKey, startMinute, endMinute, ...texts) as Extremes;
  }
  const range = [microsOfMinute(startMinute), microsOfMinute(endMinute)];
  const [kind, ...others] = texts;
  return statements.findInOperations.get(agentKey, kind, ...range, ...others) as Extremes;
}

type Statements = Readonly<
  Record<
    | "read"
    | "readRecent"
    | "removeRecent"
    | "write"
    | "writeAll"
    | "removeEmpty"
    | "findInRows"
    | "findInAgents"
    | "findInOperations",
    Statement
  >
>;

const keyColumns = ["step_minutes", "agent_key", "start_minute", "kind", "vendor", "model", "name"];
const keySql = keyColumns.map((column) => `${column} = ?`).join(" and ");
const addSql = callCounters.map((column) => `${column} = ${column} + excluded.${column}`);

function writeSql(columns: readonly string[], updates: readonly string[]): string {
  return `insert into call_rollups (${columns.join(", ")}) values (${columns.map(() => "?").join(", ")})
    on conflict do update set ${updates.join(", ")}`;
}

function prepare(database: Database): Statements {
  const counted = [...keyColumns, ...callCounters];
  const setSql = distributionColumns.map((column) => `${column} = excluded.${column}`);
  return {
    read: database.prepare(`select ${distributionColumns.join(", ")} from call_rollups where ${keySql}`),
    readRecent: database.prepare(
      `select ${[...counted, ...distributionColumns].join(", ")} from call_rollups
      where step_minutes = ${recentStep} and agent_key <> ${everyAgentKey}`,
    ),
    removeRecent: database.prepare(`delete from call_rollups where step_minutes = ${recentStep}`),
    write: database.prepare(writeSql(counted, addSql)),
    writeAll: database.prepare(writeSql([...counted, ...distributionColumns], [...addSql, ...setSql])),
    removeEmpty: database.prepare(`delete from call_rollups where ${keySql} and count = 0`),
    findInRows: database.prepare(
      `select min(duration_min_ms) as duration_min_ms, max(duration_max_ms) as duration_max_ms from call_rollups
      where step_minutes = ? and agent_key = ? and start_minute >= ? and start_minute < ?
        and kind = ? and vendor = ? and model = ? and name = ?`,
    ),
    findInAgents: database.prepare(
      `select min(duration_min_ms) as duration_min_ms, max(duration_max_ms) as duration_max_ms from agents a cross join call_rollups r
      on r.step_minutes = ? and r.agent_key = a.id and r.start_minute = ? and r.kind = ? and r.vendor = ? and r.model = ?
        and r.name = ?`,
    ),
    findInOperations: database.prepare(
      `select min(o.duration_ms) as duration_min_ms, max(o.duration_ms) as duration_max_ms
      from operations o indexed by operations_by_agent left join llm_calls c on c.operation_id = o.id
      where o.agent_key = ? and o.kind = ? and o.at_micros >= ? and o.at_micros < ? and ${isCountedSql}
        and ${callKeySql.vendor} = ? and ${callKeySql.model} = ? and ${callKeySql.name} = ?`,
    ),
  };
}
