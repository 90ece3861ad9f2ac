import type { MetricBucket } from "../metrics.ts";
import { type Condition, parametersOf } from "./condition.ts";
import type { PlacedRow } from "./metric-groups.ts";
import type { RunQuery } from "./reader.ts";
import { createBucketFinder, inPieceSql, piecesOf, piecesToText, portionsOf } from "./rollup-range.ts";
import { everyAgentKey } from "./rollup-steps.ts";

/** Rows per key that one statement reads at most. */
const stretchesMax = 1_000;

/** What to read of a table of roll-ups. */
export interface RollupQuery {
  readonly table: "event_rollups" | "call_rollups" | "alert_rollups" | "session_rollups";
  readonly agents: MetricAgents;
  /** Whether these are all agents: where they are not told apart, what is counted for all together is read instead. */
  readonly isEveryAgent: boolean;
  readonly conditions: readonly Condition[];
  /** Columns of the table `r` by which groups are told apart, `agent_key` among them. */
  readonly groupColumns: readonly string[];
  /** What else to select, as `sum(r.count) as count`. */
  readonly columns: readonly string[];
  /** Further columns that tell rows apart; null where the rows are read as they are. */
  readonly apartBy: readonly string[] | null;
}

/** Agents by their key. */
export type MetricAgents = ReadonlyMap<number, string>;

/** What every statement selects beside the columns asked for. */
type Selected<Row> = Row & { readonly start_minute: number | null } & Readonly<
    Record<`group_${number}`, string | number>
  >;

/** The agents that are asked about; without names, those that reported in the time of the buckets. */
export async function findMetricAgents(
  run: RunQuery,
  { agentIds, buckets }: { readonly agentIds: readonly string[]; readonly buckets: readonly MetricBucket[] },
): Promise<MetricAgents> {
  const rows =
    agentIds.length > 0
      ? await run<AgentRow>("select id, agent_id from agents where agent_id in (select value from json_each(?))", [
          JSON.stringify(agentIds),
        ])
      : await run<AgentRow>(
          `select id, agent_id from agents indexed by agents_by_last_seen
          where last_seen_micros >= ? and first_seen_micros <= ?`,
          [buckets[0]?.startMicros ?? Number.MIN_SAFE_INTEGER, buckets.at(-1)?.endMicros ?? Number.MAX_SAFE_INTEGER],
        );
  return new Map(rows.map(({ id, agent_id }) => [id, agent_id]));
}

interface AgentRow {
  readonly id: number;
  readonly agent_id: string;
}

/** Reads rows of these buckets, portion by portion, each with its group and bucket. */
export async function* readRollups<Row>(
  run: RunQuery,
  query: RollupQuery,
  buckets: readonly MetricBucket[],
): AsyncGenerator<readonly PlacedRow<Row>[]> {
  const { agents, isEveryAgent, conditions, groupColumns } = query;
  if (agents.size === 0) return;
  const bucketOf = createBucketFinder(buckets);
  const isOneBucket = buckets.length === 1;
  const areTogether = isEveryAgent && !groupColumns.includes("agent_key");
  const agentKeys = JSON.stringify(areTogether ? [everyAgentKey] : [...agents.keys()]);
  for (const pieces of portionsOf(piecesOf(buckets), stretchesMax)) {
    const parameters = [piecesToText(pieces), agentKeys, ...parametersOf(conditions)];
    const rows = await run<Selected<Row>>(rollupSql(query, isOneBucket), parameters);
    yield rows.map((row) => ({
      row,
      bucket: row.start_minute === null ? 0 : bucketOf(row.start_minute),
      values: groupColumns.map((column, index) => {
        const value = row[`group_${index}`];
        return column === "agent_key" ? (agents.get(Number(value)) ?? null) : String(value) || null;
      }),
    }));
  }
}

/** Rows of one bucket need not be told apart by their time. */
function rollupSql({ table, conditions, groupColumns, columns, apartBy }: RollupQuery, isOneBucket: boolean): string {
  const groups = groupColumns.map((column, index) => `r.${column} as group_${index}`);
  const minute = isOneBucket ? "null" : "r.start_minute";
  const grouping = [minute, ...[...groupColumns, ...(apartBy ?? [])].map((column) => `r.${column}`)];
  return `select ${minute} as start_minute, ${[...groups, ...columns].join(", ")}
    from json_each(?) p cross join json_each(?) a cross join ${table} r
      on ${inPieceSql("a.value")}
    ${conditions.length === 0 ? "" : `where ${conditions.map(({ sql }) => sql).join(" and ")}`}
    ${apartBy === null ? "" : `group by ${grouping.join(", ")}`}`;
}
