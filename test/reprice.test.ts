import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { ConfigError } from "../src/config.ts";
import { normaliseBatch } from "../src/ingest/batch.ts";
import { eventFieldsFromJson } from "../src/ingest/cylestio/json-event.ts";
import { deriveStoredFacts } from "../src/ingest/derive-facts.ts";
import { limitsDefault } from "../src/model/limits.ts";
import { readPriceTables } from "../src/price-files.ts";
import { reprice } from "../src/reprice.ts";
import { createSqliteStore } from "../src/store/sqlite/sqlite-store.ts";
import { createTemporaryFolder } from "./store/sqlite/temporary-folder.ts";

const folder = createTemporaryFolder();

async function storeSamples(databasePath: string): Promise<void> {
  const store = await createSqliteStore({
    databasePath,
    durability: "normal",
    priceTables: readPriceTables({ pricesPath: null }),
    derive: (event) => deriveStoredFacts(event, limitsDefault),
  });
  const raws: unknown[] = JSON.parse(readFileSync(new URL("./samples/v1-events.json", import.meta.url), "utf8"));
  const nowMicros = Date.UTC(2026, 0, 1) * 1000;
  const results = normaliseBatch(raws, { readFields: eventFieldsFromJson, limits: limitsDefault, nowMicros });
  await store.append(results.flatMap((result) => (result.ok ? [result.event] : [])));
  await store.close();
}

/** What the calls of a model cost, by the calls themselves and by the roll-ups of days of all agents together, in 1e-12 USD. */
function costsOf(path: string, model: string): readonly unknown[] {
  const database = new Database(path, { readonly: true });
  try {
    const day = "step_minutes = 24 * 60 and agent_key = 0";
    return [
      database.prepare("select sum(cost_pico_usd) from llm_calls where used_model = ?").pluck().get(model),
      database.prepare(`select sum(cost_pico_usd) from call_rollups where model = ? and ${day}`).pluck().get(model),
    ];
  } finally {
    database.close();
  }
}

const haiku = "claude-3-haiku-20240307";
const tableOf = (...prices: readonly unknown[]) =>
  JSON.stringify({ version: "mine", unit: "USD per 1,000,000 tokens", prices });

test("costs are reckoned again with the user's prices: first shown, then written, to calls and roll-ups alike", async () => {
  const databasePath = join(folder, "priced.db");
  await storeSamples(databasePath);
  const before = [438_750_000, 438_750_000];
  expect(costsOf(databasePath, haiku)).toEqual(before);

  const pricesPath = join(folder, "prices.json");
  // Twice the list prices.
  writeFileSync(
    pricesPath,
    tableOf({ vendor: "anthropic", model: haiku, input: 0.5, output: 2.5, source: "a contract" }),
  );
  const config = { databasePath, durability: "normal", limits: limitsDefault, pricesPath } as const;
  const shown = await reprice({ config, apply: false });
  // One of the four failed and told no tokens.
  expect(shown).toContain(["anthropic", haiku, 4, "0.00043875", "0.0008775"].join("\t"));
  expect(shown).toContain("Nothing is written.");
  expect(costsOf(databasePath, haiku)).toEqual(before);

  expect(await reprice({ config, apply: true })).toContain("The new costs are written.");
  expect(costsOf(databasePath, haiku)).toEqual([877_500_000, 877_500_000]);
  expect(await reprice({ config, apply: true })).toBe("No cost changes.");
});

test.for([
  ["that is not there", null, "ENOENT"],
  ["that is no JSON", "prices", "JSON"],
  ["with a price below zero", tableOf({ vendor: "v", model: "m", input: -1, output: 1, source: "s" }), "prices[0]"],
] as const)("a price file %s is refused by its name", ([name, text, reason]) => {
  const pricesPath = join(folder, `${name}.json`);
  if (text !== null) writeFileSync(pricesPath, text);
  const read = () => readPriceTables({ pricesPath });
  expect(read).toThrow(ConfigError);
  expect(read).toThrow(pricesPath);
  expect(read).toThrow(reason);
});
