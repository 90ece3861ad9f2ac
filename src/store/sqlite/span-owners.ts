import type { Database, Statement } from "better-sqlite3";
import type { Event } from "../../model/event.ts";
import { eventIdFromBytes, eventIdToBytes } from "./event-row.ts";

/**
 * Knows whose OpenTelemetry events are that do not tell it themselves. The agent of an event is its own, else that of the nearest span
 * above it in its trace which tells one, else its resource's service; so is its session, independently, else it has none. A log record
 * lies in a span: the nearest above it is that span.
 *
 * Looked at are `levelsMax` levels, so that cycles end. Of several spans with one id that with the least event id counts. So whose
 * an event is depends on the set of events alone.
 */
export interface SpanOwners {
  /** Gives events that are about to be stored to their agents and sessions. Call inside the transaction that stores them. */
  attribute(events: readonly Event[]): OwnedBatch;
}

/** Events of one transaction. */
export interface OwnedBatch {
  /** The same events, in the same order, with the agent and session that they have by what is stored and by one another. */
  readonly events: readonly Event[];
  /** The event at this place was stored. */
  stored(index: number, sequence: number): void;
  /** Which events that were there before go to another agent or session because of those that were stored now. */
  findMoves(): readonly Move[];
}

/** An event goes to another agent or session. */
export interface Move {
  readonly sequence: number;
  readonly agentId: string;
  readonly sessionId: string | null;
}

/** Levels above an event from which it takes its agent and session: clients that leak spans nest all that follows. */
export const levelsMax = 1_000;

/** An OpenTelemetry event of a trace, as far as ownership goes. */
interface Span {
  readonly eventId: string;
  readonly traceId: string;
  readonly spanId: string | null;
  readonly parentSpanId: string | null;
  readonly agentId: string | null;
  readonly sessionId: string | null;
  readonly service: string | null;
  /** The span that it lies in; undefined until it was looked for. */
  above: Span | null | undefined;
}

type Owner = "agentId" | "sessionId";

/** Whether an event's agent may be another one once a span above it came. Its own it keeps. */
export function isMovable({ ownership, traceId }: Pick<Event, "ownership" | "traceId">): boolean {
  return ownership !== null && ownership.agentId === null && traceId !== null;
}

/** Prepares the statements on the writer's connection. */
export function createSpanOwners(database: Database): SpanOwners {
  const statements = prepare(database);
  return {
    attribute(events) {
      const spans = events.map(spanOf);
      const finder = createFinder(statements, spans);
      const added = new Map<number, Span>();
      return {
        events: events.map((event, index) => attributed(event, spans[index] ?? null, finder)),
        stored(index, sequence) {
          const span = spans[index] ?? null;
          if (span === null) return;
          statements.add.run(sequence, ...valuesOf(span));
          added.set(sequence, span);
        },
        findMoves: () => findMoves(statements, finder, added),
      };
    },
  };
}

function spanOf({ id, ownership, traceId, spanId, parentSpanId, channel, agentId }: Event): Span | null {
  if (ownership === null || traceId === null) return null;
  const place = channel === "LOG" ? { spanId: null, parentSpanId: spanId } : { spanId, parentSpanId };
  const service = ownership.agentId === null ? agentId : null;
  const { agentId: ownAgentId, sessionId } = ownership;
  return { eventId: id, traceId, ...place, agentId: ownAgentId, sessionId, service, above: undefined };
}

function attributed(event: Event, span: Span | null, finder: Finder): Event {
  if (span === null) return event;
  const { agentId, sessionId } = ownersOf(span, finder);
  return agentId === event.agentId && sessionId === event.sessionId ? event : { ...event, agentId, sessionId };
}

function ownersOf(span: Span, finder: Finder): Pick<Event, Owner> {
  const agentId = nearest(span, "agentId", finder) ?? span.service;
  if (agentId === null) throw new Error(`nobody has the event ${span.eventId}`);
  return { agentId, sessionId: nearest(span, "sessionId", finder) };
}

/** What the event itself or else the nearest span above it tells. */
function nearest(span: Span, owner: Owner, finder: Finder): string | null {
  let at: Span | null = span;
  for (let level = 0; at !== null && level <= levelsMax; level += 1) {
    if (at[owner] !== null) return at[owner];
    at = finder.above(at);
  }
  return null;
}

/** Finds spans among those of a transaction and those that are stored, each once. */
interface Finder {
  /** The span that counts of those with this id. */
  find(traceId: string, spanId: string): Span | null;
  /** The span that this one lies in. */
  above(span: Span): Span | null;
  /** Whether events of the trace were stored before. */
  isKnown(traceId: string): boolean;
  /** Whether another span with its id was stored before, which no longer counts. */
  hasReplaced(span: Span): boolean;
}

