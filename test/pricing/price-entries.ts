import { readFileSync } from "node:fs";
import { type PriceTable, parsePriceTable } from "../../src/pricing/price-table.ts";

/** An entry of a price table as its file has it; any field may be wrong. */
export type Entry = Readonly<Record<string, unknown>>;

/** An entry at 1 USD in and 2 USD out. */
export function entryOf(vendor: string, model: string, fields: Entry = {}): Entry {
  return { vendor, model, input: 1, output: 2, source: "a test", ...fields };
}

/** The text of a table with these entries. */
export function tableText(prices: unknown, fields: Entry = {}): string {
  return JSON.stringify({ version: "test", unit: "USD per 1,000,000 tokens", prices, ...fields });
}

/** A table with these entries. */
export function tableOf(...prices: readonly Entry[]): PriceTable {
  return parsePriceTable(tableText(prices));
}

/** The table that the product comes with. */
export function shippedTable(): PriceTable {
  return parsePriceTable(readFileSync(new URL("../../src/pricing/price-table.json", import.meta.url), "utf8"));
}
