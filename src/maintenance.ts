import type { Database } from "better-sqlite3";
import type { Config } from "./config.ts";
import { deriveStoredFacts } from "./ingest/derive-facts.ts";
import { readPriceTables } from "./price-files.ts";
import { usdFromPico } from "./pricing/cost.ts";
import { createPriceBook, parsePriceTable } from "./pricing/price-table.ts";
import { openWriterConnection } from "./store/sqlite/database-file.ts";
import { lockDatabase } from "./store/sqlite/database-lock.ts";
import { type RebuildOptions, rebuildDerived } from "./store/sqlite/rebuild.ts";
import { type PriceChange, repriceCalls } from "./store/sqlite/reprice.ts";
import { createSqliteStore } from "./store/sqlite/sqlite-store.ts";

/*
 * What is done to a database while no server runs on it. All throw `DatabaseInUseError` while one does.
 */

export interface MaintenanceOptions {
  readonly config: Pick<Config, "databasePath" | "durability" | "limits" | "pricesPath">;
}

export interface RepriceOptions extends MaintenanceOptions {
  /** Whether to write the new costs; without it they are only shown. */
  readonly apply: boolean;
}

/** Reckons the costs of all stored calls again with the prices of today's tables. Returns what changes, as text for people. */
export function reprice({ config, apply }: RepriceOptions): Promise<string> {
  return onDatabase(config, (database, { prices }) => describe(repriceCalls(database, prices, { apply }), apply));
}

/**
 * Makes all that is derived from events anew: after somebody took events out of the database, or to be sure. Returns what was done,
 * as text for people.
 */
export function rebuild({ config }: MaintenanceOptions): Promise<string> {
  return onDatabase(config, (database, rules) => {
    const eventCount = rebuildDerived(database, rules);
    return `Agents, sessions, calls, alerts and counters are made anew from ${eventCount} events.`;
  });
}

async function onDatabase(
  config: MaintenanceOptions["config"],
  work: (database: Database, rules: RebuildOptions) => string,
): Promise<string> {
  const { databasePath, durability, limits } = config;
  const priceTables = readPriceTables(config);
  const derive: RebuildOptions["derive"] = (event) => deriveStoredFacts(event, limits);
  // Brings the schema up to date.
  await (await createSqliteStore({ databasePath, durability, priceTables, derive })).close();
  const lock = lockDatabase(databasePath);
  try {
    const database = openWriterConnection(databasePath, durability);
    try {
      return work(database, { derive, prices: createPriceBook(priceTables.map(parsePriceTable)) });
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
