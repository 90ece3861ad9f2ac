import type { OperationKind, OperationOutcome } from "../../model/event.ts";
import { toolNameSql } from "./operation-columns.ts";
import { minuteOf } from "./rollup-steps.ts";

/** Columns of `call_rollups` that add up. */
export const callCounters = [
  "count",
  "running_count",
  "error_count",
  "blocked_count",
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
  "cost_pico_usd",
  "priced_count",
  "unpriced_count",
  "duration_count",
  "duration_sum_micros",
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
export interface ContributionRow {
  readonly id: number;
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
  model: "coalesce(c.used_model, c.requested_model, '')",
  name: `case when o.kind = 'tool' then ifnull(${toolNameSql}, '') else o.name end`,
} as const;

/** What is left out: a wrapper whose call a vendor's client reports too. */
export const isCountedSql = "ifnull(c.is_covered, 0) = 0";

/** What operations contribute, those that contribute anything; to be followed by further conditions. */
export const contributionSql = `
  select o.id, o.agent_key, o.at_micros, o.kind, ${callKeySql.vendor} as vendor, ${callKeySql.model} as model,
    ${callKeySql.name} as name, o.outcome, o.duration_ms, c.input_tokens, c.output_tokens, c.cache_read_tokens,
    c.cache_write_tokens, c.reasoning_tokens, c.cost_pico_usd
  from operations o left join llm_calls c on c.operation_id = o.id where ${isCountedSql}`;

/** Row → contribution. */
export function contributionFrom(row: ContributionRow): CallContribution {
  const { outcome, cost_pico_usd: cost, duration_ms: durationMs } = row;
  const tokens = [
    row.input_tokens,
    row.output_tokens,
    row.cache_read_tokens,
    row.cache_write_tokens,
    row.reasoning_tokens,
  ];
  const isTold = tokens.some((count) => count !== null);
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
      ...tokens.flatMap((count) => [count ?? 0, Number(count !== null)]),
      cost ?? 0,
      Number(cost !== null),
      Number(cost === null && isTold),
      Number(durationMs !== null),
      durationMs === null ? 0 : microsOfDuration(durationMs),
    ],
  };
}

/** Thirty years. A client may report any number, and sums must stay integers. */
const durationMaxMicros = 1e15;

function microsOfDuration(durationMs: number): number {
  return Math.min(Math.round(durationMs * 1000), durationMaxMicros);
}
