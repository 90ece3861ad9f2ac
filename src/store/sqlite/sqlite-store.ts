import type { ResourceLimits } from "node:worker_threads";
import { TelemetryError } from "../../model/error.ts";
import type { DerivedFacts } from "../../model/event.ts";
import { createPriceBook, parsePriceTable } from "../../pricing/price-table.ts";
import type { StoredEvent, TelemetryStore } from "../store.ts";
import { createAppendSender } from "./append-sender.ts";
import { configureConnection, type Durability, prepareDatabaseFile } from "./database-file.ts";
import { lockDatabase } from "./database-lock.ts";
import { type MigrationResult, migrate } from "./migrate.ts";
import { createOrm } from "./orm.ts";
import { examinedRowsMaxDefault, type Reader } from "./reader.ts";
import type { ReaderData, ReaderMethods } from "./reader-thread.ts";
import { needsRebuild, rebuildDerived } from "./rebuild.ts";
import { createStoredNotices } from "./stored-notices.ts";
import { type Death, type SupervisedThread, superviseThread } from "./supervised-thread.ts";
import { startThread, type ThreadMethods } from "./thread.ts";
import type { WriterData, WriterMethods } from "./writer-thread.ts";

export interface SqliteStoreOptions {
  /** The database file; it and its folder are made if they are missing. */
  readonly databasePath: string;
  readonly durability: Durability;
  /** Events that a page examines at most where no index serves the filter. Default `examinedRowsMaxDefault`. */
  readonly examinedRowsMax?: number;
  /** Texts of price tables; of a model that several have, the last one's prices count. Default: no price is known. */
  readonly priceTables?: readonly string[];
  /** Reads out of a stored event what is derived from it. With it, derived tables that were made by older rules are made anew at the start. */
  readonly derive?: (event: StoredEvent) => DerivedFacts;
  /** Told how many events the derived tables were made anew from. */
  readonly onRebuilt?: (eventCount: number) => void;
  /** Told what the migrations did at the start. */
  readonly onMigrated?: (result: MigrationResult) => void;
  /** Told when a thread died, and when it could not be started again yet: until it runs again, what it does is unavailable. */
  readonly onThreadDied?: (thread: ThreadName, death: Death) => void;
  /** Told when a thread that died runs again. */
  readonly onThreadRestarted?: (thread: ThreadName) => void;
  /** Bounds on the memory of each thread; beyond them it dies. Default: Node's. */
  readonly threadLimits?: ResourceLimits;
}

/** The threads of the store: `writer` stores events, `reader` answers everything else. */
export type ThreadName = "writer" | "reader";

/**
 * Opens the SQLite store and brings its schema up to date. One thread writes, another one reads, with WAL between them, so that
 * the calling thread never waits for the disk. A thread that dies is started again; the claim on the database is this thread's, and
 * stays meanwhile.
 * Throws `ForeignDatabaseError` or `NewerSchemaError` where the file must not be touched, and `DatabaseInUseError` where another
 * process serves it.
 */
export async function createSqliteStore(options: SqliteStoreOptions): Promise<TelemetryStore> {
  const { databasePath, durability, priceTables = [], examinedRowsMax = examinedRowsMaxDefault } = options;
  prepareDatabaseFile(databasePath);
  const lock = lockDatabase(databasePath);
  try {
    await migrateFile(options);
    const writerData: WriterData = { databasePath, durability, priceTables };
    const readerData: ReaderData = { databasePath, examinedRowsMax };
    const [writer, reader] = await allOrNone(
      keepThread<WriterMethods>(options, "writer", new URL("./writer-thread.ts", import.meta.url), writerData),
      keepThread<ReaderMethods>(options, "reader", new URL("./reader-thread.ts", import.meta.url), readerData),
    );
    return createStoreOn({
      append: createAppendSender(writer.methods),
      probe: writer.methods.probe,
      setAlertStatus: writer.methods.setAlertStatus,
      indexTexts: writer.methods.indexTexts,
      appendPoints: writer.methods.appendPoints,
      reader: reader.methods,
      release: async () => {
        // One after the other: the last connection to close empties the write-ahead log, and two at a time would both not be the last.
        try {
          await writer.close().finally(() => reader.close());
        } finally {
          lock.release();
        }
      },
    });
  } catch (error) {
    lock.release();
    throw error;
  }
}

function keepThread<Methods extends ThreadMethods>(
  { onThreadDied, onThreadRestarted, threadLimits = {} }: SqliteStoreOptions,
  name: ThreadName,
  module: URL,
  data: WriterData | ReaderData,
): Promise<SupervisedThread<Methods>> {
  return superviseThread<Methods>({
    start: (signal) => startThread(module, { name, data, signal, resourceLimits: threadLimits }),
    onDied: (death) => onThreadDied?.(name, death),
    onRestarted: () => onThreadRestarted?.(name),
  });
}

