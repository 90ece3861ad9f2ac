import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { AttributesFormat } from "../../gen/cylestio/v1/event_pb.ts";
import type { EventService } from "../../gen/cylestio/v1/event_service_pb.ts";
import type { EventListPage, EventQueries } from "../query/event-queries.ts";
import type { EventWatches } from "../query/event-watches.ts";
import { attributesFormatFor, eventToProto } from "./convert/event.ts";
import { eventFilterFrom, eventListFrom, required } from "./convert/request.ts";
import { cutCallKey } from "./cut-call.ts";
import { isRestCall } from "./free-form-body.ts";

export interface EventServiceOptions {
  readonly queries: EventQueries;
  readonly watches: EventWatches;
}

/** `EventService` over the event queries and watches. */
export function createEventService({ queries, watches }: EventServiceOptions): ServiceImpl<typeof EventService> {
  return {
    async listEvents(request, context) {
      return pageToProto(await queries.listEvents(eventListFrom(request, context)), request, context);
    },
    async getEvent(request, context) {
      const event = await queries.getEvent(required("event_id", request.eventId));
      return { event: eventToProto(event, formatOf(request, context)) };
    },
    async listAgentEvents(request, context) {
      const agentId = required("agent_id", request.agentId);
      return pageToProto(await queries.listAgentEvents(agentId, eventListFrom(request, context)), request, context);
    },
    async listAgentEventsByName(request, context) {
      const agentId = required("agent_id", request.agentId);
      required(isRestCall(context) ? "event_type" : "name", request.name);
      return pageToProto(await queries.listAgentEvents(agentId, eventListFrom(request, context)), request, context);
    },
    async *watchEvents(request, context) {
      const format = formatOf(request, context);
      const { signal, values } = context;
      const messages = watches.watch({
        filter: eventFilterFrom(request),
        cursor: request.cursor,
        signal,
        cut: values.get(cutCallKey),
      });
      for await (const { event, cursor } of messages) {
        yield event === null ? { cursor } : { cursor, event: eventToProto(event, format) };
      }
    },
  };
}

interface FormattedRequest {
  readonly attributesFormat: AttributesFormat;
}

function pageToProto({ events, nextPageToken }: EventListPage, request: FormattedRequest, context: HandlerContext) {
  const format = formatOf(request, context);
  return { events: events.map((event) => eventToProto(event, format)), nextPageToken };
}

function formatOf({ attributesFormat }: FormattedRequest, context: HandlerContext): AttributesFormat {
  return attributesFormatFor(attributesFormat, { rest: isRestCall(context) });
}
