import type { OperationKind, OperationOutcome } from "../../model/event.ts";
import { noTokens } from "../../model/llm-call.ts";
import type { Pair } from "../../model/pairing.ts";
import type { CallFact } from "../metrics.ts";
import type { LlmCall } from "./llm-call-writer.ts";
import { modelSql, toolNameSql } from "./operation-columns.ts";
import { durationMsOf, type Part } from "./operation-plan.ts";
import { minuteOf } from "./rollup-steps.ts";

/** Columns of `call_rollups` that add up, by the fact that they tell. */
export const countersOfFact = {
  outcomes: ["running_count", "error_count", "blocked_count"],
  tokens: [
    "told_count",
    "input_tokens",
    "input_count",
    "output_tokens",
    "output_count",
    "cache_read_tokens",
    "cache_read_count",
    "cache_write_tokens",
    "cache_write_count",
    "reasoning_tokens",
    "reasoning_count",
  ],
  cost: ["cost_pico_usd", "priced_count", "unpriced_count"],
  latency: ["duration_count", "failure_duration_count", "duration_sum_micros"],
} as const satisfies Readonly<Record<CallFact, readonly string[]>>;

/** All of them, and the number of calls. */
export const callCounters = [
  "count",
  ...countersOfFact.outcomes,
  ...countersOfFact.tokens,
  ...countersOfFact.cost,
  ...countersOfFact.latency,
] as const;
export type CallCounter = (typeof callCounters)[number];

/** What one operation adds to the roll-ups. */
export interface CallContribution {
  readonly agentKey: number;
  readonly minute: number;
  readonly kind: OperationKind;
  readonly vendor: string;
  readonly model: string;
  readonly name: string;
  /** In the order of `callCounters`. */
  readonly counters: readonly number[];
  readonly durationMs: number | null;
}

/** A row of `contributionSql`. */
export interface ContributionRow extends OperationFacts {
  readonly id: number;
  readonly session_key: number | null;
}

/** What the contribution of an operation follows from. */
interface OperationFacts {
  readonly agent_key: number;
  readonly at_micros: number;
  readonly kind: OperationKind;
  readonly vendor: string;
  readonly model: string;
  readonly name: string;
  readonly outcome: OperationOutcome | null;
  readonly duration_ms: number | null;
  readonly input_tokens: number | null;
  readonly output_tokens: number | null;
  readonly cache_read_tokens: number | null;
  readonly cache_write_tokens: number | null;
  readonly reasoning_tokens: number | null;
  readonly cost_pico_usd: number | null;
}

/** Texts of the key, of an operation `o` with its call `c`. */
export const callKeySql = {
  vendor: "ifnull(c.vendor, '')",
  model: `ifnull(${modelSql}, '')`,
  name: `case when o.kind = 'tool' then ifnull(${toolNameSql}, '') else o.name end`,
} as const;

/** What is left out: a wrapper whose call a vendor's client reports too. */
export const isCountedSql = "ifnull(c.is_covered, 0) = 0";

/** Whether a call `c` tells tokens and has no price. */
export const isUnpricedSql = `c.cost_pico_usd is null
  and coalesce(c.input_tokens, c.output_tokens, c.cache_read_tokens, c.cache_write_tokens, c.reasoning_tokens) is not null`;

/** What operations contribute, those that contribute anything; to be followed by further conditions. */
export const contributionSql = contributionSqlFrom("operations o");

/** The same of operations `o` that are found in this way. */
export function contributionSqlFrom(operations: string): string {
  return `
  select o.id, o.agent_key, o.session_key, o.at_micros, o.kind, ${callKeySql.vendor} as vendor, ${callKeySql.model} as model,
    ${callKeySql.name} as name, o.outcome, o.duration_ms, c.input_tokens, c.output_tokens, c.cache_read_tokens,
    c.cache_write_tokens, c.reasoning_tokens, c.cost_pico_usd
  from ${operations} left join llm_calls c on c.operation_id = o.id where ${isCountedSql}`;
}

/** What an operation without a row contributes once it has one. `call` is null but for calls of a language model. */
export function contributionOf({ start, finish }: Pair<Part>, call: LlmCall | null): CallContribution {
  const part = start ?? finish;
  if (part.agentKey === null) throw new Error("an operation's event is not stored");
  const tokens = call?.facts.tokens ?? noTokens;
  return contributionFrom({
    agent_key: part.agentKey,
    at_micros: part.timeMicros,
    kind: part.kind,
    vendor: call?.facts.vendor ?? "",
    model: call?.model ?? "",
    name: part.kind === "tool" ? (start?.toolName ?? finish?.toolName ?? "") : part.name,
    outcome: finish?.outcome ?? null,
    duration_ms: durationMsOf(start, finish),
    input_tokens: tokens.input,
    output_tokens: tokens.output,
    cache_read_tokens: tokens.cacheRead,
    cache_write_tokens: tokens.cacheWrite,
    reasoning_tokens: tokens.reasoning,
    cost_pico_usd: call?.costPicoUsd ?? null,
  });
}

/** Facts → contribution. */
export function contributionFrom(row: OperationFacts): CallContribution {
  const { outcome, cost_pico_usd: cost, duration_ms: durationMs } = row;
  const {
    input_tokens: input,
    output_tokens: output,
    cache_read_tokens: cacheRead,
    cache_write_tokens: cacheWrite,
    reasoning_tokens: reasoning,
  } = row;
  // As `isUnpricedSql` has it.
  const isTold = (input ?? output ?? cacheRead ?? cacheWrite ?? reasoning) !== null;
  return {
    agentKey: row.agent_key,
    minute: minuteOf(row.at_micros),
    kind: row.kind,
    vendor: row.vendor,
    model: row.model,
    name: row.name,
    durationMs,
    counters: [
      1,
      Number(outcome === null),
      Number(outcome === "error"),
      Number(outcome === "blocked"),
      Number(isTold),
      input ?? 0,
      Number(input !== null),
      output ?? 0,
      Number(output !== null),
      cacheRead ?? 0,
      Number(cacheRead !== null),
      cacheWrite ?? 0,
      Number(cacheWrite !== null),
      reasoning ?? 0,
      Number(reasoning !== null),
      cost ?? 0,
      Number(cost !== null),
      Number(cost === null && isTold),
      Number(durationMs !== null),
      Number(durationMs !== null && outcome !== null && outcome !== "ok"),
      durationMs === null ? 0 : microsOfDuration(durationMs),
    ],
  };
}

/** Thirty years. A client may report any number, and sums must stay integers. */
const durationMaxMicros = 1e15;

function microsOfDuration(durationMs: number): number {
  return Math.min(Math.round(durationMs * 1000), durationMaxMicros);
}
