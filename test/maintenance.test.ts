import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { ConfigError } from "../src/config.ts";
import { normaliseBatch } from "../src/ingest/batch.ts";
import { eventFieldsFromJson } from "../src/ingest/cylestio/json-event.ts";
import { deriveStoredFacts } from "../src/ingest/derive-facts.ts";
import { rebuild, reprice } from "../src/maintenance.ts";
import { limitsDefault } from "../src/model/limits.ts";
import { readPriceTables } from "../src/price-files.ts";
import { createSqliteStore } from "../src/store/sqlite/sqlite-store.ts";
import { createTemporaryFolder } from "./store/sqlite/temporary-folder.ts";

const folder = createTemporaryFolder();

/** Stores the events of a sample, or those whose place in it is kept. */
async function storeSamples(databasePath: string, isKept: (index: number) => boolean = () => true): Promise<void> {
  const store = await createSqliteStore({
    databasePath,
    durability: "normal",
    priceTables: readPriceTables({ pricesPath: null }),
    derive: (event) => deriveStoredFacts(event, limitsDefault),
  });
  const raws: unknown[] = JSON.parse(readFileSync(new URL("./samples/v1-events.json", import.meta.url), "utf8"));
  const nowMicros = Date.UTC(2026, 0, 1) * 1000;
  const kept = raws.filter((_, index) => isKept(index));
  const results = normaliseBatch(kept, { readFields: eventFieldsFromJson, limits: limitsDefault, nowMicros });
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

/** What is told of agents and sessions, and every counter, without the keys that are given out in the order of arrival. */
function readDerived(path: string): Readonly<Record<string, readonly string[]>> {
  const database = new Database(path, { readonly: true });
  const rollups = ["event_rollups", "call_rollups", "alert_rollups", "session_rollups"];
  const tables = [...rollups, "sessions", "traces"].map((table) => ({
    table,
    sql: `select a.agent_id as agent, t.* from ${table} t left join agents a on a.id = t.agent_key`,
  }));
  try {
    return Object.fromEntries(
      [...tables, { table: "agents", sql: "select * from agents" }].map(({ table, sql }) => [
        table,
        database
          .prepare<[], Record<string, unknown>>(sql)
          .all()
          .map(({ id: _id, agent_key: _agentKey, ...row }) => JSON.stringify(row))
          .toSorted(),
      ]),
    );
  } finally {
    database.close();
  }
}

/** The places of the events that stay. */
const isKept = (index: number): boolean => index > 20 && index % 7 !== 0;

test("what is derived of a database from which events were taken is made anew, as if they had never come", async () => {
  const databasePath = join(folder, "thinned.db");
  await storeSamples(databasePath);
  const database = new Database(databasePath);
  // Of new databases, events are numbered from 1 on.
  const sequences = database.prepare<[], number>("select sequence from events").pluck().all();
  const gone = sequences.filter((sequence) => !isKept(sequence - 1));
  database.prepare("delete from events where sequence in (select value from json_each(?))").run(JSON.stringify(gone));
  database.close();
  expect(gone.length).toBeGreaterThan(30);

  const expectedPath = join(folder, "never.db");
  await storeSamples(expectedPath, isKept);
  expect(readDerived(databasePath)).not.toEqual(readDerived(expectedPath));
  const config = { databasePath, durability: "normal", limits: limitsDefault, pricesPath: null } as const;
  expect(await rebuild({ config })).toContain(`from ${sequences.length - gone.length} events`);
  expect(readDerived(databasePath)).toEqual(readDerived(expectedPath));
});
