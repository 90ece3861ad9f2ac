import { pendingCountMax, searchHitTextMaxLength } from "../../model/limits.ts";
import type { SearchFilter, SearchHit, SearchPage, SearchQuery, SearchTerm } from "../store.ts";
import { type Condition, ifAny, parametersOf, whereSql, within } from "./condition.ts";
import { eventIdFromBytes } from "./event-row.ts";
import { findAgentKey, findSessionCondition } from "./owner.ts";
import type { RunQuery } from "./reader.ts";
import { snippetMarks, snippetOf } from "./search-snippet.ts";

interface HitRow extends Omit<SearchHit, "eventId" | "snippet"> {
  readonly id: number;
  readonly eventIdBytes: Uint8Array;
  readonly markedText: string;
}

/** 0 in the beginning. */
export async function getIndexedSequence(run: RunQuery): Promise<number> {
  const [cursor] = await run<{ readonly sequence: number }>("select sequence from search_cursor where id = 1", []);
  return cursor?.sequence ?? 0;
}

/** A page of texts that have all terms, in descending order of their ids, along the index of words. */
export async function searchTexts(run: RunQuery, query: SearchQuery, examinedRowsMax: number): Promise<SearchPage> {
  const pendingEventCount = await countPending(run);
  const { terms, filter, after, limit } = query;
  const picked = await findPicked(run, filter);
  if (picked === null) return { hits: [], next: null, pendingEventCount };
  const served: readonly Condition[] = [
    { sql: "f.search_index match ?", parameters: [matchExpression(terms)] },
    ...(after === null ? [] : [{ sql: "f.rowid < ?", parameters: [after] }]),
  ];
  const windowEnd = picked.length === 0 ? null : await findWindowEnd(run, served, examinedRowsMax);
  const window = windowEnd === null ? [] : [{ sql: "f.rowid >= ?", parameters: [windowEnd] }];
  const conditions = [...served, ...window, ...picked];
  // Not `snippet`, whose time grows with the square of how often the words occur. One row more says whether there are more.
  const rows = await run<HitRow>(
    `select t.id, t.kind, t.role, a.agent_id as agentId, s.session_id as sessionId, e.event_id as eventIdBytes,
      t.time_micros as timeMicros, t.text, highlight(search_index, 0, ?, ?) as markedText
      from search_index f cross join search_texts t on t.id = f.rowid cross join events e on e.sequence = t.sequence
      cross join agents a on a.id = e.agent_key left join sessions s on s.id = e.session_key
      ${whereSql(conditions)} order by f.rowid desc limit ?`,
    [snippetMarks.open, snippetMarks.close, ...parametersOf(conditions), limit + 1],
  );
  const given = rows.slice(0, limit);
  const next = rows.length > limit ? (given.at(-1)?.id ?? null) : windowEnd;
  return { hits: given.map(hitFromRow), next, pendingEventCount };
}

async function countPending(run: RunQuery): Promise<number> {
  const [pending] = await run<{ readonly count: number }>(
    `select count(*) as count from
      (select 1 from events e where e.sequence > (select sequence from search_cursor where id = 1) limit ?)`,
    [pendingCountMax],
  );
  return pending?.count ?? 0;
}

/** What the index of words does not serve; null where nothing can pass it. */
async function findPicked(run: RunQuery, filter: SearchFilter): Promise<readonly Condition[] | null> {
  const { agentId, sessionId, kind } = filter;
  // Those of the event: it may have gone to another agent since its texts were taken out.
  const agentKey = agentId === null ? null : await findAgentKey(run, agentId);
  if (agentId !== null && agentKey === null) return null;
  const picked = [...ifAny("e.agent_key", agentKey), ...ifAny("t.kind", kind), ...within("t.time_micros", filter)];
  if (sessionId === null) return picked;
  const session = await findSessionCondition(run, "e.session_key", { sessionId, agentId });
  return session === null ? null : [...picked, session];
}

/** Id of the last text that a page may examine; null if there are fewer. Reads the index of words alone. */
async function findWindowEnd(
  run: RunQuery,
  served: readonly Condition[],
  examinedRowsMax: number,
): Promise<number | null> {
  const [row] = await run<{ readonly id: number }>(
    `select f.rowid as id from search_index f ${whereSql(served)} order by f.rowid desc limit 1 offset ?`,
    [...parametersOf(served), examinedRowsMax - 1],
  );
  return row?.id ?? null;
}

/** All terms, as FTS5 writes them. In quotes nothing but the quote itself has a meaning. */
function matchExpression(terms: readonly SearchTerm[]): string {
  return terms.map(({ text, isPrefix }) => `"${text.replaceAll('"', '""')}"${isPrefix ? "*" : ""}`).join(" ");
}

function hitFromRow(row: HitRow): SearchHit {
  return {
    kind: row.kind,
    role: row.role,
    agentId: row.agentId,
    sessionId: row.sessionId,
    eventId: eventIdFromBytes(row.eventIdBytes),
    timeMicros: row.timeMicros,
    snippet: snippetOf(row.markedText),
    text: row.text.slice(0, searchHitTextMaxLength).toWellFormed(),
  };
}
