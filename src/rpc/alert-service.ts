import type { ServiceImpl } from "@connectrpc/connect";
import type { AlertService } from "../../gen/cylestio/v1/alert_service_pb.ts";
import type { AlertQueries } from "../query/alert-queries.ts";
import { parseFilter } from "../query/filter/filter-parser.ts";
import { alertToProto } from "./convert/alert.ts";
import { pageFrom, required } from "./convert/request.ts";
import { timeRangeFrom } from "./convert/time.ts";

/** `AlertService` over the alert queries. */
export function createAlertService(queries: AlertQueries): ServiceImpl<typeof AlertService> {
  return {
    async listAlerts(request) {
      const filter = {
        agentId: request.agentId || null,
        sessionId: request.sessionId || null,
        category: request.category || null,
        severity: request.severity,
        status: request.status,
        expression: parseFilter("alerts", request.filter),
        ...timeRangeFrom(request),
      };
      const { items, nextPageToken } = await queries.listAlerts(filter, pageFrom(request));
      return { alerts: items.map(alertToProto), nextPageToken };
    },
    async getAlert({ eventId }) {
      return { alert: alertToProto(await queries.getAlert(required("event_id", eventId))) };
    },
    async updateAlertStatus({ eventId, status }) {
      const alert = await queries.setStatus(required("event_id", eventId), required("status", status));
      return { alert: alertToProto(alert) };
    },
  };
}
