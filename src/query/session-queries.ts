import { TelemetryError } from "../model/error.ts";
import type { OperationFilter, OperationRecord, SessionFilter, SessionRecord, TelemetryStore } from "../store/store.ts";
import { type ListPage, readListPage } from "./list-page.ts";
import type { PagingRequest } from "./paging.ts";

/** Questions about sessions. */
export interface SessionQueries {
  /** By the time of their start, the newest first. */
  listSessions(filter: SessionFilter, paging: PagingRequest): Promise<ListPage<SessionRecord>>;
  /**
   * The sessions with one id, of one agent or of all, with a page of their operations in order of time. Rejects with
   * `SESSION_NOT_FOUND`.
   */
  getSession(request: SessionRequest): Promise<SessionDetail>;
}

export interface SessionRequest {
  readonly sessionId: string;
  readonly agentId: string | null;
  /** Of the timeline. */
  readonly paging: PagingRequest;
}

export interface SessionDetail {
  readonly sessions: readonly SessionRecord[];
  readonly timeline: ListPage<OperationRecord>;
}

/** Agents of which one answer shows their sessions of one id. */
const sharedSessionsMax = 100;

/** Answers the questions from a store. */
export function createSessionQueries(store: TelemetryStore): SessionQueries {
  return {
    listSessions: (filter, paging) =>
      readListPage(paging, ["sessions", filter], (page) => store.listSessions({ filter, ...page })),
    async getSession({ sessionId, agentId, paging }) {
      const allTime = { fromMicros: null, toMicros: null };
      const ofSession = { sessionId, agentId, ...allTime };
      const filter: OperationFilter = {
        ...ofSession,
        kind: null,
        status: null,
        toolName: null,
        vendor: null,
        model: null,
      };
      const [timeline, { items: sessions }] = await Promise.all([
        readListPage(paging, ["timeline", sessionId, agentId], (page) =>
          store.listOperations({ filter, ascending: true, ...page }),
        ),
        store.listSessions({ filter: ofSession, after: null, limit: sharedSessionsMax }),
      ]);
      if (sessions.length === 0) {
        throw new TelemetryError("SESSION_NOT_FOUND", `Session with ID '${sessionId}' not found`, {
          metadata: { session_id: sessionId, ...(agentId !== null && { agent_id: agentId }) },
        });
      }
      return { sessions, timeline };
    },
  };
}
