import { canonicalJson } from "../../model/canonical-json.ts";
import type { FieldViolation } from "../../model/error.ts";
import type { Limits } from "../../model/limits.ts";
import { metricDataToJson } from "../../model/metric-data-json.ts";
import { type MetricPoint, type MetricSeries, metricPointHash, metricSeriesHash } from "../../model/metric-point.ts";
import { isDeeperThan } from "../nesting.ts";
import { fitsInBytes } from "../text-bounds.ts";
import type { OtlpMetric, OtlpPoint } from "./metric-input.ts";
import { findMetricViolation } from "./metric-violation.ts";
import { microsOf } from "./nanos.ts";
import { cutText, serviceOf } from "./otlp-event.ts";
import type { OtlpOrigin, OtlpSource } from "./otlp-input.ts";

/** What became of one data point of a request: the point to store, or why it is refused. */
export type PointResult =
  | { readonly ok: true; readonly point: MetricPoint }
  | { readonly ok: false; readonly violation: FieldViolation };

/** Makes the function to which the data points of one request are given, one after the other. Points of a series share its object. */
export function createPointNormaliser(limits: Limits): (raw: OtlpPoint) => PointResult {
  const seriesOf = createSeriesMaker(limits);
  const violationOf = createOnce((metric: OtlpMetric) => findSourceViolation(metric, limits));
  return ({ metric, timeNanos, attributes, data, violation: known }) => {
    const violation = known ?? violationOf(metric) ?? findMetricViolation(data);
    if (violation !== undefined) return { ok: false, violation };
    if (microsOf(timeNanos) === null) {
      return refuse("time_unix_nano", "TIME_OUT_OF_RANGE", "lies beyond the year 2255");
    }
    const documents = [attributes, ...data.exemplars.map((exemplar) => exemplar.attributes)];
    if (documents.some((document) => isDeeperThan(document, limits.nestingMaxDepth))) {
      return refuse("attributes", "NESTING_TOO_DEEP", `must have at most ${limits.nestingMaxDepth} levels`);
    }
    const series = seriesOf(metric, attributes);
    const dataJson = metricDataToJson(data);
    if (![series.attributesJson, dataJson].every((text) => fitsInBytes(text, limits.attributesMaxBytes))) {
      return refuse(
        "attributes",
        "FIELD_TOO_LONG",
        `and values must have at most ${limits.attributesMaxBytes} bytes each`,
      );
    }
    return { ok: true, point: { series, timeNanos, dataJson, hash: metricPointHash(dataJson) } };
  };
}

function refuse(field: string, reason: FieldViolation["reason"], message: string): PointResult {
  return { ok: false, violation: { field, reason, message } };
}

/** What is wrong with a metric, and so with all of its points. */
function findSourceViolation({ name, origin, metadata }: OtlpMetric, limits: Limits): FieldViolation | undefined {
  const { idMaxBytes, attributesMaxBytes, nestingMaxDepth } = limits;
  if (name === "") return { field: "name", reason: "FIELD_REQUIRED", message: "is required" };
  // Unlike a span's: two long names with the same beginning would be one metric.
  if (!fitsInBytes(name, idMaxBytes)) {
    return { field: "name", reason: "FIELD_TOO_LONG", message: `must have at most ${idMaxBytes} bytes of UTF-8` };
  }
  const values = { resource: origin.resource.value, scope: origin.scope.value, metadata };
  for (const [field, value] of Object.entries(values)) {
    if (isDeeperThan(value, nestingMaxDepth)) {
      return { field, reason: "NESTING_TOO_DEEP", message: `must have at most ${nestingMaxDepth} levels` };
    }
    if (!fitsInBytes(JSON.stringify(value), attributesMaxBytes)) {
      return { field, reason: "FIELD_TOO_LONG", message: `must have at most ${attributesMaxBytes} bytes as JSON` };
    }
  }
  return undefined;
}

/** Points of a request are mostly of few series, and these of fewer metrics and origins. */
function createSeriesMaker(limits: Limits): (metric: OtlpMetric, attributes: OtlpPoint["attributes"]) => MetricSeries {
  const known = createOnce<OtlpMetric, Map<string, MetricSeries>>(() => new Map());
  const canonical = createOnce(({ value }: OtlpSource) => canonicalJson(value));
  const agentOf = createOnce((origin: OtlpOrigin) => serviceOf(origin, limits));
  return (metric, attributes) => {
    const attributesJson = JSON.stringify(attributes);
    const ofMetric = known(metric);
    const found = ofMetric.get(attributesJson);
    if (found !== undefined) return found;
    const { origin, type, temporality, isMonotonic, metadata } = metric;
    const identity = {
      agentId: agentOf(origin),
      name: metric.name.toWellFormed(),
      unit: cutText(metric.unit, limits.textMaxBytes),
      type,
      temporality,
      isMonotonic,
    };
    const series: MetricSeries = {
      ...identity,
      hash: metricSeriesHash(identity, {
        resourceText: canonical(origin.resource),
        scopeText: canonical(origin.scope),
        attributes,
      }),
      description: cutText(metric.description, limits.textMaxBytes),
      metadataJson: Object.keys(metadata).length === 0 ? null : JSON.stringify(metadata),
      scopeName: origin.scopeName === null ? null : cutText(origin.scopeName, limits.textMaxBytes),
      scopeVersion: origin.scopeVersion === null ? null : cutText(origin.scopeVersion, limits.textMaxBytes),
      scopeJson: origin.scope.text,
      resourceJson: origin.resource.text,
      attributesJson,
    };
    ofMetric.set(attributesJson, series);
    return series;
  };
}

/** Computes once for each object. */
function createOnce<Key extends object, Result>(compute: (key: Key) => Result): (key: Key) => Result {
  const known = new Map<Key, { readonly result: Result }>();
  return (key) => {
    const found = known.get(key);
    if (found !== undefined) return found.result;
    const result = compute(key);
    known.set(key, { result });
    return result;
  };
}
