import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { AttributesFormat } from "../../gen/cylestio/v1/event_pb.ts";
import type { EventService } from "../../gen/cylestio/v1/event_service_pb.ts";
import type { EventListPage, EventQueries } from "../query/event-queries.ts";
import { attributesFormatFor, eventToProto } from "./convert/event.ts";
import { eventListFrom, required } from "./convert/request.ts";
import { isRestCall } from "./free-form-body.ts";

/** `EventService` over the event queries. */
export function createEventService(queries: EventQueries): ServiceImpl<typeof EventService> {
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
