import type { ServiceImpl } from "@connectrpc/connect";
import type { MetricsService } from "../../../gen/opentelemetry/proto/collector/metrics/v1/metrics_service_pb.ts";
import type { PointIntake } from "../../ingest/otlp/point-intake.ts";
import { metricPointsFromProto } from "./metrics.ts";
import { unreadableItemsKey, unreadableViolation } from "./unreadable.ts";

/** Data points of OpenTelemetry over their intake. Answers after the commit; what is rejected must not be sent again. */
export function createOtlpMetricsService(intake: PointIntake): ServiceImpl<typeof MetricsService> {
  return {
    async export({ resourceMetrics }, { values }) {
      const unreadable = values.get(unreadableItemsKey);
      const points = metricPointsFromProto(resourceMetrics).map((point, number) => {
        const reason = unreadable.get(number);
        return reason === undefined ? point : { ...point, violation: unreadableViolation(reason) };
      });
      const outcomes = await intake.take(points);
      let count = 0n;
      let errorMessage = "";
      for (const [index, outcome] of outcomes.entries()) {
        if (outcome.status !== "rejected") continue;
        const { field, message } = outcome.violation;
        const name = points[index]?.metric.name.slice(0, nameMaxLength) ?? "";
        if (count === 0n) errorMessage = `number ${index} (${JSON.stringify(name)}): ${field} ${message}`;
        count += 1n;
      }
      return count === 0n ? {} : { partialSuccess: { rejectedDataPoints: count, errorMessage } };
    },
  };
}

/** Characters of a metric's name in a message. */
const nameMaxLength = 100;
