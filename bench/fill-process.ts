import process from "node:process";
import { readPriceTables } from "../src/price-files.ts";
import { createPriceBook, parsePriceTable } from "../src/pricing/price-table.ts";
import { createEventWriter } from "../src/store/sqlite/event-writer.ts";
import { createDatabase } from "./database.ts";
import type { FillRequest } from "./fill.ts";
import { normaliseRange } from "./normalise.ts";
import { createSpreadRun } from "./spread.ts";

/* The process behind `fillDatabase`: it fills one database. */

/** Events in one commit: many, as nobody waits for one. */
const commitSize = 20_000;

/** Nothing is lost that would be missed: half a gigabyte of pages in memory, and few of them moved from the log. */
const hurry = ["synchronous = off", "cache_size = -524288", "wal_autocheckpoint = 100000"];

process.once("message", (request: FillRequest) => {
  void fill(request).then(() => process.disconnect());
});

async function fill({ path, agentCount, eventCount }: FillRequest): Promise<void> {
  const run = createSpreadRun({ agentCount, eventCount });
  const database = await createDatabase(path, "normal");
  for (const pragma of hurry) database.pragma(pragma);
  const writer = createEventWriter(
    database,
    createPriceBook(readPriceTables({ pricesPath: null }).map(parsePriceTable)),
  );
  for (let from = 0; from < eventCount; from += commitSize) {
    const outcomes = writer.write(normaliseRange(run, { from, eventCount: Math.min(commitSize, eventCount - from) }));
    if (outcomes.some(({ status }) => status !== "stored")) throw new Error(`events from ${from} on were not stored`);
  }
  database.pragma("wal_checkpoint(truncate)");
  database.close();
}
