import type { Database } from "better-sqlite3";
import type { LlmFacts } from "../../model/llm-call.ts";
import { costOf } from "../../pricing/cost.ts";
import type { Price, PriceBook } from "../../pricing/price-table.ts";

/** Reckons what calls cost, and keeps each price that a call was reckoned with. */
export interface Pricer {
  priceOf(call: PricedCall): PricedCost;
  /** The key of the row of `call_prices` that holds the price. Must run inside a transaction. */
  keyOf(price: Price): number;
  /** Forgets the keys of prices. Call after a rollback. */
  forget(): void;
}

/** What the price of a call depends on. */
export interface PricedCall extends Pick<LlmFacts, "vendor" | "tokens"> {
  readonly model: string | null;
  readonly atMicros: number;
}

/** What a call costs. */
export interface PricedCost {
  /** In 1e-12 USD; null: the model's price or the tokens are not known. */
  readonly costPicoUsd: number | null;
  /** What it was reckoned with; null: the model's price is not known. */
  readonly price: Price | null;
}

/** Prepares the statements on the writer's connection. */
export function createPricer(database: Database, prices: PriceBook): Pricer {
  const find = database.prepare<[string], number>("select id from call_prices where price = ?").pluck();
  const insert = database.prepare("insert into call_prices (price) values (?)");
  // A book gives the same object for the same price.
  const keys = new Map<Price, number>();
  return {
    priceOf({ vendor, model, tokens, atMicros }) {
      const price = model === null ? null : prices.find({ vendor, model, atMicros });
      return { costPicoUsd: price === null ? null : costOf(tokens, price), price };
    },
    keyOf(price) {
      const known = keys.get(price);
      if (known !== undefined) return known;
      const text = priceToText(price, prices.version);
      const key = find.get(text) ?? Number(insert.run(text).lastInsertRowid);
      keys.set(price, key);
      return key;
    },
    forget: () => keys.clear(),
  };
}

/** Price → JSON that tells whoever checks a cost all that they need. */
export function priceToText(price: Price, tableVersion: string | null): string {
  return JSON.stringify({ ...price, tableVersion });
}
