import type { Database } from "better-sqlite3";
import type { PriceBook } from "../../pricing/price-table.ts";
import { modelSql } from "./operation-columns.ts";
import { createPricer, priceToText } from "./pricer.ts";
import { createRollupWriter } from "./rollup-writer.ts";

/** What other prices make of the calls of one model. Costs are sums in 1e-12 USD; null: of none of the calls it is known. */
export interface PriceChange {
  readonly vendor: string | null;
  readonly model: string | null;
  readonly callCount: number;
  readonly oldPicoUsd: number | null;
  readonly newPicoUsd: number | null;
}

interface CallRow {
  readonly operation_id: number;
  readonly at_micros: number;
  readonly vendor: string | null;
  readonly model: string | null;
  readonly input_tokens: number | null;
  readonly output_tokens: number | null;
  readonly cache_read_tokens: number | null;
  readonly cache_write_tokens: number | null;
  readonly reasoning_tokens: number | null;
  readonly cost_pico_usd: number | null;
  readonly price: string | null;
}

/** Calls that are read at a time. */
const chunkCalls = 1_000;

/**
 * Reckons the costs of all calls again, and says what changes, by vendor and model. With `apply` the calls and the roll-ups get
 * the new costs, in one transaction; without it nothing is written. A call whose price and cost stay the same keeps the version of
 * the table that it was priced with.
 */
export function repriceCalls(
  database: Database,
  prices: PriceBook,
  { apply }: { readonly apply: boolean },
): readonly PriceChange[] {
  const read = database.prepare<[number], CallRow>(
    `select c.operation_id, o.at_micros, c.vendor, ${modelSql} as model, c.input_tokens,
      c.output_tokens, c.cache_read_tokens, c.cache_write_tokens, c.reasoning_tokens, c.cost_pico_usd, p.price
    from llm_calls c join operations o on o.id = c.operation_id left join call_prices p on p.id = c.price_key where c.operation_id > ? order by c.operation_id limit ${chunkCalls}`,
  );
  const write = database.prepare("update llm_calls set cost_pico_usd = ?, price_key = ? where operation_id = ?");
  const rollups = createRollupWriter(database);
  const pricer = createPricer(database, prices);
  const changes = new Map<string, PriceChange>();
  const repriceOne = (row: CallRow): void => {
    const { costPicoUsd: cost, price } = pricer.priceOf({ ...row, tokens: tokensOf(row), atMicros: row.at_micros });
    const text = price === null ? null : priceToText(price, null);
    if (cost === row.cost_pico_usd && text === withoutVersion(row.price)) return;
    const name = JSON.stringify([row.vendor, row.model]);
    changes.set(name, sum(changes.get(name), row, cost));
    if (!apply) return;
    rollups.operationChanging(row.operation_id);
    write.run(cost, price === null ? null : pricer.keyOf(price), row.operation_id);
  };
  database
    .transaction(() => {
      for (let rows = read.all(0); rows.length > 0; rows = read.all(rows.at(-1)?.operation_id ?? 0)) {
        for (const row of rows) repriceOne(row);
        rollups.flush();
      }
    })
    .immediate();
  return [...changes.values()];
}

function sum(
  known: PriceChange | undefined,
  { vendor, model, cost_pico_usd }: CallRow,
  cost: number | null,
): PriceChange {
  return {
    vendor,
    model,
    callCount: (known?.callCount ?? 0) + 1,
    oldPicoUsd: add(known?.oldPicoUsd ?? null, cost_pico_usd),
    newPicoUsd: add(known?.newPicoUsd ?? null, cost),
  };
}

function add(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : a + b;
}

function tokensOf(row: CallRow) {
  return {
    input: row.input_tokens,
    output: row.output_tokens,
    cacheRead: row.cache_read_tokens,
    cacheWrite: row.cache_write_tokens,
    reasoning: row.reasoning_tokens,
  };
}

/** The price as it was kept, without the name of its table. */
function withoutVersion(price: string | null): string | null {
  return price === null ? null : JSON.stringify({ ...JSON.parse(price), tableVersion: null });
}
