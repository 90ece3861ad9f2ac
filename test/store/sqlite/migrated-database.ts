import type { MigrationObject, MikroORM } from "@mikro-orm/sqlite";
import type { Database } from "better-sqlite3";
import { onTestFinished } from "vitest";
import { configureConnection, prepareDatabaseFile } from "../../../src/store/sqlite/database-file.ts";
import { type MigrationResult, migrate } from "../../../src/store/sqlite/migrate.ts";
import { createOrm } from "../../../src/store/sqlite/orm.ts";

/** A database below the store, open until the test ends or it is closed. */
export interface MigratedDatabase {
  readonly orm: MikroORM;
  /** The connection of `orm`. */
  readonly database: Database;
  readonly result: MigrationResult;
}

/** Opens a database as the store does, with all migrations or those that are given. */
export async function openMigrated(path: string, migrations?: readonly MigrationObject[]): Promise<MigratedDatabase> {
  prepareDatabaseFile(path);
  const orm = await createOrm(path, migrations);
  onTestFinished(() => orm.close());
  const database = await orm.em.getConnection().getNativeClient();
  configureConnection(database, "normal");
  try {
    return { orm, database, result: await migrate(orm, database, migrations) };
  } catch (error) {
    await orm.close();
    throw error;
  }
}
