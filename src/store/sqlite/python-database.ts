import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import Database from "better-sqlite3";
import { applicationId, inspectDatabaseFile } from "./database-file.ts";

/** A row of the Python server's `events`, by column. Which columns there are depends on the version that made the table. */
export type PythonRow = Readonly<Record<string, unknown>>;

/** The database of the earlier Python server: tables `agents`, `events`, `sessions`. It is read and moved, never written. */
export interface PythonDatabase {
  /** The rows of `events` in the order in which they were written. */
  events(): Iterable<PythonRow>;
  /** Lets go of the database. */
  close(): void;
}

/** Files that SQLite keeps beside a database; one left behind is part of the data. */
const sidecarSuffixes = ["-journal", "-wal", "-shm"];

/**
 * Opens what the Python server left at `path`; null if there is nothing or something else. The file and those beside it stay as
 * they are: SQLite would repair a database that was not closed in good order, so of such a one a copy (`.copy`) is read, which
 * goes away with `close`.
 */
export function openPythonDatabase(path: string): PythonDatabase | null {
  if (!isForeignDatabase(path)) return null;
  const source = isClosedInGoodOrder(path) ? path : repairedCopyOf(path);
  const removeCopy = () => {
    if (source !== path) removeDatabase(source);
  };
  if (inspectDatabaseFile(source) !== "python") {
    removeCopy();
    return null;
  }
  const database = new Database(source, { readonly: true });
  return {
    // A row of this statement is an object by column.
    events: () => database.prepare("select * from events order by id").iterate() as IterableIterator<PythonRow>,
    close() {
      database.close();
      removeCopy();
    },
  };
}

/** Whether the file is an SQLite database without our mark, by its header (https://sqlite.org/fileformat2.html, 1.3). */
export function isForeignDatabase(path: string): boolean {
  const header = readHeader(path);
  return header.toString("latin1", 0, 16) === "SQLite format 3\0" && header.readUInt32BE(68) !== applicationId;
}

/**
 * Moves a database with what SQLite keeps beside it. What was moved already may be missing, so that a move that was cut off
 * can be done again.
 */
export function moveDatabase(from: string, to: string): void {
  for (const suffix of ["", ...sidecarSuffixes]) if (existsSync(from + suffix)) renameSync(from + suffix, to + suffix);
}

/** Removes a database with what SQLite keeps beside it; none is fine. */
export function removeDatabase(path: string): void {
  for (const suffix of [...sidecarSuffixes, ""]) rmSync(path + suffix, { force: true });
}

/** Whether SQLite can read the file without writing: nothing is left beside it, and it needs no write-ahead log (its format is 1). */
function isClosedInGoodOrder(path: string): boolean {
  return !sidecarSuffixes.some((suffix) => existsSync(path + suffix)) && readHeader(path).readUInt8(19) === 1;
}

/** The first 100 bytes of the file, which are zeros as far as there are none. */
function readHeader(path: string): Buffer {
  const header = Buffer.alloc(100);
  if (!existsSync(path) || !statSync(path).isFile()) return header;
  const file = openSync(path, "r");
  try {
    readSync(file, header);
  } finally {
    closeSync(file);
  }
  return header;
}

/** Beside the original, because there is a file system that has room for it. */
function repairedCopyOf(path: string): string {
  const copy = `${path}.copy`;
  removeDatabase(copy);
  for (const suffix of ["", ...sidecarSuffixes]) {
    if (existsSync(path + suffix)) copyFileSync(path + suffix, copy + suffix, constants.COPYFILE_FICLONE);
  }
  const database = new Database(copy);
  try {
    // Brings in a write-ahead log; reading alone has already rolled back a journal.
    database.pragma("journal_mode = delete");
  } finally {
    database.close();
  }
  return copy;
}
