import { closeSync, openSync, readSync, statSync } from "node:fs";
import Database from "better-sqlite3";
import {
  configureConnection,
  type Durability,
  openWriterConnection,
  prepareDatabaseFile,
} from "../src/store/sqlite/database-file.ts";
import { migrate } from "../src/store/sqlite/migrate.ts";
import { createOrm } from "../src/store/sqlite/orm.ts";
import { derivationVersion } from "../src/store/sqlite/rebuild.ts";

/** Opens a new database with the schema and the settings of the server's. */
export async function createDatabase(path: string, durability: Durability): Promise<Database.Database> {
  prepareDatabaseFile(path);
  const orm = await createOrm(path);
  try {
    const connection = await orm.em.getConnection().getNativeClient();
    configureConnection(connection, durability);
    await migrate(orm, connection);
    connection.pragma(`user_version = ${derivationVersion}`);
  } finally {
    await orm.close();
  }
  return openWriterConnection(path, durability);
}

/**
 * A number that every commit of the database counts up by one, whoever commits: `iChange` in the header of the index of its
 * write-ahead log (https://sqlite.org/walformat.html, 2.1). The file is memory that the processes share, so it is up to date.
 */
export function commitCounter(databasePath: string): number {
  const bytes = new Uint32Array(1);
  const file = openSync(`${databasePath}-shm`, "r");
  try {
    readSync(file, bytes, 0, 4, 8);
  } finally {
    closeSync(file);
  }
  return bytes[0] ?? 0;
}

/** Events in the database, and the bytes it takes once all is in its main file. Only while nobody else has it open. */
export function measureDatabase(path: string): { readonly eventCount: number; readonly bytes: number } {
  const database = new Database(path, { fileMustExist: true });
  try {
    database.pragma("wal_checkpoint(truncate)");
    const eventCount = Number(database.prepare("select count(*) from events").pluck().get());
    return { eventCount, bytes: statSync(path).size };
  } finally {
    database.close();
  }
}
