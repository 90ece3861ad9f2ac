import { existsSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Logger } from "pino";
import type { Config } from "./config.ts";
import { cylestioEvents } from "./ingest/batch.ts";
import { readFreeFormJson } from "./ingest/cylestio/free-form-json.ts";
import { eventFieldsFromJson } from "./ingest/cylestio/json-event.ts";
import { createIntake } from "./ingest/intake.ts";
import { lockDatabase } from "./store/sqlite/database-lock.ts";
import {
  isForeignDatabase,
  moveDatabase,
  openPythonDatabase,
  type PythonDatabase,
  type PythonRow,
  removeDatabase,
} from "./store/sqlite/python-database.ts";
import { createSqliteStore } from "./store/sqlite/sqlite-store.ts";

export interface PythonUpgradeOptions {
  readonly config: Pick<Config, "databasePath" | "durability" | "limits">;
  readonly logger: Logger;
  readonly nowMs: () => number;
}

/** Events that are imported in one transaction at most. */
const importBatchEvents = 1_000;

/** Characters of `data` in one transaction at most, beyond one event: what it takes of memory is a few times that. */
const importBatchCharacters = 8_000_000;

/** Rows without a place here that the log names. */
const namedRowsMax = 20;

/**
 * Where the earlier Python server left its database at our path: keeps that file, unaltered, as `cylestio.python.db` beside it, and
 * puts a database of ours with its events in its place. Otherwise does nothing.
 *
 * The events are imported into a file of another name (`.importing`), which gets a third name (`.imported`) when it is complete. So
 * a death at any moment leaves either the old state, from which the next start begins again, or one in which only names are left
 * to change, which the next start does.
 */
export async function upgradePythonDatabase(options: PythonUpgradeOptions): Promise<void> {
  const { databasePath } = options.config;
  const paths = pathsBeside(databasePath);
  if (!existsSync(databasePath) && existsSync(paths.imported) && existsSync(paths.kept)) {
    takePlace(databasePath, paths);
    options.logger.info(
      { database: databasePath, kept: paths.kept },
      "finished the import of the database of the Python server",
    );
    return;
  }
  if (!isForeignDatabase(databasePath)) return;
  const lock = lockDatabase(databasePath);
  try {
    if (await importDatabase(options, paths)) takePlace(databasePath, paths);
  } finally {
    lock.release();
  }
}

interface Paths {
  /** Where the Python server's database goes. */
  readonly kept: string;
  /** Our database while it is being filled. */
  readonly importing: string;
  /** Our database when it is complete. */
  readonly imported: string;
}

function pathsBeside(databasePath: string): Paths {
  return {
    kept: join(dirname(databasePath), "cylestio.python.db"),
    importing: `${databasePath}.importing`,
    imported: `${databasePath}.imported`,
  };
}

function takePlace(databasePath: string, { kept, imported }: Paths): void {
  // The file goes before what lies beside it: once it is gone from here, the state tells that this has to be finished.
  moveDatabase(databasePath, kept);
  renameSync(imported, databasePath);
}

/** Makes the complete database of ours. False if what stands there is not the Python server's. */
async function importDatabase(
  { config, logger, nowMs }: PythonUpgradeOptions,
  { kept, importing, imported }: Paths,
): Promise<boolean> {
  const { databasePath } = config;
  const python = openPythonDatabase(databasePath);
  if (python === null) return false;
  try {
    if (existsSync(kept)) {
      throw new Error(
        `${databasePath} is a database of the Python server, and so is ${kept}, which would be overwritten. Move one of them away.`,
      );
    }
    logger.info({ database: databasePath }, "importing the database of the Python server");
    for (const path of [importing, imported]) removeDatabase(path);
    const counts = await importEvents(python, { config: { ...config, databasePath: importing }, nowMs });
    renameSync(importing, imported);
    // Nobody else asks for this one: the lock on the database itself is held.
    removeDatabase(`${importing}.lock`);
    logCounts(logger, counts, kept);
    return true;
  } finally {
    python.close();
  }
}

/** What became of the rows. */
interface ImportCounts {
  imported: number;
  rejected: number;
  readonly rejectedByReason: Record<string, number>;
  readonly rejectedRows: unknown[];
}

async function importEvents(
  python: PythonDatabase,
  { config: { databasePath, durability, limits }, nowMs }: Pick<PythonUpgradeOptions, "config" | "nowMs">,
): Promise<ImportCounts> {
  const store = await createSqliteStore({ databasePath, durability });
  const intake = createIntake({ store, limits, nowMicros: () => nowMs() * 1000 });
  const counts: ImportCounts = { imported: 0, rejected: 0, rejectedByReason: {}, rejectedRows: [] };
  try {
    for (const rows of batchesOf(python.events(), Math.min(importBatchEvents, limits.batchMaxEvents))) {
      const outcomes = await intake.take(rows.map(eventFromRow), cylestioEvents(eventFieldsFromJson));
      for (const [index, outcome] of outcomes.entries()) {
        if (outcome.status === "rejected") countRejected(counts, outcome.violation.reason, rows[index]?.["id"]);
        else counts.imported += 1;
      }
    }
  } finally {
    await store.close();
  }
  return counts;
}

function countRejected(counts: ImportCounts, reason: string, id: unknown): void {
  counts.rejected += 1;
  counts.rejectedByReason[reason] = (counts.rejectedByReason[reason] ?? 0) + 1;
  if (counts.rejectedRows.length < namedRowsMax) counts.rejectedRows.push(id);
}

function logCounts(logger: Logger, { imported, rejected, ...which }: ImportCounts, kept: string): void {
  logger.info(
    { imported, rejected, kept },
    "imported the database of the Python server; the file itself is kept beside the new one",
  );
  if (rejected > 0) {
    logger.warn(
      { rejected, ...which, kept },
      "some events of the Python server cannot be events here, as such without a readable time; the kept file still has them",
    );
  }
}

function* batchesOf(rows: Iterable<PythonRow>, size: number): Generator<readonly PythonRow[]> {
  let batch: PythonRow[] = [];
  let characters = 0;
  for (const row of rows) {
    batch.push(row);
    characters += typeof row["data"] === "string" ? row["data"].length : 0;
    if (batch.length < size && characters < importBatchCharacters) continue;
    yield batch;
    batch = [];
    characters = 0;
  }
  if (batch.length > 0) yield batch;
}

/** The event in the legacy format that it came in. Columns that this format does not know are members like any other. */
function eventFromRow({
  id,
  data,
  duration_ms: durationMs,
  caller_file: file,
  caller_line: line,
  caller_function: name,
  ...columns
}: PythonRow): Readonly<Record<string, unknown>> {
  return {
    ...Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== null)),
    // Its rows are distinct events even where they say the same.
    event_id: `python-${String(id)}`,
    // It computed this from `data`, which still says it, and let pass what is no duration.
    duration_ms: typeof durationMs === "number" && durationMs >= 0 && Number.isFinite(durationMs) ? durationMs : null,
    caller: { file: file ?? null, line: line ?? null, function: name ?? null },
    data: typeof data === "string" ? dataFromText(data) : data,
  };
}

/** It wrote JSON with Python's `NaN`; a text that is no JSON is still what the event says. */
function dataFromText(text: string): unknown {
  const read = readFreeFormJson(text);
  return read.ok ? read.value : text;
}
