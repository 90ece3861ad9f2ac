import type { Database, Statement } from "better-sqlite3";
import type { OperationKind, OperationOutcome } from "../../model/event.ts";
import { noTies, type Pair, pairParts, partitionKeyOf, type Ties } from "../../model/pairing.ts";
import { eventIdFromBytes } from "./event-row.ts";
import { durationMsOf, type OperationPlan, type Part, pairedMsOf } from "./operation-plan.ts";

/** Keeps the table of operations in step with the events. Every call must run inside the transaction that stores the events. */
export interface OperationWriter {
  /** Pairs the parts that were just stored (those with a sequence) with those that are there, again where need be. */
  write(plan: OperationPlan): void;
}

interface OperationRow {
  readonly id: number;
  readonly agent_key: number;
  readonly kind: OperationKind;
  readonly start_sequence: number | null;
  readonly start_event_id: Uint8Array | null;
  readonly start_micros: number | null;
  readonly start_ties: string | null;
  readonly start_tool_name: string | null;
  readonly finish_sequence: number | null;
  readonly finish_event_id: Uint8Array | null;
  readonly finish_micros: number | null;
  readonly finish_ties: string | null;
  readonly finish_tool_name: string | null;
  readonly outcome: OperationOutcome | null;
  readonly reported_ms: number | null;
  readonly paired_ms: number | null;
}

interface Statements {
  readonly find: Statement;
  readonly findFinished: Statement;
  readonly insert: Statement;
  readonly update: Statement;
  readonly remove: Statement;
  readonly setPairedDuration: Statement;
}

/** Prepares the statements on the writer's connection. */
export function createOperationWriter(database: Database): OperationWriter {
  const statements = prepare(database);
  return {
    write({ partitions }) {
      for (const partition of partitions) {
        const parts = partition.parts.filter(({ sequence }) => sequence !== null);
        if (parts.length === 0) continue;
        const key = Buffer.from(partitionKeyOf(partition.name), "hex");
        const rows = findRows(statements, key, parts);
        const isPlanTrue = rows.length === 0 && parts.length === partition.parts.length;
        const pairs = isPlanTrue ? partition.pairs : pairParts([...parts, ...rows.flatMap(partsFromRow)]);
        writePairs(statements, { key, pairs, rows });
      }
    },
  };
}

/**
 * The operations that new parts may change: pairing goes by time, so what was finished before the earliest of them stays as it
 * is. Starts that no finish follows stay open, whatever else is: so a partition in which nothing ever finishes costs no more.
 */
function findRows(statements: Statements, key: Buffer, parts: readonly Part[]): readonly OperationRow[] {
  const fromMicros = parts.reduce((least, part) => Math.min(least, part.timeMicros), Number.POSITIVE_INFINITY);
  if (parts.every((part) => !part.finish)) {
    // Both statements name exactly these columns.
    const finished = statements.findFinished.all({ key, fromMicros }) as OperationRow[];
    if (finished.length === 0) return finished;
  }
  return statements.find.all({ key, fromMicros }) as OperationRow[];
}

interface Partition {
  readonly key: Buffer;
  readonly pairs: readonly Pair<Part>[];
  /** The operations as they stand. */
  readonly rows: readonly OperationRow[];
}

function writePairs(statements: Statements, { key, pairs, rows }: Partition): void {
  const before = new Map(rows.map((row) => [rowName(row.start_sequence, row.finish_sequence), row]));
  for (const { start, finish } of pairs) {
    const name = rowName(start?.sequence ?? null, finish?.sequence ?? null);
    const row = before.get(name);
    before.delete(name);
    if (row !== undefined && row.finish_sequence === (finish?.sequence ?? null)) continue;
    if (row === undefined) insertPair(statements, key, { start, finish });
    else statements.update.run(...finishValues(start, finish), row.id);
    if (finish === null) continue;
    const pairedMs = pairedMsOf(start, finish);
    if (pairedMs !== finish.pairedMs) statements.setPairedDuration.run(pairedMs, finish.sequence);
  }
  for (const row of before.values()) statements.remove.run(row.id);
}

