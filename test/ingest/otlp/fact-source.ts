import type { FactSource } from "../../../src/ingest/derive-facts.ts";
import type { JsonObject } from "../../../src/model/exact-json.ts";

/** An ended span as facts are read out of it. */
export function spanSource(attributes: JsonObject, { extensions, ...rest }: Partial<FactSource> = {}): FactSource {
  return {
    dialect: "otlp",
    channel: "SPAN",
    spanId: "00f067aa0ba902b7",
    parentSpanId: null,
    name: "work",
    level: "INFO",
    attributes,
    ...rest,
    extensions: {
      resource: { attributes: { "service.name": "tester" } },
      scope: { name: "test" },
      end_time_unix_nano: "1795168800000000000",
      ...extensions,
    },
  };
}

/** A log record likewise. */
export function logSource(name: string, attributes: JsonObject, rest: Partial<FactSource> = {}): FactSource {
  const source = spanSource(attributes, rest);
  return { ...source, channel: "LOG", spanId: rest.spanId ?? null, name };
}
