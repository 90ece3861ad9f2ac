import type { Event } from "../../model/event.ts";
import { createPriceBook, parsePriceTable } from "../../pricing/price-table.ts";
import type { AlertStatusChange, AppendOutcome, MetricPoint, PointOutcome, TextBatch } from "../store.ts";
import { createAlertStatusSetter } from "./alert-status.ts";
import { createAppendQueue } from "./append-queue.ts";
import { type Durability, openWriterConnection } from "./database-file.ts";
import { type EventTuple, eventFromTuple } from "./event-tuple.ts";
import { createEventWriter } from "./event-writer.ts";
import { createPointWriter } from "./point-writer.ts";
import { createSearchWriter } from "./search-writer.ts";
import { type ErrorFacts, factsOf, serveThread } from "./thread.ts";
import { createWriteWatch } from "./write-watch.ts";

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
  /** Stores the events of several appends, and tells for each, in their order, what came of it or why it was not stored. */
  readonly append: (
    appends: readonly (readonly EventTuple[])[],
  ) => Promise<readonly (readonly AppendOutcome[] | ErrorFacts)[]>;
  readonly probe: () => Promise<void>;
  readonly setAlertStatus: (change: AlertStatusChange) => Promise<boolean>;
  readonly indexTexts: (batch: TextBatch) => Promise<void>;
  readonly appendPoints: (points: readonly MetricPoint[]) => Promise<readonly PointOutcome[]>;
  readonly close: () => Promise<void>;
};

await serveThread(async ({ databasePath, durability, priceTables }: WriterData): Promise<WriterMethods> => {
  const connection = openWriterConnection(databasePath, durability);
  const writer = createEventWriter(connection, createPriceBook(priceTables.map(parsePriceTable)));
  const setAlertStatus = createAlertStatusSetter(connection);
  const indexTexts = createSearchWriter(connection, durability);
  const { watch, probe } = createWriteWatch(connection, databasePath);
  const queue = createAppendQueue((events: readonly Event[]) => watch(() => writer.write(events)));
  const pointWriter = createPointWriter(connection);
  const pointQueue = createAppendQueue((points: readonly MetricPoint[]) => watch(() => pointWriter.write(points)));
  return {
    append: (appends) => Promise.all(appends.map((events) => queue.append(events.map(eventFromTuple)).catch(factsOf))),
    setAlertStatus: async (change) => setAlertStatus(change),
    indexTexts: async (batch) => indexTexts(batch),
    appendPoints: pointQueue.append,
    async probe() {
      probe();
    },
    async close() {
      connection.close();
    },
  };
});
