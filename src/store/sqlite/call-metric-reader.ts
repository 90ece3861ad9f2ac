import type { CallDimension, CallMetricQuery, CallSize, CallSums, MetricGroups, TokenSum } from "../metrics.ts";
import { type CallCounter, countersOfFact } from "./call-contribution.ts";
import {
  addRollup,
  type CallRollupRow,
  type CallSum,
  createCallSum,
  distributionColumns,
  latencyOf,
} from "./call-sum.ts";
import { type Condition, ifAny } from "./condition.ts";
import { type MetricSource, sumByGroup } from "./metric-groups.ts";
import type { RunQuery } from "./reader.ts";
import { findMetricAgents, type RollupQuery, readRollups } from "./rollup-rows.ts";

/** Roll-ups know no sessions. */
const columns: Readonly<Record<Exclude<CallDimension, "session">, string>> = {
  agent: "agent_key",
  kind: "kind",
  vendor: "vendor",
  model: "model",
  tool: "name",
  name: "name",
};

/** What calls come to, by group and bucket, where no sessions are asked about. */
export async function queryCalls(run: RunQuery, query: CallMetricQuery): Promise<MetricGroups<CallSums>> {
  const withLatency = query.facts.includes("latency");
  // Sketches are added up here, so where they are asked for the rows are read as they are.
  const rollups: RollupQuery = {
    table: "call_rollups",
    agents: await findMetricAgents(run, query),
    isEveryAgent: query.agentIds.length === 0,
    conditions: conditionsOf(query),
    groupColumns: query.groupBy.flatMap((dimension) => (dimension === "session" ? [] : columns[dimension])),
    columns: withLatency
      ? [...countersOf(query), ...distributionColumns].map((column) => `r.${column}`)
      : countersOf(query).map((counter) => `sum(r.${counter}) as ${counter}`),
    apartBy: withLatency ? null : [],
  };
  const source: MetricSource<CallRollupRow, CallSum, CallSums> = {
    read: (buckets) => readRollups<CallRollupRow>(run, rollups, buckets),
    countOf: ({ count = 0 }) => count,
    add: addRollup,
    ...callSumming(query),
  };
  return sumByGroup(source, query);
}

/** The counters to add up: the number of calls is always told. */
function countersOf({ facts }: Pick<CallMetricQuery, "facts">): readonly CallCounter[] {
  return ["count", ...facts.flatMap((fact) => countersOfFact[fact])];
}

/** How sums of calls begin, are ordered, and are told. */
export function callSumming({
  size,
  facts,
}: Pick<CallMetricQuery, "size" | "facts">): Pick<
  MetricSource<never, CallSum, CallSums>,
  "createSum" | "sizeOf" | "finish"
> {
  return {
    createSum: createCallSum,
    sizeOf: ({ counters }) => sizes[size](counters),
    finish: (sum) => finish(sum, facts.includes("latency")),
  };
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
    latency: withLatency ? latencyOf(sum) : null,
  };
}
