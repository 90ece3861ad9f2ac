import type { Database, Statement } from "better-sqlite3";
import type { OperationKind, OperationOutcome } from "../../model/event.ts";
import type { LlmFacts } from "../../model/llm-call.ts";
import { noTies, type Ties } from "../../model/pairing.ts";
import { eventIdFromBytes } from "./event-row.ts";
import type { Part, SpanPlace } from "./operation-plan.ts";

/** An operation with what its two events say, as the writer reads it back. */
export interface OperationRow {
  /** Sequence of the start, or, without one, of the finish. */
  readonly id: number;
  readonly agentKey: number;
  readonly kind: OperationKind;
  readonly name: string;
  readonly outcome: OperationOutcome | null;
  /** At least one of the two is there. */
  readonly start: Part | null;
  readonly finish: Part | null;
}

/** What the statement selects for one of the two events; all null where the operation does not have it. */
interface PartColumns {
  readonly sequence: number | null;
  readonly event_id: Uint8Array | null;
  readonly micros: number | null;
  readonly ties: string | null;
  readonly tool_name: string | null;
  readonly llm: string | null;
  readonly session_key: number | null;
  readonly reported_ms: number | null;
  readonly paired_ms: number | null;
  readonly trace_id: string | null;
  readonly span_id: string | null;
  readonly parent_span_id: string | null;
}

type Prefixed<Prefix extends string> = {
  readonly [Name in keyof PartColumns as `${Prefix}_${Name}`]: PartColumns[Name];
};

type Columns = Prefixed<"start"> &
  Prefixed<"finish"> & {
    readonly id: number;
    readonly agent_key: number;
    readonly agent_id: string;
    readonly kind: OperationKind;
    readonly name: string;
    readonly outcome: OperationOutcome | null;
  };

const partSql = (side: "start" | "finish") =>
  `o.${side}_sequence, o.${side}_micros, o.${side}_ties, o.${side}_tool_name, o.${side}_llm, ${side}.event_id as ${side}_event_id,
    ${side}.session_key as ${side}_session_key, ${side}.duration_ms as ${side}_reported_ms,
    ${side}.paired_duration_ms as ${side}_paired_ms, ${side}.trace_id as ${side}_trace_id, ${side}.span_id as ${side}_span_id,
    ${side}.parent_span_id as ${side}_parent_span_id`;

const rowSql = `
  select o.id, o.agent_key, a.agent_id, o.kind, o.name, o.outcome, ${partSql("start")}, ${partSql("finish")}
  from operations o join agents a on a.id = o.agent_key
  left join events start on start.sequence = o.start_sequence
  left join events finish on finish.sequence = o.finish_sequence
  where o.partition_key = :key`;

const openSql = `${rowSql} and o.finish_micros is null`;
const finishedSql = `${rowSql} and o.finish_micros >= :fromMicros`;

/** Finds the operations of one partition. */
export interface OperationFinder {
  /** Whether there are any. */
  any(key: Buffer): boolean;
  /** Those that finished at `fromMicros` or later. */
  finished(key: Buffer, fromMicros: number): readonly OperationRow[];
  /** The same and those that are open. */
  finishedOrOpen(key: Buffer, fromMicros: number): readonly OperationRow[];
}

/** Prepares the statements on the writer's connection. */
export function createOperationFinder(database: Database): OperationFinder {
  const any = database.prepare("select 1 from operations where partition_key = ? limit 1").pluck();
  const finished = database.prepare(finishedSql);
  const finishedOrOpen = database.prepare(`${openSql} union all ${finishedSql}`);
  return {
    any: (key) => any.get(key) !== undefined,
    finished: (key, fromMicros) => run(finished, key, fromMicros),
    finishedOrOpen: (key, fromMicros) => run(finishedOrOpen, key, fromMicros),
  };
}

function run(statement: Statement, key: Buffer, fromMicros: number): readonly OperationRow[] {
  // Both statements select exactly these columns.
  return (statement.all({ key, fromMicros }) as Columns[]).map(rowFrom);
}

function rowFrom(row: Columns): OperationRow {
  const { id, kind, name, outcome } = row;
  const common = { kind, name, agentKey: row.agent_key, agentId: row.agent_id };
  return {
    id,
    outcome,
    ...common,
    start: partFrom({ ...common, finish: false, outcome: null }, startColumns(row)),
    finish: partFrom({ ...common, finish: true, outcome }, finishColumns(row)),
  };
}

function partFrom(
  common: Pick<Part, "kind" | "name" | "agentKey" | "agentId" | "finish" | "outcome">,
  columns: PartColumns,
): Part | null {
  const { sequence, event_id: eventId, micros, trace_id: traceId, span_id: spanId } = columns;
  if (sequence === null || eventId === null || micros === null) return null;
  const place: SpanPlace = { traceId, spanId, parentSpanId: columns.parent_span_id };
  return {
    ...common,
    isAlone: false,
    eventId: eventIdFromBytes(eventId),
    timeMicros: micros,
    ties: tiesFromText(columns.ties),
    toolName: columns.tool_name,
    llm: llmFromText(columns.llm),
    reportedMs: common.finish ? columns.reported_ms : null,
    pairedMs: common.finish ? columns.paired_ms : null,
    place,
    sequence,
    sessionKey: columns.session_key,
  };
}

function startColumns(row: Columns): PartColumns {
  return {
    sequence: row.start_sequence,
    event_id: row.start_event_id,
    micros: row.start_micros,
    ties: row.start_ties,
    tool_name: row.start_tool_name,
    llm: row.start_llm,
    session_key: row.start_session_key,
    reported_ms: row.start_reported_ms,
    paired_ms: row.start_paired_ms,
    trace_id: row.start_trace_id,
    span_id: row.start_span_id,
    parent_span_id: row.start_parent_span_id,
  };
}

function finishColumns(row: Columns): PartColumns {
  return {
    sequence: row.finish_sequence,
    event_id: row.finish_event_id,
    micros: row.finish_micros,
    ties: row.finish_ties,
    tool_name: row.finish_tool_name,
    llm: row.finish_llm,
    session_key: row.finish_session_key,
    reported_ms: row.finish_reported_ms,
    paired_ms: row.finish_paired_ms,
    trace_id: row.finish_trace_id,
    span_id: row.finish_span_id,
    parent_span_id: row.finish_parent_span_id,
  };
}

/** Ties → the column; null where there are none. */
export function tiesToText(ties: Ties): string | null {
  return ties.every((tie) => tie === null) ? null : JSON.stringify(ties);
}

function tiesFromText(text: string | null): Ties {
  // Only `tiesToText` writes the column.
  return text === null ? noTies : (JSON.parse(text) as Ties);
}

/** A part's facts → the column, for a later part to be paired with; null where there are none, or no part may follow. */
export function llmToText(part: Part | null): string | null {
  return part === null || part.llm === null || part.isAlone ? null : JSON.stringify(part.llm);
}

function llmFromText(text: string | null): LlmFacts | null {
  // Only `llmToText` writes the column.
  return text === null ? null : (JSON.parse(text) as LlmFacts);
}