function createFinder(statements: Statements, spans: readonly (Span | null)[]): Finder {
  const known = new Map<string, boolean>();
  const coming = new Map<string, Span>();
  const found = new Map<string, Span | null>();
  const replaced = new Set<string>();
  const isKnown = (traceId: string): boolean => {
    const before = known.get(traceId);
    if (before !== undefined) return before;
    const isThere = statements.findTrace.get(traceId) !== undefined;
    known.set(traceId, isThere);
    return isThere;
  };
  const find = (traceId: string, spanId: string): Span | null => {
    const key = `${traceId} ${spanId}`;
    const before = found.get(key);
    if (before !== undefined) return before;
    const span = coming.get(key);
    const row = isKnown(traceId) ? statements.findSpan.get(traceId, spanId) : undefined;
    const there = row === undefined ? null : spanFrom(row);
    const isFirst = span !== undefined && (there === null || span.eventId < there.eventId);
    if (isFirst && there !== null) replaced.add(key);
    const first = isFirst ? span : there;
    found.set(key, first);
    return first;
  };
  for (const span of spans) {
    if (span === null || span.spanId === null) continue;
    const key = `${span.traceId} ${span.spanId}`;
    const other = coming.get(key);
    if (other === undefined || span.eventId < other.eventId) coming.set(key, span);
  }
  // While none of them is stored, so that it is known what was there before.
  for (const { traceId, spanId } of coming.values()) if (spanId !== null) find(traceId, spanId);
  return {
    find,
    above(span) {
      if (span.above === undefined) {
        span.above = span.parentSpanId === null ? null : find(span.traceId, span.parentSpanId);
      }
      return span.above;
    },
    isKnown,
    hasReplaced: ({ traceId, spanId }) => replaced.has(`${traceId} ${spanId}`),
  };
}

/** A span under which owners may be others than before. */
interface OpenSpan {
  readonly span: Span;
  readonly level: number;
  /** Whether what lies under it may take another agent, or session, from it or through it. */
  readonly isOpen: Readonly<Record<Owner, boolean>>;
}

/** Walks down from spans that were stored now, through those that were there before, as far as anything is inherited. */
function findMoves(statements: Statements, finder: Finder, added: ReadonlyMap<number, Span>): readonly Move[] {
  const queue = [...added.values()].flatMap((span) => openAt(span, finder) ?? []);
  const visited = new Set(added.keys());
  const moves: Move[] = [];
  // The list grows while it is walked.
  for (const { span: above, level, isOpen } of queue) {
    for (const row of statements.findUnder.all(above.traceId, above.spanId)) {
      if (visited.has(row.sequence)) continue;
      const open = {
        agentId: isOpen.agentId && row.agent_id === null,
        sessionId: isOpen.sessionId && row.session_id === null,
      };
      if (!open.agentId && !open.sessionId) continue;
      visited.add(row.sequence);
      const span = spanFrom(row);
      const owners = ownersOf(span, finder);
      if (owners.agentId !== row.has_agent_id || owners.sessionId !== row.has_session_id) {
        moves.push({ sequence: row.sequence, ...owners });
      }
      if (level < levelsMax && counts(span, finder)) queue.push({ span, level: level + 1, isOpen: open });
    }
  }
  return moves.sort((a, b) => a.sequence - b.sequence);
}

/** The span with what may be inherited from it; null where what lies under it stays as it is. */
function openAt(span: Span, finder: Finder): OpenSpan | null {
  if (!finder.isKnown(span.traceId) || !counts(span, finder)) return null;
  const isOther = finder.hasReplaced(span);
  const isOpen = {
    agentId: isOther || nearest(span, "agentId", finder) !== null,
    sessionId: isOther || nearest(span, "sessionId", finder) !== null,
  };
  return isOpen.agentId || isOpen.sessionId ? { span, level: 1, isOpen } : null;
}

/** Whether it is the one that counts of the spans with its id. */
function counts({ eventId, traceId, spanId }: Span, finder: Finder): boolean {
  return spanId !== null && finder.find(traceId, spanId)?.eventId === eventId;
}

interface SpanRow {
  readonly event_id: Uint8Array;
  readonly trace_id: string;
  readonly span_id: string | null;
  readonly parent_span_id: string | null;
  readonly agent_id: string | null;
  readonly session_id: string | null;
  readonly service: string | null;
}

/** With the agent and session that its event has. */
interface OwnedRow extends SpanRow {
  readonly sequence: number;
  readonly has_agent_id: string;
  readonly has_session_id: string | null;
}

function spanFrom(row: SpanRow): Span {
  return {
    eventId: eventIdFromBytes(row.event_id),
    traceId: row.trace_id,
    spanId: row.span_id,
    parentSpanId: row.parent_span_id,
    agentId: row.agent_id,
    sessionId: row.session_id,
    service: row.service,
    above: undefined,
  };
}

function valuesOf({ eventId, traceId, spanId, parentSpanId, agentId, sessionId, service }: Span): unknown[] {
  return [eventIdToBytes(eventId), traceId, spanId, parentSpanId, agentId, sessionId, service];
}

interface Statements {
  readonly add: Statement;
  readonly findTrace: Statement<[string], unknown>;
  readonly findSpan: Statement<[string, string], SpanRow>;
  readonly findUnder: Statement<[string, string | null], OwnedRow>;
}

const spanSql = "o.event_id, o.trace_id, o.span_id, o.parent_span_id, o.agent_id, o.session_id, o.service";

function prepare(database: Database): Statements {
  return {
    add: database.prepare(
      `insert into span_owners (sequence, event_id, trace_id, span_id, parent_span_id, agent_id, session_id, service)
      values (?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    findTrace: database.prepare("select 1 from span_owners where trace_id = ? limit 1"),
    findSpan: database.prepare(
      `select ${spanSql} from span_owners o where o.trace_id = ? and o.span_id = ? order by o.event_id limit 1`,
    ),
    findUnder: database.prepare(
      `select ${spanSql}, o.sequence, a.agent_id as has_agent_id, s.session_id as has_session_id
      from span_owners o cross join events e on e.sequence = o.sequence cross join agents a on a.id = e.agent_key
      left join sessions s on s.id = e.session_key where o.trace_id = ? and o.parent_span_id = ?`,
    ),
  };
}
