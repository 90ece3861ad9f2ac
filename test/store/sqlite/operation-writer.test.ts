import { join } from "node:path";
import Database from "better-sqlite3";
import * as fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { createSqliteStore } from "../../../src/store/sqlite/sqlite-store.ts";
import { anyArrival, buildArrival } from "../arrival.ts";
import { anyParts, type Operation, operationsFrom } from "../operation-model.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

const folder = createTemporaryFolder();

/** The rows of an agent in the table, in terms of events. */
function readOperations(database: Database.Database, agentId: string): readonly Operation[] {
  return database
    .prepare<[string], Operation>(
      `select a.agent_id as agentId, o.kind, lower(hex(s.event_id)) as start, lower(hex(f.event_id)) as finish,
        o.start_tool_name as startToolName, o.finish_tool_name as finishToolName, o.outcome, o.duration_ms as durationMs
      from operations o join agents a on a.id = o.agent_key
      left join events s on s.sequence = o.start_sequence and s.time_micros = o.start_micros
      left join events f on f.sequence = o.finish_sequence and f.time_micros = o.finish_micros
      where a.agent_id = ?`,
    )
    .all(agentId)
    .map((row) => ({ ...row, start: row.start || null, finish: row.finish || null }));
}

/** In one order; the columns of a row come in the order of the statement, which is that of the model's fields. */
const sorted = (operations: readonly Operation[]) => operations.map((operation) => JSON.stringify(operation)).sort();

test("the table of operations holds what pairing makes of the whole set of events, in any order of arrival", async () => {
  const databasePath = join(folder, "cylestio.db");
  const store = await createSqliteStore({ databasePath, durability: "normal" });
  onTestFinished(() => store.close());
  const database = new Database(databasePath, { readonly: true });
  onTestFinished(() => void database.close());
  await fc.assert(
    fc.asyncProperty(anyArrival(anyParts), async (arrival) => {
      const { events, calls, agentIds } = buildArrival(arrival);
      for (const call of calls) await store.append(call);
      const operations = agentIds.flatMap((agentId) => readOperations(database, agentId));
      expect(sorted(operations)).toEqual(sorted(operationsFrom(events)));
    }),
    { numRuns: 300 },
  );
});
