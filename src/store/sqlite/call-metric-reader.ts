import type {
  CallDimension,
  CallMetricQuery,
  CallSize,
  CallSums,
  LatencySums,
  MetricGroups,
  TokenSum,
} from "../metrics.ts";
import { type CallCounter, callCounters } from "./call-contribution.ts";
import { type Condition, ifAny } from "./condition.ts";
import { type MetricSource, sumByGroup } from "./metric-groups.ts";
import { addSketchBytes, type SketchBuckets, valuesOfRanks } from "./quantile-sketch.ts";
import type { RunQuery } from "./reader.ts";
import { findMetricAgents, type RollupQuery, readRollups } from "./rollup-rows.ts";

const columns: Readonly<Record<CallDimension, string>> = {
  agent: "agent_key",
  kind: "kind",
  vendor: "vendor",
  model: "model",
  tool: "name",
  name: "name",
};

type CallRow = Readonly<Record<CallCounter, number>> & {
  readonly duration_min_ms: number | null;
  readonly duration_max_ms: number | null;
  /** Left out where no durations are asked for. */
  readonly sketch?: Buffer | null;
};

interface CallSum {
  readonly counters: Record<CallCounter, number>;
  minMs: number;
  maxMs: number;
  readonly sketch: SketchBuckets;
}

/** What calls come to, by group and bucket. */
export async function queryCalls(run: RunQuery, query: CallMetricQuery): Promise<MetricGroups<CallSums>> {
  const { withLatency, size } = query;
  // Sketches are added up here, so where they are asked for the rows are read as they are.
  const rollups: RollupQuery = {
    table: "call_rollups",
    agents: await findMetricAgents(run, query),
    conditions: conditionsOf(query),
    groupColumns: query.groupBy.map((dimension) => columns[dimension]),
    columns: withLatency
      ? [...callCounters.map((counter) => `r.${counter}`), "r.duration_min_ms", "r.duration_max_ms", "r.sketch"]
      : callCounters.map((counter) => `sum(r.${counter}) as ${counter}`),
    apartBy: withLatency ? null : [],
  };
  const source: MetricSource<CallRow, CallSum, CallSums> = {
    read: (buckets) => readRollups<CallRow>(run, rollups, buckets),
    createSum,
    add,
    sizeOf: ({ counters }) => sizes[size](counters),
    finish: (sum) => finish(sum, withLatency),
  };
  return sumByGroup(source, query);
}

const sizes: Readonly<Record<CallSize, (counters: Readonly<Record<CallCounter, number>>) => number>> = {
  count: ({ count }) => count,
  tokens: ({ input_tokens, output_tokens }) => input_tokens + output_tokens,
  cost: ({ cost_pico_usd }) => cost_pico_usd,
};

function conditionsOf({ filter: { kinds, vendor, model, name } }: CallMetricQuery): readonly Condition[] {
  const ofKinds =
    kinds.length === 0 ? [] : [{ sql: `r.kind in (${kinds.map(() => "?").join(", ")})`, parameters: kinds }];
  return [...ofKinds, ...ifAny("r.vendor", vendor), ...ifAny("r.model", model), ...ifAny("r.name", name)];
}

function createSum(): CallSum {
  // One entry for each counter.
  const counters = Object.fromEntries(callCounters.map((counter) => [counter, 0])) as Record<CallCounter, number>;
  return { counters, minMs: Number.POSITIVE_INFINITY, maxMs: Number.NEGATIVE_INFINITY, sketch: new Map() };
}

function add(sum: CallSum, row: CallRow): void {
  for (const counter of callCounters) sum.counters[counter] += row[counter];
  if (row.sketch === undefined || row.duration_count === 0) return;
  sum.minMs = Math.min(sum.minMs, row.duration_min_ms ?? sum.minMs);
  sum.maxMs = Math.max(sum.maxMs, row.duration_max_ms ?? sum.maxMs);
  addSketchBytes(sum.sketch, row.sketch);
}

function finish(sum: CallSum, withLatency: boolean): CallSums {
  const { counters } = sum;
  const tokens = (tier: "input" | "output" | "cache_read" | "cache_write" | "reasoning"): TokenSum => ({
    sum: counters[`${tier}_tokens`],
    count: counters[`${tier}_count`],
  });
  return {
    count: counters.count,
    runningCount: counters.running_count,
    errorCount: counters.error_count,
    blockedCount: counters.blocked_count,
    toldCount: counters.told_count,
    input: tokens("input"),
    output: tokens("output"),
    cacheRead: tokens("cache_read"),
    cacheWrite: tokens("cache_write"),
    reasoning: tokens("reasoning"),
    costPicoUsd: counters.cost_pico_usd,
    pricedCount: counters.priced_count,
    unpricedCount: counters.unpriced_count,
    latency: withLatency && counters.duration_count > 0 ? latencyOf(sum) : null,
  };
}

function latencyOf({ counters, minMs, maxMs, sketch }: CallSum): LatencySums {
  const { duration_count: count, duration_sum_micros: sumMicros } = counters;
  const ranks = [50, 90, 95, 99].map((percent) => Math.ceil((count * percent) / 100));
  const told = valuesOfRanks(sketch, ranks);
  const percentile = (place: number): number => {
    // The sketch knows the least and the greatest only within its error.
    if (ranks[place] === 1) return minMs;
    if (ranks[place] === count) return maxMs;
    return Math.min(Math.max(told[place] ?? minMs, minMs), maxMs);
  };
  return {
    count,
    meanMs: sumMicros / 1000 / count,
    minMs,
    maxMs,
    p50Ms: percentile(0),
    p90Ms: percentile(1),
    p95Ms: percentile(2),
    p99Ms: percentile(3),
  };
}
