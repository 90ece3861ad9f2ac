import type { ServiceImpl } from "@connectrpc/connect";
import type { OtlpMetricService } from "../../gen/cylestio/v1/otlp_metric_service_pb.ts";
import type { OtlpMetricQueries } from "../query/otlp-metric-queries.ts";
import { otlpMetricToProto, otlpSeriesToProto } from "./convert/otlp-metric.ts";
import { pageFrom, required } from "./convert/request.ts";
import { timeRangeFrom } from "./convert/time.ts";

/** `OtlpMetricService` over its queries. */
export function createOtlpMetricService(queries: OtlpMetricQueries): ServiceImpl<typeof OtlpMetricService> {
  return {
    async listOtlpMetrics(request) {
      const { metrics, nextPageToken } = await queries.listMetrics(request.agentId || null, pageFrom(request));
      return { metrics: metrics.map(otlpMetricToProto), nextPageToken };
    },
    async queryOtlpMetric(request) {
      const points = {
        name: required("name", request.name),
        agentId: request.agentId || null,
        scopeName: request.scopeName || null,
        attributes: request.attributes.filter((attribute) => attribute !== ""),
        ...timeRangeFrom(request),
      };
      const { series, nextPageToken } = await queries.queryPoints(points, pageFrom(request));
      return { series: series.map(otlpSeriesToProto), nextPageToken };
    },
  };
}
