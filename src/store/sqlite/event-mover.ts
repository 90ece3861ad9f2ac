import type { Database } from "better-sqlite3";
import type { Event } from "../../model/event.ts";
import type { AgentLedger, EventKeys } from "./agent-ledger.ts";
import type { AlertWriter } from "./alert-writer.ts";
import { eventIdFromBytes } from "./event-row.ts";
import type { OperationWriter } from "./operation-writer.ts";
import type { RollupWriter } from "./rollup-writer.ts";
import type { Move } from "./span-owners.ts";
import type { TraceLedger } from "./trace-ledger.ts";

/**
 * Gives OpenTelemetry events that are stored to other agents and sessions, with all that is derived from them. Call after the events of
 * the transaction were inserted and before anything of it is flushed.
 */
export interface EventMover {
  move(moves: readonly Move[]): void;
}

/** Who keeps what is derived from events. */
export interface MoverParts {
  readonly ledger: AgentLedger;
  readonly traces: TraceLedger;
  readonly rollups: RollupWriter;
  readonly operations: OperationWriter;
  readonly alerts: AlertWriter;
}

interface Row {
  readonly event_id: Uint8Array;
  readonly agent_key: number;
  readonly session_key: number | null;
  readonly agent_id: string;
  readonly session_id: string | null;
  readonly time_micros: number;
  readonly name: string;
  readonly level: string;
  readonly channel: string | null;
  readonly trace_id: string | null;
  readonly span_id: string | null;
  readonly parent_span_id: string | null;
  readonly own_agent_id: string | null;
  readonly own_session_id: string | null;
  readonly provider: string | null;
  readonly end_micros: number | null;
}

/** Prepares the statements on the writer's connection. */
export function createEventMover(database: Database, parts: MoverParts): EventMover {
  const read = database.prepare<[number], Row>(
    `select e.event_id, e.agent_key, e.session_key, a.agent_id, s.session_id, e.time_micros, e.name, e.level, e.channel, e.trace_id,
      e.span_id, e.parent_span_id, w.agent_id as own_agent_id, w.session_id as own_session_id, p.provider,
      o.finish_micros as end_micros
    from events e join agents a on a.id = e.agent_key join span_owners w on w.sequence = e.sequence
    left join sessions s on s.id = e.session_key
    left join provider_reports p on p.agent_key = e.agent_key and p.is_movable = 1 and p.time_micros = e.time_micros
      and p.event_id = e.event_id
    left join operations o on o.id = e.sequence and o.start_sequence = o.finish_sequence
    where e.sequence = ?`,
  );
  const write = database.prepare<[number, number | null, number]>(
    "update events set agent_key = ?, session_key = ? where sequence = ?",
  );
  return {
    move(moves) {
      for (const { sequence, ...owner } of moves) {
        const row = read.get(sequence);
        if (row === undefined) throw new Error(`the event ${sequence} is not there`);
        const from = { agentKey: row.agent_key, sessionKey: row.session_key };
        const event = { ...eventFrom(row), ...owner };
        const to = parts.ledger.keysOf(event);
        write.run(to.agentKey, to.sessionKey, sequence);
        recount(parts, event, { from, to });
        moveAlert(parts, sequence, { event, from, to });
        const before = { agentId: row.agent_id, sessionId: row.session_id };
        parts.operations.move({ ...event, sequence, from: before, to: { ...owner, ...to } });
      }
    },
  };
}

/** The event as far as it is counted. */
type MovingEvent = ReturnType<typeof eventFrom>;

function eventFrom(row: Row) {
  return {
    id: eventIdFromBytes(row.event_id),
    timeMicros: row.time_micros,
    name: row.name,
    level: row.level,
    channel: row.channel,
    traceId: row.trace_id,
    spanId: row.span_id,
    parentSpanId: row.parent_span_id,
    llmProvider: row.provider,
    ownership: { agentId: row.own_agent_id, sessionId: row.own_session_id },
    operation: { endMicros: row.end_micros },
  } satisfies Partial<Omit<Event, "operation">> & { readonly operation: { readonly endMicros: number | null } };
}

interface KeyChange {
  readonly from: EventKeys;
  readonly to: EventKeys;
}

function recount({ ledger, traces, rollups }: MoverParts, event: MovingEvent, { from, to }: KeyChange): void {
  ledger.uncount(event, from);
  ledger.count(event, to);
  if (from.agentKey === to.agentKey) return;
  traces.uncount(event, from.agentKey);
  traces.count(event, to.agentKey);
  rollups.uncountEvent(event, from.agentKey);
  rollups.countEvent(event, to.agentKey);
}

function moveAlert(
  { alerts, rollups }: MoverParts,
  sequence: number,
  { event, from, to }: KeyChange & { readonly event: MovingEvent },
): void {
  const alert = alerts.move({ sequence, ...to });
  if (alert === null || from.agentKey === to.agentKey) return;
  rollups.uncountAlert(alert, event.timeMicros, from.agentKey);
  rollups.countAlert(alert, event.timeMicros, to.agentKey);
}
