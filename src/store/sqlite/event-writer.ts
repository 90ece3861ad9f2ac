import type { Database } from "better-sqlite3";
import type { Event } from "../../model/event.ts";
import { isSameContent } from "../../model/event-id.ts";
import type { PriceBook } from "../../pricing/price-table.ts";
import type { AppendOutcome } from "../store.ts";
import { createAgentLedger } from "./agent-ledger.ts";
import { createAlertWriter } from "./alert-writer.ts";
import { createEventMover } from "./event-mover.ts";
import { type EventRow, eventColumns, eventFromRow, eventIdToBytes, eventRowSql, eventToColumns } from "./event-row.ts";
import { planOperations } from "./operation-plan.ts";
import { createOperationWriter } from "./operation-writer.ts";
import { createRollupWriter, type RollupWriter } from "./rollup-writer.ts";
import { createSpanOwners } from "./span-owners.ts";
import { storeErrorFrom } from "./store-error.ts";
import { createTraceLedger } from "./trace-ledger.ts";

/** Writes events and all that follows from them. Not for concurrent use: there is one writer per database. */
export interface EventWriter {
  /** Stores the events in one transaction, which is on disk when this returns. If it throws, nothing was stored. */
  write(events: readonly Event[]): AppendOutcome[];
}

/**
 * The one place where events are inserted. Prepared statements instead of entities, because `insertMany` reaches less than
 * half their rate; `test/store/sqlite/schema.test.ts` checks the columns against the entities.
 * `rollups` are the database's own but where it is measured what they cost.
 */
export function createEventWriter(
  database: Database,
  prices: PriceBook,
  rollups: RollupWriter = createRollupWriter(database),
): EventWriter {
  const ledger = createAgentLedger(database, rollups);
  const traces = createTraceLedger(database);
  const operations = createOperationWriter(database, prices, rollups);
  const alerts = createAlertWriter(database);
  const owners = createSpanOwners(database);
  const mover = createEventMover(database, { ledger, traces, rollups, operations, alerts });
  const insert = database.prepare(
    `insert into events (${eventColumns.join(", ")}) values (${eventColumns.map(() => "?").join(", ")})
    on conflict (event_id) do nothing`,
  );
  const find = database.prepare(`${eventRowSql("events_event_id")} where e.event_id = ?`);

  // The statement selects exactly these columns.
  const findRow = (event: Event) => find.get(eventIdToBytes(event.id)) as EventRow | undefined;

  const write = database.transaction((received: readonly Event[]): AppendOutcome[] => {
    const batch = owners.attribute(received);
    const { events } = batch;
    const plan = planOperations(events);
    const outcomes = events.map((event, index): AppendOutcome => {
      // Where its agent or session may be new, it is looked up first, so that a refused event leaves no trace, not even a session.
      const known = ledger.knownKeysOf(event);
      const there = known === null ? findRow(event) : undefined;
      if (there !== undefined) return compare(there, event);
      const parts = plan.parts[index] ?? [];
      const keys = known ?? ledger.keysOf(event);
      const { changes, lastInsertRowid } = insert.run(eventToColumns(event, keys, parts.at(-1)?.pairedMs));
      if (changes === 0) return compare(findRow(event), event);
      const sequence = Number(lastInsertRowid);
      batch.stored(index, sequence);
      ledger.count(event, keys);
      traces.count(event, keys.agentKey);
      rollups.countEvent(event, keys.agentKey);
      if (event.alert !== null) rollups.countAlert(event.alert, event.timeMicros, keys.agentKey);
      if (event.alert !== null) alerts.write(event.alert, { sequence, timeMicros: event.timeMicros, ...keys });
      for (const part of parts) Object.assign(part, { sequence, ...keys });
      return { status: "stored", sequence };
    });
    mover.move(batch.findMoves());
    traces.flush();
    ledger.flush();
    operations.write(plan);
    rollups.flush();
    return outcomes;
  });

  return {
    write(events) {
      try {
        return write.immediate(events);
      } catch (error) {
        // The transaction was rolled back, and with it the keys that were given out in it.
        ledger.forget();
        traces.forget();
        operations.forget();
        rollups.forget();
        throw storeErrorFrom(error);
      }
    },
  };
}

/**
 * An event whose id is taken is a duplicate if it says the same as the one that has it. Whose an OpenTelemetry event is it does not say
 * alone, so that differs where a span above it came between the two.
 */
function compare(row: EventRow | undefined, event: Event): AppendOutcome {
  if (row === undefined) throw new Error(`event ${event.id} is neither new nor there`);
  const stored = eventFromRow(row);
  const isOwned = event.dialect === "otlp" && stored.dialect === "otlp";
  const { agentId, sessionId } = isOwned ? event : stored;
  const facts = { llmProvider: null, operation: null, alert: null, ownership: null };
  const there: Event = { ...stored, agentId, sessionId, ...facts };
  return { status: isSameContent(there, event) ? "duplicate" : "conflict" };
}
