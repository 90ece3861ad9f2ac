import { readFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { migrations } from "../../../migrations/index.ts";
import { normaliseBatch } from "../../../src/ingest/batch.ts";
import { eventFieldsFromJson } from "../../../src/ingest/cylestio/json-event.ts";
import { deriveStoredFacts } from "../../../src/ingest/derive-facts.ts";
import type { Event } from "../../../src/model/event.ts";
import { limitsDefault } from "../../../src/model/limits.ts";
import { createSqliteStore } from "../../../src/store/sqlite/sqlite-store.ts";
import { openMigrated } from "./migrated-database.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

const folder = createTemporaryFolder();
const priceTables = [readFileSync(new URL("../../../src/pricing/price-table.json", import.meta.url), "utf8")];

/** The events of all sample files, as ingest makes them. */
function sampleEvents(): readonly Event[] {
  const nowMicros = Date.UTC(2026, 0, 1) * 1000;
  const raws = ["v1-events", "legacy-events", "double-report"].flatMap((name): unknown[] =>
    JSON.parse(readFileSync(new URL(`../../samples/${name}.json`, import.meta.url), "utf8")),
  );
  const results = normaliseBatch(raws, { readFields: eventFieldsFromJson, limits: limitsDefault, nowMicros });
  return results.flatMap((result) => (result.ok ? [result.event] : []));
}

const open = (databasePath: string, tables: readonly string[] = priceTables) => {
  const rebuilt: number[] = [];
  const store = createSqliteStore({
    databasePath,
    durability: "normal",
    priceTables: tables,
    derive: (event) => deriveStoredFacts(event, limitsDefault),
    onRebuilt: (eventCount) => rebuilt.push(eventCount),
  });
  return { store, rebuilt };
};

/** What is derived. */
const derivedSql: Readonly<Record<string, string>> = {
  operations: "select * from operations",
  llmCalls: "select c.*, p.price from llm_calls c left join call_prices p on p.id = c.price_key",
  callAncestors: "select * from call_ancestors",
  traces: "select agent_key, trace_id, start_micros, end_micros, event_count, error_count from traces",
  alerts: "select * from security_alerts",
  sessions: "select * from sessions",
  pairedDurations: "select sequence, paired_duration_ms from events",
  eventRollups: "select * from event_rollups",
  callRollups: "select * from call_rollups",
  alertRollups: "select * from alert_rollups",
};

function readDerived(path: string): Readonly<Record<string, readonly string[]>> {
  const database = new Database(path, { readonly: true });
  try {
    return Object.fromEntries(
      Object.entries(derivedSql).map(([name, sql]) => [
        name,
        database
          .prepare<[], Record<string, unknown>>(sql)
          .all()
          .map((row) => JSON.stringify(row))
          .sort(),
      ]),
    );
  } finally {
    database.close();
  }
}

/** Leaves the database as one whose derived tables were made by other rules. */
function outdate(path: string): void {
  const database = new Database(path);
  database.exec(`update operations set kind = 'other'; delete from llm_calls; update traces set event_count = 0;
    update sessions set error_count = 7; delete from call_rollups; update security_alerts set severity = 'low';
    pragma user_version = 0`);
  database.close();
}

test("tables that were derived by other rules are made anew at the start, and what people said of alerts is kept", async () => {
  const path = join(folder, "outdated.db");
  const first = open(path);
  const store = await first.store;
  const events = sampleEvents();
  const outcomes = await store.append(events);
  const alert = events.find((event) => event.alert !== null);
  await store.setAlertStatus({ eventId: alert?.id ?? "", status: "resolved", atMicros: 1 });
  await store.close();
  expect([outcomes.length, first.rebuilt]).toEqual([233, [0]]);
  const before = readDerived(path);
  for (const rows of Object.values(before)) expect(rows).not.toEqual([]);
  expect(before["alerts"]?.filter((row) => row.includes('"resolved"'))).toHaveLength(1);

  outdate(path);
  expect(readDerived(path)).not.toEqual(before);
  const second = open(path);
  await (await second.store).close();
  expect(second.rebuilt).toEqual([233]);
  expect(readDerived(path)).toEqual(before);

  const third = open(path);
  await (await third.store).close();
  expect(third.rebuilt).toEqual([]);
});

test("calls keep the price that they were priced with, whatever the tables say when they are derived anew", async () => {
  const path = join(folder, "priced.db");
  const store = await open(path).store;
  await store.append(sampleEvents());
  await store.close();
  const before = readDerived(path);
  const database = new Database(path);
  database.exec("update operations set kind = 'other'; delete from call_rollups; pragma user_version = 0");
  database.close();
  // Without any table, no call would have a price.
  const again = open(path, []);
  await (await again.store).close();
  expect(again.rebuilt).toEqual([233]);
  expect(readDerived(path)).toEqual(before);
});

/** Copies a database into one of the schema that it had before prices got a table of their own. */
async function copyBackwards(path: string, oldPath: string): Promise<void> {
  const old = migrations.slice(
    0,
    migrations.findIndex(({ name }) => name.endsWith("lean_calls")),
  );
  const { database, orm } = await openMigrated(oldPath, old);
  database.exec(`attach '${path}' as new;
    ${["agents", "sessions", "events", "traces"].map((table) => `insert into ${table} select * from new.${table};`).join("\n")}
insert into operations select o.id + 1000, o.partition_key, o.agent_key, o.session_key, o.kind, o.name, o.at_micros,
      o.start_sequence, o.start_micros, o.start_ties, o.start_tool_name, o.start_llm, o.finish_sequence, o.finish_micros,
      o.finish_ties, o.finish_tool_name, o.finish_llm, o.outcome, o.duration_ms from new.operations o;
    insert into llm_calls select c.operation_id + 1000, null, null, null, c.is_wrapper, c.is_covered, c.vendor, c.requested_model,
      c.used_model, c.stop_reason, c.input_tokens, c.output_tokens, c.cache_read_tokens, c.cache_write_tokens,
      c.reasoning_tokens, c.cost_pico_usd, p.price from new.llm_calls c left join new.call_prices p on p.id = c.price_key;
    detach new; pragma user_version = 1`);
  await orm.close();
}

test("calls keep their prices when a database comes from where each had a copy of its price", async () => {
  const path = join(folder, "new.db");
  const store = await open(path).store;
  await store.append(sampleEvents());
  await store.close();
  const oldPath = join(folder, "old.db");
  await copyBackwards(path, oldPath);
  // Without any table, no call would have a price.
  const again = open(oldPath, []);
  await (await again.store).close();
  expect(again.rebuilt).toEqual([233]);
  const { alerts: _alerts, alertRollups: _alertRollups, ...before } = readDerived(path);
  expect(readDerived(oldPath)).toMatchObject(before);
});
