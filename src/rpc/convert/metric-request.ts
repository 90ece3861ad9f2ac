import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { MetricRequest } from "../../query/metric-request.ts";
import { timeRangeFrom } from "./time.ts";

/** The part that the requests of all metrics have in common. */
interface MetricRequestMessage {
  readonly agentIds: readonly string[];
  readonly fromTime?: Timestamp | undefined;
  readonly toTime?: Timestamp | undefined;
  readonly interval?: string;
  readonly timeZone?: string;
  readonly groupBy?: readonly string[];
}

/** What a request says about range, buckets and groups. */
export function metricRequestFrom(request: MetricRequestMessage): MetricRequest {
  const { agentIds, interval = "", timeZone = "", groupBy = [] } = request;
  return { agentIds, ...timeRangeFrom(request), interval, timeZone, groupBy };
}

/** The same with filters of calls, of which a metric has some. */
export function callMetricRequestFrom(
  request: MetricRequestMessage & {
    readonly sessionId: string;
    readonly kind?: string;
    readonly vendor?: string;
    readonly model?: string;
    readonly tool?: string;
  },
) {
  const { sessionId, kind = "", vendor = "", model = "", tool = "" } = request;
  return { ...metricRequestFrom(request), sessionId, kind, vendor, model, tool };
}
