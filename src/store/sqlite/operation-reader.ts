import type { OperationDetail, OperationFilter, OperationQuery, OperationRecord, Page } from "../store.ts";
import { type Condition, equals, ifAny, within } from "./condition.ts";
import { type EventRow, eventFromRow } from "./event-row.ts";
import { callFilterColumns, filterConditions } from "./filter-condition.ts";
import {
  modelSql,
  type OperationColumns,
  operationColumns,
  operationFromColumns,
  operationJoins,
  toolNameSql,
} from "./operation-columns.ts";
import { findAgentKey, findSessionCondition } from "./owner.ts";
import { type PageWalk, readPage } from "./page-walk.ts";
import type { RunQuery } from "./reader.ts";

/** A page of operations in order of (time, id). */
export async function listOperations(
  run: RunQuery,
  query: OperationQuery,
  examinedRowsMax: number,
): Promise<Page<OperationRecord>> {
  const { filter, ascending, after, limit } = query;
  const walk = await findWalk(run, filter);
  if (walk === null) return { items: [], next: null };
  const { rows, next } = await readPage<OperationColumns>(run, {
    walk,
    columns: operationColumns,
    joins: operationJoins,
    picked: pickConditions(filter),
    ascending,
    after,
    limit,
    examinedRowsMax,
  });
  return { items: rows.map(operationFromColumns), next };
}

/** The operation with this id and its events, or null. */
export async function findOperation(run: RunQuery, id: number): Promise<OperationDetail | null> {
  const [operation] = await run<OperationColumns & { start_sequence: number | null; finish_sequence: number | null }>(
    `select ${operationColumns}, o.start_sequence, o.finish_sequence from operations o ${operationJoins} where o.id = ?`,
    [id],
  );
  if (operation === undefined) return null;
  const { start_sequence: start, finish_sequence: finish } = operation;
  const rows = await run<EventRow>(
    `select e.*, a.agent_id, s.session_id from events e join agents a on a.id = e.agent_key
      left join sessions s on s.id = e.session_key where e.sequence in (?, ?)`,
    [start, finish],
  );
  const eventAt = (sequence: number | null) => {
    const row = rows.find((row) => row.sequence === sequence);
    return row === undefined ? null : eventFromRow(row);
  };
  const finishEvent = eventAt(finish);
  const hasFailed = operation.outcome !== null && operation.outcome !== "ok";
  return {
    operation: { ...operationFromColumns(operation), failure: hasFailed ? finishEvent : null },
    start: eventAt(start),
    finish: finishEvent,
  };
}

/** Along the index of the session, or of the kind and perhaps the agent; null if there is no such session or agent. */
async function findWalk(run: RunQuery, filter: OperationFilter): Promise<PageWalk | null> {
  const { agentId, sessionId, kind } = filter;
  const walk = { time: "o.at_micros", key: "o.id" };
  const range = within("o.at_micros", filter);
  if (sessionId !== null) {
    const session = await findSessionCondition(run, "o.session_key", { sessionId, agentId });
    if (session === null) return null;
    return { ...walk, from: "operations o indexed by operations_by_session", served: [session, ...range] };
  }
  const ofKind = equals("o.kind", kind);
  if (agentId === null) {
    return { ...walk, from: "operations o indexed by operations_by_kind", served: [ofKind, ...range] };
  }
  const agentKey = await findAgentKey(run, agentId);
  if (agentKey === null) return null;
  const served = [equals("o.agent_key", agentKey), ofKind, ...range];
  return { ...walk, from: "operations o indexed by operations_by_agent", served };
}

/** What no index serves. */
function pickConditions(filter: OperationFilter): readonly Condition[] {
  const { sessionId, kind, status, toolName, vendor, model, expression } = filter;
  return [
    ...ifAny("o.kind", sessionId === null ? null : kind),
    ...(status === "running" ? [{ sql: "o.outcome is null", parameters: [] }] : ifAny("o.outcome", status)),
    ...ifAny(toolNameSql, toolName),
    ...ifAny("c.vendor", vendor),
    ...ifAny(modelSql, model),
    ...filterConditions(callFilterColumns, expression),
  ];
}
