import type { ServiceImpl } from "@connectrpc/connect";
import type { SessionService } from "../../gen/cylestio/v1/session_service_pb.ts";
import { parseFilter } from "../query/filter/filter-parser.ts";
import type { SessionQueries } from "../query/session-queries.ts";
import { operationToProto } from "./convert/operation.ts";
import { pageFrom, required } from "./convert/request.ts";
import { sessionToProto } from "./convert/session.ts";
import { timeRangeFrom } from "./convert/time.ts";

/** `SessionService` over the session queries. */
export function createSessionService(queries: SessionQueries): ServiceImpl<typeof SessionService> {
  return {
    async listSessions(request) {
      const { agentId, sessionId } = request;
      const filter = {
        agentId: agentId || null,
        sessionId: sessionId || null,
        expression: parseFilter("sessions", request.filter),
        ...timeRangeFrom(request),
      };
      const { items, nextPageToken } = await queries.listSessions(filter, pageFrom(request));
      return { sessions: items.map(sessionToProto), nextPageToken };
    },
    async getSession(request) {
      const { sessions, timeline } = await queries.getSession({
        sessionId: required("session_id", request.sessionId),
        agentId: request.agentId || null,
        paging: pageFrom(request),
      });
      return {
        sessions: sessions.map(sessionToProto),
        timeline: timeline.items.map(operationToProto),
        nextPageToken: timeline.nextPageToken,
      };
    },
  };
}
