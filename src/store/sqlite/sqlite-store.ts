import { TelemetryError } from "../../model/error.ts";
import type { TelemetryStore } from "../store.ts";
import { configureConnection, type Durability, prepareDatabaseFile } from "./database-file.ts";
import { lockDatabase } from "./database-lock.ts";
import { eventToTuple } from "./event-tuple.ts";
import { type MigrationResult, migrate } from "./migrate.ts";
import { createOrm } from "./orm.ts";
import { examinedRowsMaxDefault, type Reader } from "./reader.ts";
import type { ReaderData, ReaderMethods } from "./reader-thread.ts";
import { createStoredNotices } from "./stored-notices.ts";
import { startThread } from "./thread.ts";
import type { WriterData, WriterMethods } from "./writer-thread.ts";

export interface SqliteStoreOptions {
  /** The database file; it and its folder are made if they are missing. */
  readonly databasePath: string;
  readonly durability: Durability;
  /** Events that a page examines at most where no index serves the filter. Default `examinedRowsMaxDefault`. */
  readonly examinedRowsMax?: number;
  /** Told what the migrations did at the start. */
  readonly onMigrated?: (result: MigrationResult) => void;
}

/**
 * Opens the SQLite store and brings its schema up to date. One thread writes, another one reads, with WAL between them, so that
 * the calling thread never waits for the disk.
 * Throws `ForeignDatabaseError` or `NewerSchemaError` where the file must not be touched, and `DatabaseInUseError` where another
 * process serves it.
 */
export async function createSqliteStore(options: SqliteStoreOptions): Promise<TelemetryStore> {
  const { databasePath, durability, examinedRowsMax = examinedRowsMaxDefault } = options;
  prepareDatabaseFile(databasePath);
  const lock = lockDatabase(databasePath);
  try {
    await migrateFile(options);
    const writerData: WriterData = { databasePath, durability };
    const readerData: ReaderData = { databasePath, examinedRowsMax };
    const [writer, reader] = await allOrNone(
      startThread<WriterMethods>(new URL("./writer-thread.ts", import.meta.url), writerData),
      startThread<ReaderMethods>(new URL("./reader-thread.ts", import.meta.url), readerData),
    );
    return createStoreOn({
      append: (events) => writer.methods.append(events.map(eventToTuple)),
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
async function migrateFile({ databasePath, durability, onMigrated }: SqliteStoreOptions): Promise<void> {
  const orm = await createOrm(databasePath);
  try {
    const connection = await orm.em.getConnection().getNativeClient();
    configureConnection(connection, durability);
    const migrated = await migrate(orm, connection);
    onMigrated?.(migrated);
  } finally {
    await orm.close();
  }
}

/** The store until it is closed; from then on every method rejects, once the calls under way are answered. */
function createStoreOn({
  append,
  reader,
  release,
}: Pick<TelemetryStore, "append"> & {
  readonly reader: Reader;
  readonly release: () => Promise<void>;
}): TelemetryStore {
  const notices = createStoredNotices();
  const inFlight = new Set<Promise<unknown>>();
  let closing: Promise<void> | undefined;
  const whileOpen =
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
    };
  const close = async (): Promise<void> => {
    await Promise.allSettled(inFlight);
    notices.close();
    await release();
  };
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
    ping: whileOpen(reader.ping),
    close: () => (closing ??= close()),
  };
}