function insertPair(
  statements: Statements,
  key: Buffer,
  { start, finish }: { readonly start: Part | null; readonly finish: Part | null },
): void {
  const part = start ?? finish;
  statements.insert.run(
    key,
    part?.agentKey,
    part?.kind,
    start?.sequence ?? null,
    start?.timeMicros ?? null,
    tiesToText(start?.ties),
    start?.toolName ?? null,
    ...finishValues(start, finish),
  );
}

function finishValues(start: Part | null, finish: Part | null): unknown[] {
  return [
    finish?.sequence ?? null,
    finish?.timeMicros ?? null,
    tiesToText(finish?.ties),
    finish?.toolName ?? null,
    finish?.outcome ?? null,
    durationMsOf(start, finish),
  ];
}

/** A row is known by its start, or, without one, by its finish. */
function rowName(startSequence: number | null, finishSequence: number | null): string {
  return startSequence === null ? `finish ${finishSequence}` : `start ${startSequence}`;
}

function partsFromRow(row: OperationRow): Part[] {
  const parts: Part[] = [];
  if (row.start_sequence !== null && row.start_micros !== null && row.start_event_id !== null) {
    parts.push({
      kind: row.kind,
      toolName: row.start_tool_name,
      eventId: eventIdFromBytes(row.start_event_id),
      timeMicros: row.start_micros,
      finish: false,
      ties: tiesFromText(row.start_ties),
      sequence: row.start_sequence,
      agentKey: row.agent_key,
      outcome: null,
      reportedMs: null,
      pairedMs: null,
    });
  }
  if (row.finish_sequence !== null && row.finish_micros !== null && row.finish_event_id !== null) {
    parts.push({
      kind: row.kind,
      toolName: row.finish_tool_name,
      eventId: eventIdFromBytes(row.finish_event_id),
      timeMicros: row.finish_micros,
      finish: true,
      ties: tiesFromText(row.finish_ties),
      sequence: row.finish_sequence,
      agentKey: row.agent_key,
      outcome: row.outcome,
      reportedMs: row.reported_ms,
      pairedMs: row.paired_ms,
    });
  }
  return parts;
}

function tiesToText(ties: Ties | undefined): string | null {
  return ties === undefined || ties.every((tie) => tie === null) ? null : JSON.stringify(ties);
}

function tiesFromText(text: string | null): Ties {
  // Only `tiesToText` writes the column.
  return text === null ? noTies : (JSON.parse(text) as Ties);
}

const operationRowSql = `
  select o.id, o.agent_key, o.kind, o.start_sequence, o.start_micros, o.start_ties, o.start_tool_name,
    o.finish_sequence, o.finish_micros, o.finish_ties, o.finish_tool_name, o.outcome,
    s.event_id as start_event_id, f.event_id as finish_event_id, f.duration_ms as reported_ms,
    f.paired_duration_ms as paired_ms
  from operations o
  left join events s on s.sequence = o.start_sequence
  left join events f on f.sequence = o.finish_sequence`;

const openSql = `${operationRowSql} where o.partition_key = :key and o.finish_micros is null`;
const finishedSql = `${operationRowSql} where o.partition_key = :key and o.finish_micros >= :fromMicros`;

function prepare(database: Database): Statements {
  return {
    find: database.prepare(`${openSql} union all ${finishedSql}`),
    findFinished: database.prepare(finishedSql),
    insert: database.prepare(
      `insert into operations (partition_key, agent_key, kind, start_sequence, start_micros, start_ties, start_tool_name,
        finish_sequence, finish_micros, finish_ties, finish_tool_name, outcome, duration_ms) values (?,?,?,?,?,?,?,?,?,?,?,?,?)`,
    ),
    update: database.prepare(
      `update operations set finish_sequence = ?, finish_micros = ?, finish_ties = ?, finish_tool_name = ?, outcome = ?,
        duration_ms = ? where id = ?`,
    ),
    remove: database.prepare("delete from operations where id = ?"),
    setPairedDuration: database.prepare("update events set paired_duration_ms = ? where sequence = ?"),
  };
}
