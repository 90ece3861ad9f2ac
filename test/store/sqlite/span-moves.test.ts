import { join } from "node:path";
import type { Database } from "better-sqlite3";
import * as fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import type { Event, StoredEvent } from "../../../src/model/event.ts";
import { openWriterConnection } from "../../../src/store/sqlite/database-file.ts";
import { createEventWriter } from "../../../src/store/sqlite/event-writer.ts";
import { rebuildDerived } from "../../../src/store/sqlite/rebuild.ts";
import { anyTelemetryPrices } from "../any-telemetry.ts";
import { anyOwnedTelemetry, ownersFrom } from "../owned-telemetry.ts";
import { clearDerived, dumpDerived } from "./derived-dump.ts";
import { openMigrated } from "./migrated-database.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

const folder = createTemporaryFolder();

async function open(name: string): Promise<Database> {
  const path = join(folder, name);
  await openMigrated(path);
  const database = openWriterConnection(path, "normal");
  database.pragma("synchronous = off");
  onTestFinished(() => void database.close());
  return database;
}

/** Events in any order, cut into batches of any size. */
const anyArrival = anyOwnedTelemetry.chain((events) =>
  fc.record({
    events: fc.constant(events),
    order: fc.shuffledSubarray([...events], { minLength: events.length }),
    ends: fc.array(fc.boolean(), { minLength: events.length, maxLength: events.length }),
  }),
);

function batchesOf(order: readonly Event[], ends: readonly boolean[]): readonly (readonly Event[])[] {
  const batches: Event[][] = [[]];
  for (const [index, event] of order.entries()) {
    batches.at(-1)?.push(event);
    if (ends[index] === true) batches.push([]);
  }
  return batches;
}

function readOwners(database: Database): ReadonlyMap<string, string> {
  const rows = database
    .prepare<[], { readonly id: string; readonly owner: string }>(
      `select lower(hex(e.event_id)) as id, a.agent_id || '/' || ifnull(s.session_id, '-') as owner from events e
      join agents a on a.id = e.agent_key left join sessions s on s.id = e.session_key`,
    )
    .all();
  return new Map(rows.map(({ id, owner }) => [id, owner]));
}

test("whose events are, and all that follows, depends on the events alone, and is what a rebuild makes of them", async () => {
  const database = await open("any.db");
  let moved = 0;
  fc.assert(
    fc.property(anyArrival, fc.nat(3), ({ events, order, ends }, rebuiltIfZero) => {
      clearDerived(database);
      createEventWriter(database, anyTelemetryPrices).write(events);
      const wanted = dumpDerived(database);
      const owners = ownersFrom(events);
      expect(readOwners(database)).toEqual(owners);

      clearDerived(database);
      const { write } = createEventWriter(database, anyTelemetryPrices);
      const batches = batchesOf(order, ends);
      for (const batch of batches) {
        const before = readOwners(database);
        write(batch);
        const after = readOwners(database);
        moved += [...before].filter(([id, owner]) => after.get(id) !== owner).length;
      }
      // Again, as a client does that got no answer.
      for (const batch of batches) {
        expect(write(batch).map(({ status }) => status)).toEqual(batch.map(() => "duplicate"));
      }
      expect(readOwners(database)).toEqual(owners);
      expect(dumpDerived(database)).toEqual(wanted);

      if (rebuiltIfZero > 0) return;
      const facts = new Map(events.map((event) => [event.id, event]));
      const derive = ({ id }: StoredEvent) => {
        const event = facts.get(id);
        if (event === undefined) throw new Error(`no event ${id}`);
        const { llmProvider, operation, alert, ownership } = event;
        return { llmProvider, operation, alert, ownership };
      };
      rebuildDerived(database, { derive, prices: anyTelemetryPrices });
      expect(dumpDerived(database)).toEqual(wanted);
    }),
    { numRuns: 40 },
  );
  expect(moved).toBeGreaterThan(20);
});
