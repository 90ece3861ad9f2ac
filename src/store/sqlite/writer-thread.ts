import { createPriceBook, parsePriceTable } from "../../pricing/price-table.ts";
import type { AlertStatusChange, AppendOutcome } from "../store.ts";
import { createAlertStatusSetter } from "./alert-status.ts";
import { createAppendQueue } from "./append-queue.ts";
import { type Durability, openWriterConnection } from "./database-file.ts";
import { type EventTuple, eventFromTuple } from "./event-tuple.ts";
import { createEventWriter } from "./event-writer.ts";
import { serveThread } from "./thread.ts";

/*
 * The thread that writes. While it commits, the appends that arrive wait in its mailbox and share the next commit: the slower
 * the disk, the larger the groups.
 */

export interface WriterData {
  readonly databasePath: string;
  readonly durability: Durability;
  /** Texts of price tables; later ones go before earlier ones. */
  readonly priceTables: readonly string[];
}

/** What other threads may ask of it. */
export type WriterMethods = {
  readonly append: (events: readonly EventTuple[]) => Promise<readonly AppendOutcome[]>;
  readonly setAlertStatus: (change: AlertStatusChange) => Promise<boolean>;
  readonly close: () => Promise<void>;
};

await serveThread(async ({ databasePath, durability, priceTables }: WriterData): Promise<WriterMethods> => {
  const connection = openWriterConnection(databasePath, durability);
  const queue = createAppendQueue(
    createEventWriter(connection, createPriceBook(priceTables.map(parsePriceTable))).write,
  );
  const setAlertStatus = createAlertStatusSetter(connection);
  return {
    append: (events) => queue.append(events.map(eventFromTuple)),
    setAlertStatus: async (change) => setAlertStatus(change),
    async close() {
      connection.close();
    },
  };
});
