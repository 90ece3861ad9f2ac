import type { Database, Statement } from "better-sqlite3";
import type { Event } from "../../model/event.ts";
import { type Pair, pairParts, partitionKeyOf, partitionNameOf } from "../../model/pairing.ts";
import type { PriceBook } from "../../pricing/price-table.ts";
import type { EventKeys } from "./agent-ledger.ts";
import { contributionOf } from "./call-contribution.ts";
import { createLlmCallWriter, type LlmCallWriter } from "./llm-call-writer.ts";
import { durationMsOf, type OperationPlan, type Part, pairedMsOf } from "./operation-plan.ts";
import {
  createOperationFinder,
  llmToText,
  type OperationFinder,
  type OperationRow,
  tiesToText,
} from "./operation-row.ts";
import type { OperationWatcher } from "./rollup-writer.ts";

/** Keeps the table of operations in step with the events. Every call must run inside the transaction that stores the events. */
export interface OperationWriter {
  /** Pairs the parts that were just stored (those with a sequence) with those that are there, again where need be. */
  write(plan: OperationPlan): void;
  /**
   * Gives the operation of an event that tells it alone, if it does, to another agent or session. Call before `write`, which
   * follows in the same transaction.
   */
  move(event: MovedEvent): void;
  /** Forgets what a write had begun. Call after a rollback. */
  forget(): void;
}

/** An event that goes to another agent or session. */
export interface MovedEvent extends Pick<Event, "id" | "traceId" | "spanId" | "parentSpanId"> {
  readonly sequence: number;
  readonly from: Pick<Event, "agentId" | "sessionId">;
  readonly to: Pick<Event, "agentId" | "sessionId"> & EventKeys;
}

interface Statements {
  readonly insert: Statement;
  readonly update: Statement;
  readonly remove: Statement;
  readonly setPairedDuration: Statement;
  readonly find: Statement<[number], Pick<OperationRow, "kind" | "name">>;
  readonly move: Statement;
}

/** Prepares the statements on the writer's connection. */
export function createOperationWriter(
  database: Database,
  prices: PriceBook,
  watcher: OperationWatcher,
): OperationWriter {
  const statements = prepare(database);
  const finder = createOperationFinder(database);
  const llmCalls = createLlmCallWriter(database, prices, watcher);
  const tables = { statements, llmCalls, watcher };
  return {
    write({ partitions }) {
      const additions: Addition[] = [];
      for (const partition of partitions) {
        const parts = partition.parts.filter(({ sequence }) => sequence !== null);
        if (parts.length === 0) continue;
        const key = partitionKeyOf(partition.name);
        // An event that is all of its partition was just stored, so that nothing can be there.
        const isNew = partition.name.onlyEventId !== null || !finder.any(key);
        const isPlanTrue = isNew && parts.length === partition.parts.length;
        const rows = isNew ? [] : findRows(finder, key, parts);
        for (const part of newParents(parts, rows)) llmCalls.partAdded(partition.name.run, part);
        const pairs = isPlanTrue ? partition.pairs : pairParts([...parts, ...rows.flatMap(partsOf)]);
        additions.push(...changeRows(tables, rows, pairs).map((pair) => ({ id: idOf(pair), key, pair })));
      }
      // In order of their keys, so that the table grows at its end.
      for (const addition of additions.sort((a, b) => a.id - b.id)) addOperation(tables, addition);
      llmCalls.flush();
    },
    move(event) {
      const { sequence, from, to } = event;
      const row = statements.find.get(sequence);
      if (row === undefined) return;
      watcher.operationChanging(sequence);
      const key = partitionKeyOf(partitionNameOf({ ...event, ...to }, { family: row.name, isAlone: true }));
      statements.move.run(key, to.agentKey, to.sessionKey, sequence);
      if (from.agentId !== to.agentId) llmCalls.move(sequence, event);
    },
    forget: () => llmCalls.forget(),
  };
}

/**
 * The operations that new parts may change: pairing goes by time, so what was finished before the earliest of them stays as it
 * is. Starts that no finish follows stay open, whatever else is: so a partition in which nothing ever finishes costs no more.
 */
function findRows(finder: OperationFinder, key: Buffer, parts: readonly Part[]): readonly OperationRow[] {
  const fromMicros = parts.reduce((least, part) => Math.min(least, part.timeMicros), Number.POSITIVE_INFINITY);
  if (parts.every((part) => !part.finish)) {
    const finished = finder.finished(key, fromMicros);
    if (finished.length === 0) return finished;
  }
  return finder.finishedOrOpen(key, fromMicros);
}

