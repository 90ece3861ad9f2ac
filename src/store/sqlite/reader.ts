import type { Database, Statement } from "better-sqlite3";
import { createMemo } from "../../model/memo.ts";
import type { MetricStore, TelemetryStore } from "../store.ts";
import { countEvents, measureLatency } from "./agent-metric-reader.ts";
import { findAgent, listAgents } from "./agent-reader.ts";
import { findAlert, listAlerts } from "./alert-reader.ts";
import { findEvent, listEvents } from "./event-reader.ts";
import { getLastSequence, listEventsAfter } from "./event-tail-reader.ts";
import { listMetrics } from "./metric-name-reader.ts";
import { createMetricReader } from "./metric-reader.ts";
import { findOperation, listOperations } from "./operation-reader.ts";
import { listPoints } from "./point-reader.ts";
import { getIndexedSequence, searchTexts } from "./search-reader.ts";
import { listSessions } from "./session-reader.ts";
import { storeErrorFrom } from "./store-error.ts";
import { findTraceOperations, listTraces } from "./trace-reader.ts";

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
  | "listSessions"
  | "listOperations"
  | "findOperation"
  | "listTraces"
  | "findTraceOperations"
  | "listAlerts"
  | "findAlert"
  | "getIndexedSequence"
  | "searchTexts"
  | "listMetrics"
  | "listPoints"
  | keyof MetricStore
  | "ping"
>;

/**
 * Rows that one page examines by default where a filter has no index of its own (an event's channel, the model of a call, …).
 * Enough to fill a page from all but the rarest values, little enough to answer in milliseconds.
 */
export const examinedRowsMaxDefault = 20_000;

/** Prepared statements that are kept. */
const statementsMax = 200;

/** Runs one statement and gives its rows. The caller names the row's type beside the statement's text. */
export type RunQuery = <Row>(sql: string, parameters: readonly unknown[]) => Promise<Row[]>;

/**
 * Answers questions on a connection. By prepared statements, because `EntityManager.execute` writes the parameters into the
 * text of the statement, where a NUL in a name ends it.
 */
export function createReader(database: Database, examinedRowsMax?: number): Reader {
  // Watchers ask the same question at every commit: to prepare the statements took a quarter of its time.
  const statements = createMemo<Statement<unknown[]>>(statementsMax);
  const run: RunQuery = async <Row>(sql: string, parameters: readonly unknown[]) => {
    try {
      const statement = statements(sql, () => database.prepare<unknown[]>(sql));
      // What a statement selects is written beside the row type that its caller passes.
      return statement.all(...parameters) as Row[];
    } catch (error) {
      throw storeErrorFrom(error);
    }
  };
  return createReaderOn(run, examinedRowsMax);
}

/** The same on any way to run statements; tests look at the statements through it. */
export function createReaderOn(run: RunQuery, examinedRowsMax: number = examinedRowsMaxDefault): Reader {
  return {
    ...createMetricReader(run),
    findAgent: (agentId) => findAgent(run, agentId),
    listAgents: (query) => listAgents(run, query),
    findEvent: (eventId) => findEvent(run, eventId),
    listEvents: (query) => listEvents(run, query, examinedRowsMax),
    listEventsAfter: (query) => listEventsAfter(run, query),
    getLastSequence: () => getLastSequence(run),
    countEvents: (query) => countEvents(run, query),
    measureLatency: (query) => measureLatency(run, query),
    listSessions: (query) => listSessions(run, query, examinedRowsMax),
    listOperations: (query) => listOperations(run, query, examinedRowsMax),
    findOperation: (id) => findOperation(run, id),
    listTraces: (query) => listTraces(run, query, examinedRowsMax),
    findTraceOperations: (query) => findTraceOperations(run, query, examinedRowsMax),
    listAlerts: (query) => listAlerts(run, query, examinedRowsMax),
    findAlert: (eventId) => findAlert(run, eventId),
    getIndexedSequence: () => getIndexedSequence(run),
    searchTexts: (query) => searchTexts(run, query, examinedRowsMax),
    listMetrics: (query) => listMetrics(run, query),
    listPoints: (query) => listPoints(run, query, examinedRowsMax),
    async ping() {
      await run("select 1", []);
    },
  };
}
