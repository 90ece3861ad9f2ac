import type { AlertSeverity, AlertStatus } from "../../model/security-alert.ts";
import type { AlertFilter, AlertQuery, AlertRecord, Page } from "../store.ts";
import { type Condition, equals, ifAny, parametersOf, within } from "./condition.ts";
import { eventIdFromBytes, eventIdToBytes } from "./event-row.ts";
import { alertFilterColumns, filterConditions } from "./filter-condition.ts";
import { findAgentKey, findSessionCondition } from "./owner.ts";
import { type PageWalk, readPage } from "./page-walk.ts";
import type { RunQuery } from "./reader.ts";

interface AlertRow {
  readonly sequence: number;
  readonly event_id: Uint8Array;
  readonly event_name: string;
  readonly agent_id: string;
  readonly session_id: string | null;
  readonly trace_id: string | null;
  readonly span_id: string | null;
  readonly time_micros: number;
  readonly severity: AlertSeverity;
  readonly category: string | null;
  readonly keywords_json: string;
  readonly sample: string | null;
  readonly description: string | null;
  readonly status: AlertStatus;
  readonly status_micros: number | null;
}

const columns = `x.sequence, e.event_id, e.name as event_name, a.agent_id, s.session_id, e.trace_id, e.span_id, x.time_micros,
  x.severity, x.category, x.keywords_json, x.sample, x.description, x.status, x.status_micros`;

const joins = `left join events e on e.sequence = x.sequence left join agents a on a.id = x.agent_key
  left join sessions s on s.id = x.session_key`;

/** A page of alerts in descending order of (time, sequence). */
export async function listAlerts(
  run: RunQuery,
  { filter, after, limit }: AlertQuery,
  examinedRowsMax: number,
): Promise<Page<AlertRecord>> {
  const places = await findPlaces(run, filter);
  if (places === null) return { items: [], next: null };
  const { severity, category, status, expression } = filter;
  const picked = [
    ...ifAny("x.severity", severity),
    ...ifAny("x.category", category),
    ...ifAny("x.status", status),
    ...filterConditions(alertFilterColumns, expression),
  ];
  const { rows, next } = await readPage<AlertRow>(run, {
    walk: places.walk,
    columns,
    joins,
    picked: [...places.picked, ...picked],
    ascending: false,
    after,
    limit,
    examinedRowsMax,
  });
  return { items: rows.map(alertFromRow), next };
}

/** The alert that this event reports, or null. */
export async function findAlert(run: RunQuery, eventId: string): Promise<AlertRecord | null> {
  const [row] = await run<AlertRow>(
    `select ${columns} from events found indexed by events_event_id
      cross join security_alerts x on x.sequence = found.sequence ${joins} where found.event_id = ?`,
    [eventIdToBytes(eventId)],
  );
  return row === undefined ? null : alertFromRow(row);
}

interface Places {
  readonly walk: PageWalk;
  readonly picked: readonly Condition[];
}

/** By agent or by time. Alerts of a session are picked out of those in its time; null if there is no such session or agent. */
async function findPlaces(run: RunQuery, filter: AlertFilter): Promise<Places | null> {
  const { agentId, sessionId } = filter;
  const agentKey = agentId === null ? null : await findAgentKey(run, agentId);
  if (agentId !== null && agentKey === null) return null;
  const range = within("x.time_micros", filter);
  if (sessionId === null) return placesOf({ agentKey, range, picked: [] });
  const session = await findSessionCondition(run, "x.session_key", { sessionId, agentId });
  if (session === null) return null;
  const ofSessions = [equals("session_id", sessionId), ...ifAny("agent_key", agentKey)];
  const [time] = await run<{
    readonly agentKey: number | null;
    readonly fromMicros: number;
    readonly toMicros: number;
  }>(
    `select case when min(agent_key) = max(agent_key) then min(agent_key) end as agentKey, min(start_micros) as fromMicros,
      max(end_micros) as toMicros from sessions where ${ofSessions.map(({ sql }) => sql).join(" and ")}`,
    parametersOf(ofSessions),
  );
  if (time === undefined) return null;
  const ownRange = within("x.time_micros", time);
  return placesOf({ agentKey: time.agentKey, range: [...range, ...ownRange], picked: [session] });
}

function placesOf(way: {
  readonly agentKey: number | null;
  readonly range: readonly Condition[];
  readonly picked: readonly Condition[];
}): Places {
  const index = way.agentKey === null ? "security_alerts_by_time" : "security_alerts_by_agent";
  const served = [...ifAny("x.agent_key", way.agentKey), ...way.range];
  const walk = { from: `security_alerts x indexed by ${index}`, time: "x.time_micros", key: "x.sequence", served };
  return { walk, picked: way.picked };
}

function alertFromRow(row: AlertRow): AlertRecord {
  return {
    sequence: row.sequence,
    eventId: eventIdFromBytes(row.event_id),
    eventName: row.event_name,
    agentId: row.agent_id,
    sessionId: row.session_id,
    traceId: row.trace_id,
    spanId: row.span_id,
    timeMicros: row.time_micros,
    severity: row.severity,
    category: row.category,
    // Only the writer fills the column, with an array of texts.
    keywords: JSON.parse(row.keywords_json) as readonly string[],
    sample: row.sample,
    description: row.description,
    status: row.status,
    statusMicros: row.status_micros,
  };
}
