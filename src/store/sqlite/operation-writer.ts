import type { Database, Statement } from "better-sqlite3";
import type { Event, OperationKind, OperationOutcome, OperationPart } from "../../model/event.ts";
import {
  noTies,
  operationDurationMs,
  type Pair,
  type PairingPart,
  pairParts,
  partitionKeyOf,
  type Ties,
  tiesOf,
} from "../../model/pairing.ts";
import { eventIdFromBytes } from "./event-row.ts";

/** Keeps the table of operations in step with the events. Every call must run inside the transaction that stores the events. */
export interface OperationWriter {
  /** Pairs the parts of events that were just stored with each other and with those that are there, again where need be. */
  add(events: readonly StoredPart[]): void;
}

/** An event that was just stored and is part of an operation. */
export interface StoredPart {
  readonly event: Event;
  readonly part: OperationPart;
  readonly sequence: number;
  readonly agentKey: number;
}

/** One part, whether new or read back. */
interface Part extends PairingPart {
  readonly sequence: number;
  readonly kind: OperationKind;
  readonly toolName: string | null;
  readonly outcome: OperationOutcome | null;
  readonly reportedMs: number | null;
}

interface OperationRow {
  readonly id: number;
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
}

interface Statements {
  readonly findOpen: Statement;
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
    add(events) {
      const partitions = new Map<string, { readonly agentKey: number; readonly parts: Part[] }>();
      for (const stored of events) {
        const key = partitionKeyOf(stored.event, stored.part);
        const known = partitions.get(key);
        if (known === undefined) partitions.set(key, { agentKey: stored.agentKey, parts: [partFromEvent(stored)] });
        else known.parts.push(partFromEvent(stored));
      }
      for (const [key, partition] of partitions) repair(statements, { ...partition, key: Buffer.from(key, "hex") });
    },
  };
}

/**
 * Pairs a partition again from the time of the earliest new part on: what was finished before that time stays as it is, because
 * pairing goes by time.
 */
function repair(
  statements: Statements,
  partition: { readonly key: Buffer; readonly agentKey: number; readonly parts: readonly Part[] },
): void {
  const fromMicros = partition.parts.reduce(
    (least, part) => Math.min(least, part.timeMicros),
    Number.POSITIVE_INFINITY,
  );
  // The statements name exactly these columns.
  const finished = statements.findFinished.all(partition.key, fromMicros) as OperationRow[];
  // Starts that no finish follows stay open, whatever else is: so a partition in which nothing ever finishes costs no more.
  const closesNothing = finished.length === 0 && partition.parts.every((part) => !part.finish);
  const open = closesNothing ? [] : (statements.findOpen.all(partition.key) as OperationRow[]);
  const rows = [...finished, ...open];
  const before = new Map(rows.map((row) => [rowName(row.start_sequence, row.finish_sequence), row]));
  for (const pair of pairParts([...partition.parts, ...rows.flatMap(partsFromRow)])) {
    const name = rowName(pair.start?.sequence ?? null, pair.finish?.sequence ?? null);
    const row = before.get(name);
    before.delete(name);
    if (row !== undefined && row.finish_sequence === (pair.finish?.sequence ?? null)) continue;
    writePair(statements, { partition, pair, rowId: row?.id });
  }
  for (const row of before.values()) statements.remove.run(row.id);
}

function writePair(
  statements: Statements,
  {
    partition,
    pair: { start, finish },
    rowId,
  }: {
    readonly partition: { readonly key: Buffer; readonly agentKey: number };
    readonly pair: Pair<Part>;
    readonly rowId: number | undefined;
  },
): void {
  const durationMs = operationDurationMs({
    startMicros: start?.timeMicros ?? null,
    finishMicros: finish?.timeMicros ?? null,
    reportedMs: finish?.reportedMs ?? null,
  });
  const values = [
    finish?.sequence ?? null,
    finish?.timeMicros ?? null,
    tiesToText(finish?.ties),
    finish?.toolName ?? null,
    finish?.outcome ?? null,
    durationMs,
  ];
  if (rowId === undefined) {
    const kind = (start ?? finish)?.kind;
    const startValues = [
      start?.sequence ?? null,
      start?.timeMicros ?? null,
      tiesToText(start?.ties),
      start?.toolName ?? null,
    ];
    statements.insert.run(partition.key, partition.agentKey, kind, ...startValues, ...values);
  } else {
    statements.update.run(...values, rowId);
  }
  if (finish !== null && finish.reportedMs === null) statements.setPairedDuration.run(durationMs, finish.sequence);
}

/** A row is known by its start, or, without one, by its finish. */
function rowName(startSequence: number | null, finishSequence: number | null): string {
  return startSequence === null ? `finish ${finishSequence}` : `start ${startSequence}`;
}

function partFromEvent({ event, part, sequence }: StoredPart): Part {
  return {
    eventId: event.id,
    timeMicros: event.timeMicros,
    finish: part.outcome !== null,
    ties: tiesOf(event, part),
    sequence,
    kind: part.kind,
    toolName: part.toolName,
    outcome: part.outcome,
    reportedMs: event.durationMs,
  };
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
      outcome: null,
      reportedMs: null,
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
      outcome: row.outcome,
      reportedMs: row.reported_ms,
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
  select o.id, o.kind, o.start_sequence, o.start_micros, o.start_ties, o.start_tool_name,
    o.finish_sequence, o.finish_micros, o.finish_ties, o.finish_tool_name, o.outcome,
    s.event_id as start_event_id, f.event_id as finish_event_id, f.duration_ms as reported_ms
  from operations o
  left join events s on s.sequence = o.start_sequence
  left join events f on f.sequence = o.finish_sequence`;

function prepare(database: Database): Statements {
  return {
    findOpen: database.prepare(`${operationRowSql} where o.partition_key = ? and o.finish_micros is null`),
    findFinished: database.prepare(`${operationRowSql} where o.partition_key = ? and o.finish_micros >= ?`),
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
