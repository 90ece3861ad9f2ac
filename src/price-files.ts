import { readFileSync } from "node:fs";
import { type Config, ConfigError } from "./config.ts";
import { parsePriceTable } from "./pricing/price-table.ts";

const shippedTable = new URL("./pricing/price-table.json", import.meta.url);

/**
 * The texts of the price tables: the one of this version, then the one that the settings name, whose prices go before. Throws
 * `ConfigError` if that one cannot be read or used.
 */
export function readPriceTables({ pricesPath }: Pick<Config, "pricesPath">): readonly string[] {
  const shipped = readFileSync(shippedTable, "utf8");
  if (pricesPath === null) return [shipped];
  try {
    const own = readFileSync(pricesPath, "utf8");
    parsePriceTable(own);
    return [shipped, own];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError(`CYLESTIO_PRICES_PATH=${pricesPath}: ${reason}`);
  }
}
