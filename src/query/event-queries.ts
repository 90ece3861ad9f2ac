import { fieldError, TelemetryError } from "../model/error.ts";
import type { EventFilter, EventQuery, StoredEvent, TelemetryStore } from "../store/store.ts";
import { createPageToken, parsePageToken } from "./page-token.ts";
import { type PagingRequest, parsePaging } from "./paging.ts";

/** Questions about events. */
export interface EventQueries {
  listEvents(request: EventListRequest): Promise<EventListPage>;
  /** The same for one agent; rejects with `AGENT_NOT_FOUND` if it never reported. */
  listAgentEvents(agentId: string, request: EventListRequest): Promise<EventListPage>;
  /** Rejects with `EVENT_NOT_FOUND`; with `FIELD_INVALID` for what cannot be an id. */
  getEvent(eventId: string): Promise<StoredEvent>;
}

export interface EventListRequest {
  readonly filter: EventFilter;
  /** `asc` or `desc`, in any case; empty is `desc`. */
  readonly sort: string;
  readonly paging: PagingRequest;
}

export interface EventListPage {
  readonly events: readonly StoredEvent[];
  /** Empty: the last page. */
  readonly nextPageToken: string;
}

const eventIdPattern = /^[0-9a-f]{32}$/i;

/** Answers the questions from a store; `getAgent` rejects for an agent that is not there. */
export function createEventQueries(
  store: TelemetryStore,
  { getAgent }: { readonly getAgent: (agentId: string) => Promise<unknown> },
): EventQueries {
  const listEvents = async ({ filter, sort, paging }: EventListRequest): Promise<EventListPage> => {
    const { offset, limit } = parsePaging(paging);
    const ascending = isAscending(sort);
    const query = [filter, ascending];
    const start = paging.pageToken === "" ? { after: null, offset } : startFrom(paging.pageToken, query);
    const { events, next, nextOffset } = await store.listEvents({ filter, ascending, ...start, limit });
    if (next === null) return { events, nextPageToken: "" };
    return { events, nextPageToken: createPageToken([next.timeMicros, next.sequence, nextOffset], query) };
  };

  return {
    listEvents,
    async listAgentEvents(agentId, request) {
      await getAgent(agentId);
      return listEvents({ ...request, filter: { ...request.filter, agentId } });
    },
    async getEvent(eventId) {
      const event = await store.findEvent(parseEventId(eventId));
      if (event === null) {
        throw new TelemetryError("EVENT_NOT_FOUND", `Event with ID ${eventId} not found`, {
          metadata: { event_id: eventId },
        });
      }
      return event;
    },
  };
}

/** The event's id as the store has it. Throws `FIELD_INVALID` for what cannot be one. */
export function parseEventId(text: string): string {
  if (!eventIdPattern.test(text)) {
    throw fieldError({ field: "event_id", reason: "FIELD_INVALID", message: "must be 32 hexadecimal digits" });
  }
  return text.toLowerCase();
}

function isAscending(sort: string): boolean {
  const word = sort.toLowerCase();
  if (word !== "" && word !== "asc" && word !== "desc") {
    throw fieldError({ field: "sort", reason: "FIELD_INVALID", message: "must be asc or desc" });
  }
  return word === "asc";
}

function startFrom(pageToken: string, query: unknown): Pick<EventQuery, "after" | "offset"> {
  const [timeMicros, sequence, offset] = parsePageToken(pageToken, query);
  return { after: { timeMicros: Number(timeMicros), sequence: Number(sequence) }, offset: Number(offset) };
}
