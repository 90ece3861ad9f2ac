import { copyFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import Database from "better-sqlite3";

/** A row of the Python server's `events`; what is missing has the values of `rowDefault`. */
export type PythonEventRow = Readonly<Partial<Record<keyof typeof rowDefault, unknown>>>;

/**
 * How the Python server left its database: closed; killed with a write-ahead log; killed in a transaction, which has written to the
 * file already and whose journal tells what was there before.
 */
export type PythonLeaving = "closed" | "wal" | "journal";

const rowDefault = {
  timestamp: "2025-03-18 09:15:00.101220",
  level: "INFO",
  agent_id: "inventory-helper",
  event_type: "monitoring_enabled",
  channel: "SYSTEM",
  direction: null,
  session_id: null,
  relationship_id: null,
  data: "{}",
  duration_ms: null,
  caller_file: null,
  caller_line: null,
  caller_function: null,
} as const;

/** The tables as SQLAlchemy made them. */
const schema = `
  CREATE TABLE agents (
    id INTEGER NOT NULL, agent_id VARCHAR NOT NULL, last_seen DATETIME DEFAULT (CURRENT_TIMESTAMP) NOT NULL,
    first_seen DATETIME DEFAULT (CURRENT_TIMESTAMP) NOT NULL, llm_provider VARCHAR, PRIMARY KEY (id)
  );
  CREATE UNIQUE INDEX ix_agents_agent_id ON agents (agent_id);
  CREATE TABLE events (
    id INTEGER NOT NULL, timestamp DATETIME NOT NULL, level VARCHAR NOT NULL, agent_id VARCHAR NOT NULL,
    event_type VARCHAR NOT NULL, channel VARCHAR NOT NULL, direction VARCHAR, session_id VARCHAR, relationship_id VARCHAR,
    data JSON, duration_ms FLOAT, caller_file VARCHAR, caller_line INTEGER, caller_function VARCHAR,
    PRIMARY KEY (id), FOREIGN KEY(agent_id) REFERENCES agents (agent_id)
  );
  CREATE INDEX ix_events_timestamp ON events (timestamp);
  CREATE INDEX ix_events_level ON events (level);
  CREATE INDEX ix_events_agent_id ON events (agent_id);
  CREATE INDEX ix_events_event_type ON events (event_type);
  CREATE INDEX ix_events_channel ON events (channel);
  CREATE INDEX ix_events_session_id ON events (session_id);
  CREATE TABLE sessions (
    id INTEGER NOT NULL, session_id VARCHAR NOT NULL, agent_id VARCHAR NOT NULL,
    start_time DATETIME DEFAULT (CURRENT_TIMESTAMP) NOT NULL, end_time DATETIME, total_events INTEGER NOT NULL,
    PRIMARY KEY (id), FOREIGN KEY(agent_id) REFERENCES agents (agent_id)
  );
  CREATE UNIQUE INDEX ix_sessions_session_id ON sessions (session_id);
`;

/** Files that SQLite may leave beside a database. */
const sidecarSuffixes = ["-journal", "-wal"] as const;

/** Makes a database as the Python server left it; the rows get ids from 1. */
export function createPythonDatabase(
  path: string,
  rows: readonly PythonEventRow[],
  leaving: PythonLeaving = "closed",
): void {
  mkdirSync(dirname(path), { recursive: true });
  const scratch = join(dirname(path), "python-at-work.db");
  const database = new Database(scratch);
  // Nothing here has to survive a power cut.
  database.pragma("synchronous = off");
  if (leaving === "wal") database.pragma("journal_mode = wal");
  database.exec(schema);
  database.transaction(() => insertRows(database, rows))();
  if (leaving === "journal") beginLargeTransaction(database);
  if (leaving === "closed") database.close();
  for (const suffix of ["", ...sidecarSuffixes]) {
    if (existsSync(scratch + suffix)) copyFileSync(scratch + suffix, path + suffix);
  }
  database.close();
  for (const suffix of ["", ...sidecarSuffixes]) rmSync(scratch + suffix, { force: true });
}

function insertRows(database: Database.Database, rows: readonly PythonEventRow[]): void {
  const columns = Object.keys(rowDefault);
  const insert = database.prepare(
    `insert into events (${columns.join(", ")}) values (${columns.map((name) => `@${name}`).join(", ")})`,
  );
  const addAgent = database.prepare("insert or ignore into agents (agent_id) values (?)");
  const addSession = database.prepare(
    "insert or ignore into sessions (session_id, agent_id, total_events) values (?, ?, 0)",
  );
  for (const row of rows) {
    const complete = { ...rowDefault, ...row };
    addAgent.run(complete.agent_id);
    if (complete.session_id !== null) addSession.run(complete.session_id, complete.agent_id);
    insert.run(complete);
  }
}

/** Changes every row and adds so many that the file, and not only the cache, is written to before any commit. */
function beginLargeTransaction(database: Database.Database): void {
  // A journal counts only when it was written out, which it is before the file is.
  database.pragma("synchronous = full");
  database.pragma("cache_size = 5");
  database.exec("begin");
  database.exec("update events set level = 'UNCOMMITTED'");
  insertRows(
    database,
    Array.from({ length: 200 }, () => ({ event_type: "uncommitted", data: `"${"x".repeat(1000)}"` })),
  );
}