/** Those of the parts that tell a parent of their span which the operations there have not told. */
function newParents(parts: readonly Part[], rows: readonly OperationRow[]): readonly Part[] {
  if (rows.length === 0) return parts;
  const known = new Set(rows.flatMap(partsOf).map(({ place }) => place.parentSpanId));
  return parts.filter(({ place }) => !known.has(place.parentSpanId));
}

function partsOf({ start, finish }: OperationRow): readonly Part[] {
  return [start, finish].filter((part) => part !== null);
}

interface Tables {
  readonly statements: Statements;
  readonly llmCalls: LlmCallWriter;
  readonly watcher: OperationWatcher;
}

/** An operation that has no row yet. */
interface Addition {
  readonly id: number;
  /** Of its partition. */
  readonly key: Buffer;
  readonly pair: Pair<Part>;
}

/** An operation is known by its start, or, without one, by its finish: both are stored by now. */
function idOf({ start, finish }: Pair<Part>): number {
  const { sequence } = start ?? finish;
  if (sequence === null) throw new Error("an operation's event is not stored");
  return sequence;
}

/** Brings the rows of a partition in line with how its parts pair now. Returns the pairs that need a row of their own. */
function changeRows(
  { statements, llmCalls, watcher }: Tables,
  rows: readonly OperationRow[],
  pairs: readonly Pair<Part>[],
): readonly Pair<Part>[] {
  if (rows.length === 0) return pairs;
  const before = new Map(rows.map((row) => [row.id, row]));
  const additions: Pair<Part>[] = [];
  for (const pair of pairs) {
    const id = idOf(pair);
    const row = before.get(id);
    before.delete(id);
    if (row === undefined) additions.push(pair);
    else if (row.finish?.sequence !== pair.finish?.sequence) {
      watcher.operationChanging(id);
      statements.update.run(finishValues(pair), id);
      if (row.kind === "llm") llmCalls.write(id, pair);
      setPairedDuration(statements, pair);
    }
  }
  for (const { id, kind } of before.values()) {
    watcher.operationChanging(id);
    if (kind === "llm") llmCalls.remove(id);
    statements.remove.run(id);
  }
  return additions;
}

function addOperation({ statements, llmCalls, watcher }: Tables, { id, key, pair }: Addition): void {
  const part = pair.start ?? pair.finish;
  statements.insert.run([id, key, ...startValues(pair), ...finishValues(pair)]);
  const call = part.kind === "llm" ? llmCalls.write(id, pair) : null;
  setPairedDuration(statements, pair);
  watcher.operationAdded(contributionOf(pair, call));
}

/** Writes how long a pair took to the event of its finish, unless it was inserted with it. */
function setPairedDuration({ setPairedDuration: statement }: Statements, { start, finish }: Pair<Part>): void {
  if (finish === null) return;
  const pairedMs = pairedMsOf(start, finish);
  if (pairedMs !== finish.pairedMs) statement.run(pairedMs, finish.sequence);
}

function startValues({ start, finish }: Pair<Part>): unknown[] {
  const part = start ?? finish;
  return [
    part.agentKey,
    part.sessionKey,
    part.kind,
    part.name,
    part.timeMicros,
    start?.sequence ?? null,
    start?.timeMicros ?? null,
    start === null ? null : tiesToText(start.ties),
    start?.toolName ?? null,
    llmToText(start),
  ];
}

function finishValues({ start, finish }: Pair<Part>): unknown[] {
  return [
    finish?.sequence ?? null,
    finish?.timeMicros ?? null,
    finish === null ? null : tiesToText(finish.ties),
    finish?.toolName ?? null,
    llmToText(finish),
    finish?.outcome ?? null,
    durationMsOf(start, finish),
  ];
}

function prepare(database: Database): Statements {
  return {
    insert: database.prepare(
      `insert into operations (id, partition_key, agent_key, session_key, kind, name, at_micros, start_sequence, start_micros,
        start_ties, start_tool_name, start_llm, finish_sequence, finish_micros, finish_ties, finish_tool_name, finish_llm, outcome,
        duration_ms) values (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
    ),
    update: database.prepare(
      `update operations set finish_sequence = ?, finish_micros = ?, finish_ties = ?, finish_tool_name = ?, finish_llm = ?,
        outcome = ?, duration_ms = ? where id = ?`,
    ),
    remove: database.prepare("delete from operations where id = ?"),
    find: database.prepare("select kind, name from operations where id = ?"),
    move: database.prepare("update operations set partition_key = ?, agent_key = ?, session_key = ? where id = ?"),
    setPairedDuration: database.prepare("update events set paired_duration_ms = ? where sequence = ?"),
  };
}
