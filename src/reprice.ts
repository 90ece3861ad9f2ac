import type { Config } from "./config.ts";
import { deriveStoredFacts } from "./ingest/derive-facts.ts";
import { readPriceTables } from "./price-files.ts";
import { usdFromPico } from "./pricing/cost.ts";
import { createPriceBook, parsePriceTable } from "./pricing/price-table.ts";
import { openWriterConnection } from "./store/sqlite/database-file.ts";
import { lockDatabase } from "./store/sqlite/database-lock.ts";
import { type PriceChange, repriceCalls } from "./store/sqlite/reprice.ts";
import { createSqliteStore } from "./store/sqlite/sqlite-store.ts";

export interface RepriceOptions {
  readonly config: Pick<Config, "databasePath" | "durability" | "limits" | "pricesPath">;
  /** Whether to write the new costs; without it they are only shown. */
  readonly apply: boolean;
}

/**
 * Reckons the costs of all stored calls again with the prices of today's tables. Returns what changes, as text for people. Throws
 * `DatabaseInUseError` while a server runs on the database.
 */
export async function reprice({ config, apply }: RepriceOptions): Promise<string> {
  const { databasePath, durability, limits } = config;
  const priceTables = readPriceTables(config);
  const derive: Parameters<typeof createSqliteStore>[0]["derive"] = (event) => deriveStoredFacts(event, limits);
  // Brings the schema up to date.
  await (await createSqliteStore({ databasePath, durability, priceTables, derive })).close();
  const lock = lockDatabase(databasePath);
  try {
    const database = openWriterConnection(databasePath, durability);
    try {
      const changes = repriceCalls(database, createPriceBook(priceTables.map(parsePriceTable)), { apply });
      return describe(changes, apply);
    } finally {
      database.close();
    }
  } finally {
    lock.release();
  }
}

function describe(changes: readonly PriceChange[], isApplied: boolean): string {
  if (changes.length === 0) return "No cost changes.";
  const lines = changes.map(({ vendor, model, callCount, oldPicoUsd, newPicoUsd }) =>
    [vendor ?? "unknown vendor", model ?? "unknown model", String(callCount), usd(oldPicoUsd), usd(newPicoUsd)].join(
      "\t",
    ),
  );
  const end = isApplied ? "The new costs are written." : "Nothing is written. Do it with: npm run reprice -- --apply";
  return [["vendor", "model", "calls", "USD before", "USD after"].join("\t"), ...lines.toSorted(), end].join("\n");
}

function usd(pico: number | null): string {
  return pico === null ? "unknown" : String(usdFromPico(pico));
}
