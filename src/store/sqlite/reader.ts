import type { Database } from "better-sqlite3";
import type { TelemetryStore } from "../store.ts";
import { findAgent, listAgents } from "./agent-reader.ts";
import { countEvents, findEvent, listEvents } from "./event-reader.ts";
import { getLastSequence, listEventsAfter } from "./event-tail-reader.ts";
import { measureLatency } from "./latency-reader.ts";
import { storeErrorFrom } from "./store-error.ts";

/** The reading half of the store. */
export type Reader = Pick<
  TelemetryStore,
  | "findAgent"
  | "listAgents"
  | "findEvent"
  | "listEvents"
  | "listEventsAfter"
  | "getLastSequence"
  | "countEvents"
  | "measureLatency"
  | "ping"
>;

/**
 * Events that one page examines by default where a filter has no index of its own (channel, level, and a name without an agent).
 * Enough to fill a page from all but the rarest values, little enough to answer in milliseconds.
 */
export const examinedRowsMaxDefault = 20_000;

/** Runs one statement and gives its rows. The caller names the row's type beside the statement's text. */
export type RunQuery = <Row>(sql: string, parameters: readonly unknown[]) => Promise<Row[]>;

/**
 * Answers questions on a connection. By prepared statements, because `EntityManager.execute` writes the parameters into the
 * text of the statement, where a NUL in a name ends it.
 */
export function createReader(database: Database, examinedRowsMax?: number): Reader {
  const run: RunQuery = async <Row>(sql: string, parameters: readonly unknown[]) => {
    try {
      // What a statement selects is written beside the row type that its caller passes.
      return database.prepare<unknown[], Row>(sql).all(...parameters);
    } catch (error) {
      throw storeErrorFrom(error);
    }
  };
  return createReaderOn(run, examinedRowsMax);
}

/** The same on any way to run statements; tests look at the statements through it. */
export function createReaderOn(run: RunQuery, examinedRowsMax: number = examinedRowsMaxDefault): Reader {
  return {
    findAgent: (agentId) => findAgent(run, agentId),
    listAgents: (query) => listAgents(run, query),
    findEvent: (eventId) => findEvent(run, eventId),
    listEvents: (query) => listEvents(run, query, examinedRowsMax),
    listEventsAfter: (query) => listEventsAfter(run, query),
    getLastSequence: () => getLastSequence(run),
    countEvents: (query) => countEvents(run, query),
    measureLatency: (query) => measureLatency(run, query),
    async ping() {
      await run("select 1", []);
    },
  };
}
