import { fieldError, TelemetryError } from "../model/error.ts";
import type { ListFilter } from "../model/filter.ts";
import { alertSeverities, alertStatuses } from "../model/security-alert.ts";
import type { AlertRecord, TelemetryStore, TimeRange } from "../store/store.ts";
import { parseChoice } from "./choice.ts";
import { parseEventId } from "./event-queries.ts";
import { type ListPage, readListPage } from "./list-page.ts";
import type { PagingRequest } from "./paging.ts";

/** Questions about security alerts, and what becomes of them. */
export interface AlertQueries {
  /** By time, the newest first. Rejects with `FIELD_INVALID` for a severity or status that there is not. */
  listAlerts(filter: AlertListFilter, paging: PagingRequest): Promise<ListPage<AlertRecord>>;
  /** The alert that an event reports. Rejects with `ALERT_NOT_FOUND`; with `FIELD_INVALID` for what cannot be an id. */
  getAlert(eventId: string): Promise<AlertRecord>;
  /** Sets its status and resolves, after the commit, to the alert as it is then. Rejects as `getAlert`, and as `listAlerts`. */
  setStatus(eventId: string, status: string): Promise<AlertRecord>;
}

/** Which alerts; null, and the empty text, mean any. */
export interface AlertListFilter extends TimeRange {
  readonly agentId: string | null;
  readonly sessionId: string | null;
  readonly category: string | null;
  /** As the client wrote them. */
  readonly severity: string;
  readonly status: string;
  readonly expression?: ListFilter<"alerts"> | null;
}

/** Answers the questions from a store; `nowMicros` is the clock. */
export function createAlertQueries(
  store: TelemetryStore,
  { nowMicros }: { readonly nowMicros: () => number },
): AlertQueries {
  const getAlert = async (eventId: string): Promise<AlertRecord> => {
    const alert = await store.findAlert(parseEventId(eventId));
    if (alert === null) throw notFound(eventId);
    return alert;
  };
  return {
    async listAlerts(request, paging) {
      const filter = {
        ...request,
        severity: parseChoice("severity", request.severity, alertSeverities),
        status: parseChoice("status", request.status, alertStatuses),
      };
      return readListPage(paging, ["alerts", filter], (page) => store.listAlerts({ filter, ...page }));
    },
    getAlert,
    async setStatus(eventId, text) {
      const id = parseEventId(eventId);
      const status = parseChoice("status", text, alertStatuses);
      if (status === null) throw fieldError({ field: "status", reason: "FIELD_REQUIRED", message: "is required" });
      const isSet = await store.setAlertStatus({ eventId: id, status, atMicros: nowMicros() });
      if (!isSet) throw notFound(eventId);
      return getAlert(id);
    },
  };
}

function notFound(eventId: string): TelemetryError {
  return new TelemetryError("ALERT_NOT_FOUND", `Event with ID ${eventId} reports no alert`, {
    metadata: { event_id: eventId },
  });
}
