import type { FieldViolation } from "../../model/error.ts";
import type { JsonObject } from "../../model/exact-json.ts";
import type { MetricData, MetricTemporality, MetricType } from "../../model/metric-point.ts";
import type { OtlpOrigin } from "./otlp-input.ts";

/** A metric, as sent, without its points. Values are as in `otlp-input.ts`. */
export interface OtlpMetric {
  readonly origin: OtlpOrigin;
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly type: MetricType;
  readonly temporality: MetricTemporality | null;
  readonly isMonotonic: boolean | null;
  readonly metadata: JsonObject;
}

/** A data point, as sent. Points of one metric have the same object. */
export interface OtlpPoint {
  readonly metric: OtlpMetric;
  /** 0 is not known. */
  readonly timeNanos: bigint;
  readonly attributes: JsonObject;
  readonly data: MetricData;
  /** Why it is refused, where that is known already: it could not be read. */
  readonly violation?: FieldViolation;
}
