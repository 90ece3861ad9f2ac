import { closeSync, openSync } from "node:fs";
import type { MigrationObject, MikroORM } from "@mikro-orm/sqlite";
import type { Database } from "better-sqlite3";
import { migrations as allMigrations } from "../../../migrations/index.ts";

/** The database was written by a newer version of this server. */
export class NewerSchemaError extends Error {
  override readonly name = "NewerSchemaError";
}

/** What a migration did. */
export interface MigrationResult {
  readonly applied: readonly string[];
  /** Copy of the database as it was before; null if there was nothing to keep. */
  readonly backupPath: string | null;
}

/**
 * Brings the schema up to date: all pending migrations in one transaction, after a backup of a database that has a schema.
 * If one fails, the database stays as it was. Throws `NewerSchemaError` if the database knows migrations that this version does not.
 * `database` is the connection of `orm`, and `migrations` the list that `orm` was created with.
 */
export async function migrate(
  orm: MikroORM,
  database: Database,
  migrations: readonly MigrationObject[] = allMigrations,
): Promise<MigrationResult> {
  const executed = (await orm.migrator.getExecuted()).map(({ name }) => name);
  const known = migrations.map(({ name }) => name);
  const unknown = executed.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new NewerSchemaError(
      `The database ${database.name} was written by a newer version of this server (it has the migration ${unknown.join(", ")}). Use that version, or name another file with CYLESTIO_DB_PATH.`,
    );
  }
  const applied = known.filter((name) => !executed.includes(name));
  if (applied.length === 0) return { applied, backupPath: null };
  const backupPath = executed.length === 0 ? null : `${database.name}.before-${applied.at(-1)}`;
  if (backupPath !== null) await backUp(database, backupPath);
  // Inside a transaction this pragma does nothing, and with it on, rebuilding a table would delete the rows that refer to it.
  database.pragma("foreign_keys = off");
  try {
    await orm.em.transactional(async (em) => {
      const transaction = em.getTransactionContext();
      await orm.migrator.up(transaction === undefined ? {} : { transaction });
      assertForeignKeys(database);
    });
  } finally {
    database.pragma("foreign_keys = on");
  }
  return { applied, backupPath };
}

/** Copies the database into a file that is for its owner only, as the database itself is. */
async function backUp(database: Database, path: string): Promise<void> {
  closeSync(openSync(path, "w", 0o600));
  await database.backup(path);
}

function assertForeignKeys(database: Database): void {
  const broken = database.pragma("foreign_key_check");
  if (Array.isArray(broken) && broken.length > 0) {
    throw new Error(`migration leaves ${broken.length} rows that refer to nothing: ${JSON.stringify(broken[0])}`);
  }
}
