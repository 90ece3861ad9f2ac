import { join } from "node:path";
import process from "node:process";
import type { Database } from "better-sqlite3";
import type { Event } from "../src/model/event.ts";
import type { EventKeys } from "../src/store/sqlite/agent-ledger.ts";
import { eventColumns, eventToColumns } from "../src/store/sqlite/event-row.ts";
import { createDatabase } from "./database.ts";
import { eventAt, timeMicrosAt } from "./events.ts";
import type { FloorRequest, FloorResult, FloorRows } from "./floor.ts";
import { normaliseRange } from "./normalise.ts";
import { spanEventAt } from "./otlp-spans.ts";

/* The process behind `startFloor`: it takes requests from its parent and ends with it. */

/** What is inserted: made once, as it is the same for every database. */
interface Supply {
  /** Keys of agents and sessions, as the server gives them out. */
  readonly agentKeys: Map<string, number>;
  readonly sessionKeys: Map<string, number>;
  /** Values of `eventColumns`, row by row. */
  readonly rows: unknown[][];
  readonly eventAt: (index: number) => Event | undefined;
}

const supplies: Readonly<Record<FloorRows, Supply>> = {
  events: createSupply((index) => normaliseRange({ eventAt, timeMicrosAt }, { from: index, eventCount: 1 })[0]),
  spans: createSupply(spanEventAt),
};

function createSupply(eventOf: Supply["eventAt"]): Supply {
  return { agentKeys: new Map(), sessionKeys: new Map(), rows: [], eventAt: eventOf };
}

process.on("message", (request: FloorRequest) => {
  void measure(request).then((result) => process.send?.(result));
});

async function measure(request: FloorRequest): Promise<FloorResult> {
  const { commitSize, durability, folder, warmUpEvents, maxEvents, maxSeconds } = request;
  const supply = supplies[request.rows];
  makeRows(supply, maxEvents);
  const database = await createDatabase(join(folder, "floor.db"), durability);
  try {
    insertKeys(database, supply);
    const commit = prepareCommit(database);
    const { rows } = supply;
    const firstRow = Math.ceil(warmUpEvents / commitSize) * commitSize;
    // The first commits warm up the process, at most as long as the measurement takes.
    insertRows(commit, { rows, from: 0, to: warmUpEvents, commitSize, maxSeconds });
    const { rowCount, seconds, commitMs } = insertRows(commit, {
      rows,
      from: firstRow,
      to: maxEvents,
      commitSize,
      maxSeconds,
    });
    return { eventsPerSecond: rowCount / seconds, commitMs };
  } finally {
    database.close();
  }
}

function makeRows(supply: Supply, count: number): void {
  for (let index = supply.rows.length; index < count; index += 1) {
    const event = supply.eventAt(index);
    if (event !== undefined) supply.rows.push(eventToColumns(event, keysOf(supply, event)));
  }
}

/** Rows of several agents and sessions in turn land in several places of the indexes: this is part of what an insert costs. */
function keysOf({ agentKeys, sessionKeys }: Supply, { agentId, sessionId }: Event): EventKeys {
  const agentKey = keyIn(agentKeys, agentId);
  return {
    agentKey,
    sessionKey: sessionId === null ? null : keyIn(sessionKeys, JSON.stringify([agentKey, sessionId])),
  };
}

function keyIn(keys: Map<string, number>, name: string): number {
  const key = keys.get(name) ?? keys.size + 1;
  keys.set(name, key);
  return key;
}

function insertKeys(database: Database, { agentKeys, sessionKeys }: Supply): void {
  const insertAgent = database.prepare(
    `insert into agents (id, agent_id, first_seen_micros, first_event_id, first_event_name, last_seen_micros, last_event_id,
      last_event_name) values (?, ?, 0, x'', '', 0, x'', '')`,
  );
  const insertSession = database.prepare(
    "insert into sessions (id, agent_key, session_id, start_micros, end_micros) values (?, ?, ?, 0, 0)",
  );
  database.transaction(() => {
    for (const [agentId, key] of agentKeys) insertAgent.run(key, agentId);
    for (const [name, key] of sessionKeys) {
      // Only `keysOf` makes these names.
      const [agentKey, sessionId] = JSON.parse(name) as [number, string];
      insertSession.run(key, agentKey, sessionId);
    }
  })();
}

type Commit = (rows: readonly unknown[][]) => void;

function prepareCommit(database: Database): Commit {
  const insert = database.prepare(
    `insert into events (${eventColumns.join(", ")}) values (${eventColumns.map(() => "?").join(", ")})`,
  );
  return database.transaction((rows: readonly unknown[][]) => {
    for (const row of rows) insert.run(row);
  }).immediate;
}

interface Stretch {
  readonly rows: readonly unknown[][];
  readonly from: number;
  readonly to: number;
  readonly commitSize: number;
  readonly maxSeconds: number;
}

function insertRows(commit: Commit, { rows, from, to, commitSize, maxSeconds }: Stretch) {
  const commitMs: number[] = [];
  const startedAt = performance.now();
  const deadline = startedAt + maxSeconds * 1000;
  let now = startedAt;
  let next = from;
  // At least one, so that there is a rate; only whole ones, as the rate is that of this size.
  while (next === from || (now < deadline && next + commitSize <= to)) {
    commit(rows.slice(next, next + commitSize));
    next += commitSize;
    const before = now;
    now = performance.now();
    commitMs.push(now - before);
  }
  return { rowCount: next - from, seconds: (now - startedAt) / 1000, commitMs };
}