/** Both threads; where one cannot start, the other one is ended, so that nothing holds the database open. */
async function allOrNone<A extends Closable, B extends Closable>(
  first: Promise<A>,
  second: Promise<B>,
): Promise<[A, B]> {
  try {
    return await Promise.all([first, second]);
  } catch (error) {
    for (const started of await Promise.allSettled([first, second])) {
      if (started.status === "fulfilled") await started.value.close();
    }
    throw error;
  }
}

interface Closable {
  close(): Promise<void>;
}

/** Runs the migrations through MikroORM, in the calling thread: nothing is served yet. */
async function migrateFile(options: SqliteStoreOptions): Promise<void> {
  const { databasePath, durability, priceTables = [], derive, onMigrated, onRebuilt } = options;
  const orm = await createOrm(databasePath);
  try {
    const connection = await orm.em.getConnection().getNativeClient();
    configureConnection(connection, durability);
    const migrated = await migrate(orm, connection);
    onMigrated?.(migrated);
    if (derive !== undefined && needsRebuild(connection)) {
      const prices = createPriceBook(priceTables.map(parsePriceTable));
      const eventCount = rebuildDerived(connection, { derive, prices });
      onRebuilt?.(eventCount);
    }
  } finally {
    await orm.close();
  }
}

/** The store until it is closed; from then on every method rejects, once the calls under way are answered. */
function createStoreOn({
  append,
  setAlertStatus,
  indexTexts,
  appendPoints,
  probe,
  reader,
  release,
}: Pick<TelemetryStore, "append" | "setAlertStatus" | "indexTexts" | "appendPoints" | "probe"> & {
  readonly reader: Reader;
  readonly release: () => Promise<void>;
}): TelemetryStore {
  const notices = createStoredNotices();
  const { whileOpen, close } = createGate(async () => {
    notices.close();
    await release();
  });
  return {
    append: whileOpen(async (events) => {
      if (events.length === 0) return [];
      const outcomes = await append(events);
      notices.stored(outcomes);
      return outcomes;
    }),
    findAgent: whileOpen(reader.findAgent),
    listAgents: whileOpen(reader.listAgents),
    findEvent: whileOpen(reader.findEvent),
    listEvents: whileOpen(reader.listEvents),
    listEventsAfter: whileOpen(reader.listEventsAfter),
    getLastSequence: whileOpen(reader.getLastSequence),
    onStored: notices.onStored,
    countEvents: whileOpen(reader.countEvents),
    measureLatency: whileOpen(reader.measureLatency),
    listSessions: whileOpen(reader.listSessions),
    listOperations: whileOpen(reader.listOperations),
    findOperation: whileOpen(reader.findOperation),
    listTraces: whileOpen(reader.listTraces),
    findTraceOperations: whileOpen(reader.findTraceOperations),
    listAlerts: whileOpen(reader.listAlerts),
    findAlert: whileOpen(reader.findAlert),
    setAlertStatus: whileOpen(setAlertStatus),
    indexTexts: whileOpen(indexTexts),
    getIndexedSequence: whileOpen(reader.getIndexedSequence),
    searchTexts: whileOpen(reader.searchTexts),
    appendPoints: whileOpen(async (points) => (points.length === 0 ? [] : appendPoints(points))),
    listMetrics: whileOpen(reader.listMetrics),
    listPoints: whileOpen(reader.listPoints),
    probe: whileOpen(probe),
    queryCalls: whileOpen(reader.queryCalls),
    queryEvents: whileOpen(reader.queryEvents),
    queryAlerts: whileOpen(reader.queryAlerts),
    querySessions: whileOpen(reader.querySessions),
    countAgents: whileOpen(reader.countAgents),
    ping: whileOpen(reader.ping),
    close,
  };
}

/** Lets calls through until `close`, which waits for those under way and releases what they used. It may be called again. */
function createGate(release: () => Promise<void>) {
  const inFlight = new Set<Promise<unknown>>();
  let closing: Promise<void> | undefined;
  const closeOnce = async (): Promise<void> => {
    await Promise.allSettled(inFlight);
    await release();
  };
  return {
    whileOpen:
      <Args extends unknown[], Result>(method: (...args: Args) => Promise<Result>) =>
      async (...args: Args): Promise<Result> => {
        if (closing !== undefined) throw new TelemetryError("SHUTTING_DOWN", "the server is shutting down");
        const work = method(...args);
        inFlight.add(work);
        try {
          return await work;
        } finally {
          inFlight.delete(work);
        }
      },
    close: () => (closing ??= closeOnce()),
  };
}
