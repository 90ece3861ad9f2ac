import type { Database } from "better-sqlite3";
import type { AlertStatusChange } from "../store.ts";
import { eventIdToBytes } from "./event-row.ts";
import { storeErrorFrom } from "./store-error.ts";

/**
 * Prepares, on the writer's connection, what sets the status of the alert that an event reports, in a transaction of its own.
 * False: there is none.
 */
export function createAlertStatusSetter(database: Database): (change: AlertStatusChange) => boolean {
  const set = database.prepare(
    `update security_alerts set status_micros = case when status = :status then status_micros else :atMicros end, status = :status
      where sequence = (select sequence from events where event_id = :eventId)`,
  );
  return ({ eventId, status, atMicros }) => {
    try {
      return set.run({ eventId: eventIdToBytes(eventId), status, atMicros }).changes > 0;
    } catch (error) {
      throw storeErrorFrom(error);
    }
  };
}
