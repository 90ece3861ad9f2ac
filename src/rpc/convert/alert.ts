import { create } from "@bufbuild/protobuf";
import { type Alert, AlertSchema } from "../../../gen/cylestio/v1/alert_pb.ts";
import type { AlertRecord } from "../../model/security-alert.ts";
import { present } from "./event.ts";
import { timestampFromMicros } from "./time.ts";

/** Security alert → message. */
export function alertToProto(alert: AlertRecord): Alert {
  return create(AlertSchema, {
    eventId: alert.eventId,
    eventName: alert.eventName,
    agentId: alert.agentId,
    alertTime: timestampFromMicros(alert.timeMicros),
    severity: alert.severity,
    keywords: [...alert.keywords],
    status: alert.status,
    ...present({
      sessionId: alert.sessionId,
      traceId: alert.traceId,
      spanId: alert.spanId,
      category: alert.category,
      sample: alert.sample,
      description: alert.description,
      statusTime: alert.statusMicros === null ? null : timestampFromMicros(alert.statusMicros),
    }),
  });
}
