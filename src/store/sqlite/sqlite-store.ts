import type { MikroORM } from "@mikro-orm/sqlite";
import type { Database } from "better-sqlite3";
import { TelemetryError } from "../../model/error.ts";
import type { TelemetryStore } from "../store.ts";
import { createAppendQueue } from "./append-queue.ts";
import { configureConnection, type Durability, openWriterConnection, prepareDatabaseFile } from "./database-file.ts";
import { createEventWriter } from "./event-writer.ts";
import { type MigrationResult, migrate } from "./migrate.ts";
import { createOrm } from "./orm.ts";
import { createReader } from "./reader.ts";
import { storeErrorFrom } from "./store-error.ts";

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
 * Opens the SQLite store and brings its schema up to date. One writing connection, one reading connection, WAL between them.
 * Throws `ForeignDatabaseError` or `NewerSchemaError` where the file must not be touched.
 */
export async function createSqliteStore(options: SqliteStoreOptions): Promise<TelemetryStore> {
  const { orm, readConnection, writeConnection } = await openConnections(options);
  const queue = createAppendQueue(createEventWriter(writeConnection).write);
  const reader = createReader(readConnection, options.examinedRowsMax);

  const inFlight = new Set<Promise<unknown>>();
  let closing: Promise<void> | undefined;
  const whileOpen = async <Result>(action: () => Promise<Result>): Promise<Result> => {
    if (closing !== undefined) throw new TelemetryError("SHUTTING_DOWN", "the server is shutting down");
    const work = action();
    inFlight.add(work);
    try {
      return await work;
    } catch (error) {
      throw storeErrorFrom(error);
    } finally {
      inFlight.delete(work);
    }
  };
  const close = async (): Promise<void> => {
    await Promise.allSettled(inFlight);
    writeConnection.close();
    await orm.close();
  };

  return {
    append: (events) => whileOpen(async () => (events.length === 0 ? [] : queue.append(events))),
    findAgent: (agentId) => whileOpen(() => reader.findAgent(agentId)),
    listAgents: (query) => whileOpen(() => reader.listAgents(query)),
    findEvent: (eventId) => whileOpen(() => reader.findEvent(eventId)),
    listEvents: (query) => whileOpen(() => reader.listEvents(query)),
    countEvents: (query) => whileOpen(() => reader.countEvents(query)),
    measureLatency: (query) => whileOpen(() => reader.measureLatency(query)),
    ping: () => whileOpen(() => reader.ping()),
    close: () => (closing ??= close()),
  };
}

interface Connections {
  readonly orm: MikroORM;
  /** The connection of `orm`. */
  readonly readConnection: Database;
  readonly writeConnection: Database;
}

async function openConnections({ databasePath, durability, onMigrated }: SqliteStoreOptions): Promise<Connections> {
  prepareDatabaseFile(databasePath);
  const orm = await createOrm(databasePath);
  try {
    const readConnection = await orm.em.getConnection().getNativeClient();
    configureConnection(readConnection, durability);
    const migrated = await migrate(orm, readConnection);
    onMigrated?.(migrated);
    return { orm, readConnection, writeConnection: openWriterConnection(databasePath, durability) };
  } catch (error) {
    await orm.close();
    throw error;
  }
}
