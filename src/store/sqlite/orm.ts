import { Migrator } from "@mikro-orm/migrations";
import { defineConfig, type MigrationObject, MikroORM, type Options } from "@mikro-orm/sqlite";
import { migrations as allMigrations } from "../../../migrations/index.ts";
import { entities } from "./entities.ts";

/** Configuration of MikroORM for one database file. The MikroORM CLI uses it too, see `mikro-orm.config.ts`. */
export function ormOptions(databasePath: string, migrations: readonly MigrationObject[] = allMigrations): Options {
  return defineConfig({
    dbName: databasePath,
    entities,
    extensions: [Migrator],
    migrations: {
      path: "migrations",
      migrationsList: [...migrations],
      snapshot: false,
      disableForeignKeys: false,
      emit: "ts",
    },
    // The virtual table of the search index, and those in which SQLite keeps it.
    schemaGenerator: { skipTables: [/^search_index(_|$)/] },
    // The migrator reports on the console by default; `migrate` returns what it did.
    logger: () => undefined,
    forceUtcTimezone: true,
    // Nothing is written beside the project.
    metadataCache: { enabled: false },
  });
}

/** Opens MikroORM on a database file, for its migrations: writing and reading have connections of their own. Tests bring migrations of their own. */
export function createOrm(databasePath: string, migrations?: readonly MigrationObject[]): Promise<MikroORM> {
  return MikroORM.init(ormOptions(databasePath, migrations));
}
