import type { Database, Statement } from "better-sqlite3";
import { type Pair, pairParts, partitionKeyOf } from "../../model/pairing.ts";
import type { PriceBook } from "../../pricing/price-table.ts";
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
  /** Forgets what a write had begun. Call after a rollback. */
  forget(): void;
}

interface Statements {
  readonly insert: Statement;
  readonly update: Statement;
  readonly remove: Statement;
  readonly setPairedDuration: Statement;
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
  return {
    write({ partitions }) {
      for (const partition of partitions) {
        const parts = partition.parts.filter(({ sequence }) => sequence !== null);
        if (parts.length === 0) continue;
        const key = Buffer.from(partitionKeyOf(partition.name), "hex");
        const rows = findRows(finder, key, parts);
        const isPlanTrue = rows.length === 0 && parts.length === partition.parts.length;
        const pairs = isPlanTrue ? partition.pairs : pairParts([...parts, ...rows.flatMap(partsOf)]);
        writePairs({ statements, llmCalls, watcher }, { key, pairs, rows });
      }
      llmCalls.flush();
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

function partsOf({ start, finish }: OperationRow): readonly Part[] {
  return [start, finish].filter((part) => part !== null);
}

interface Tables {
  readonly statements: Statements;
  readonly llmCalls: LlmCallWriter;
  readonly watcher: OperationWatcher;
}

interface Partition {
  readonly key: Buffer;
  readonly pairs: readonly Pair<Part>[];
  /** The operations as they stand. */
  readonly rows: readonly OperationRow[];
}

function writePairs({ statements, llmCalls, watcher }: Tables, { key, pairs, rows }: Partition): void {
  const before = new Map(rows.map((row) => [rowName(row), row]));
  for (const pair of pairs) {
    const row = before.get(rowName(pair));
    before.delete(rowName(pair));
    if (row !== undefined && row.finish?.sequence === pair.finish?.sequence) continue;
    if (row !== undefined) {
      watcher.operationChanging(row.id);
      statements.update.run(...finishValues(pair), row.id);
    }
    const id =
      row?.id ?? Number(statements.insert.run(key, ...startValues(pair), ...finishValues(pair)).lastInsertRowid);
    if (row === undefined) watcher.operationAdded(id);
    if ((pair.start ?? pair.finish)?.kind === "llm") llmCalls.write(id, pair);
    if (pair.finish === null) continue;
    const pairedMs = pairedMsOf(pair.start, pair.finish);
    if (pairedMs !== pair.finish.pairedMs) statements.setPairedDuration.run(pairedMs, pair.finish.sequence);
  }
  for (const { id, kind } of before.values()) {
    watcher.operationChanging(id);
    if (kind === "llm") llmCalls.remove(id);
    statements.remove.run(id);
  }
}

/** An operation is known by its start, or, without one, by its finish. */
function rowName({ start, finish }: Pair<Part> | OperationRow): string {
  return start === null ? `finish ${finish?.sequence}` : `start ${start.sequence}`;
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
    llmToText(start?.llm ?? null),
  ];
}

function finishValues({ start, finish }: Pair<Part>): unknown[] {
  return [
    finish?.sequence ?? null,
    finish?.timeMicros ?? null,
    finish === null ? null : tiesToText(finish.ties),
    finish?.toolName ?? null,
    llmToText(finish?.llm ?? null),
    finish?.outcome ?? null,
    durationMsOf(start, finish),
  ];
}

function prepare(database: Database): Statements {
  return {
    insert: database.prepare(
      `insert into operations (partition_key, agent_key, session_key, kind, name, at_micros, start_sequence, start_micros,
        start_ties, start_tool_name, start_llm, finish_sequence, finish_micros, finish_ties, finish_tool_name, finish_llm, outcome,
        duration_ms) values (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
    ),
    update: database.prepare(
      `update operations set finish_sequence = ?, finish_micros = ?, finish_ties = ?, finish_tool_name = ?, finish_llm = ?,
        outcome = ?, duration_ms = ? where id = ?`,
    ),
    remove: database.prepare("delete from operations where id = ?"),
    setPairedDuration: database.prepare("update events set paired_duration_ms = ? where sequence = ?"),
  };
}
