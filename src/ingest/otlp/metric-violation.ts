import type { FieldViolation } from "../../model/error.ts";
import type { MetricData, MetricHistogram } from "../../model/metric-point.ts";

/** The flag that says that a point has no value. */
const noRecordedValue = 1;

/**
 * What makes a point's data unreadable: no value where one was recorded, and buckets that do not fit their bounds. Everything else, as
 * counts that do not add up, is kept as it was sent.
 */
export function findMetricViolation({ value, flags }: MetricData): FieldViolation | undefined {
  if (value === null && (flags & noRecordedValue) === 0) {
    return {
      field: "value",
      reason: "FIELD_REQUIRED",
      message: "is required where the flags do not say that there is none",
    };
  }
  return value?.kind === "histogram" ? findBucketViolation(value) : undefined;
}

function findBucketViolation({ bounds, counts }: MetricHistogram): FieldViolation | undefined {
  const fits = counts.length === 0 ? bounds.length === 0 : counts.length === bounds.length + 1;
  if (!fits) {
    const message = `must have one count more than there are explicit_bounds (${bounds.length}), or both must be empty`;
    return { field: "bucket_counts", reason: "FIELD_INVALID", message };
  }
  // Written so that NaN is refused too.
  const grows = bounds.every((bound, index) =>
    index === 0 ? !Number.isNaN(bound) : bound > (bounds[index - 1] ?? bound),
  );
  return grows ? undefined : { field: "explicit_bounds", reason: "FIELD_INVALID", message: "must grow" };
}
