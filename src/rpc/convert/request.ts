import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { HandlerContext } from "@connectrpc/connect";
import { fieldError } from "../../model/error.ts";
import type { EventListRequest } from "../../query/event-queries.ts";
import { parseFilter } from "../../query/filter/filter-parser.ts";
import type { PagingRequest } from "../../query/paging.ts";
import type { WatchFilter } from "../../query/watch-cursor.ts";
import { isRestCall } from "../free-form-body.ts";
import { timeRangeFrom } from "./time.ts";

/** The part that the requests of all lists have in common. */
interface PagedRequest {
  readonly pageSize: number;
  readonly pageToken: string;
  readonly limit?: number | undefined;
  readonly offset?: number | undefined;
}

/** The part that all requests for events have in common. */
interface FilteredEventsRequest {
  readonly agentId: string;
  readonly name: string;
  readonly channel: string;
  readonly level: string;
  readonly sessionId: string;
  readonly filter: string;
}

/** The part that the requests of all event lists have in common. */
interface ListedEventsRequest extends PagedRequest, FilteredEventsRequest {
  readonly fromTime?: Timestamp | undefined;
  readonly toTime?: Timestamp | undefined;
  readonly sort: string;
}

/** What a request says about its page. */
export function pagingFrom(request: PagedRequest, context: Pick<HandlerContext, "protocolName">): PagingRequest {
  const { pageSize, pageToken, limit, offset } = request;
  return { pageSize, pageToken, limit, offset, rest: isRestCall(context) };
}

/** The same of the lists that no older client knows: they have no other names, and one default on every protocol. */
export function pageFrom({ pageSize, pageToken }: Pick<PagedRequest, "pageSize" | "pageToken">): PagingRequest {
  return { pageSize, pageToken, limit: undefined, offset: undefined, rest: false };
}

/** What a request says about the events that it wants, beside their time. An empty filter is none. Throws as `parseFilter`. */
export function eventFilterFrom(request: FilteredEventsRequest): WatchFilter {
  return {
    agentId: request.agentId || null,
    name: request.name || null,
    channel: request.channel || null,
    level: request.level || null,
    sessionId: request.sessionId || null,
    expression: parseFilter("events", request.filter),
  };
}

/** What a request says about the list that it wants. */
export function eventListFrom(
  request: ListedEventsRequest,
  context: Pick<HandlerContext, "protocolName">,
): EventListRequest {
  return {
    filter: { ...eventFilterFrom(request), ...timeRangeFrom(request) },
    sort: request.sort,
    paging: pagingFrom(request, context),
  };
}

/** A field that must not be empty. Throws `FIELD_REQUIRED`. */
export function required(field: string, value: string): string {
  if (value === "") throw fieldError({ field, reason: "FIELD_REQUIRED", message: "is required" });
  return value;
}
