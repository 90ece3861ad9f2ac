import { join } from "node:path";
import { createSqliteStore } from "../../../src/store/sqlite/sqlite-store.ts";
import { priceTable } from "../call-builder.ts";
import { describeTelemetryStore } from "../store-conformance.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

const folder = createTemporaryFolder();

// Without a sync at every commit: what survives is the same, except for a power cut.
describeTelemetryStore("the SQLite store", ({ name, ...options }) =>
  createSqliteStore({
    databasePath: join(folder, `${name}.db`),
    durability: "normal",
    priceTables: [priceTable],
    ...options,
  }),
);
