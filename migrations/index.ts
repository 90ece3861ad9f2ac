import { CreateTables } from "./20261120000000_create_tables.ts";

/** Every migration, oldest first. A list rather than a folder scan, so that nothing depends on the working directory. */
export const migrations = [{ name: "20261120000000_create_tables", class: CreateTables }] as const;
