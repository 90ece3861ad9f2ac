import type { DerivedFacts, Dialect, Event } from "../model/event.ts";
import { isJsonObject, type JsonObject, parseExactJson } from "../model/exact-json.ts";
import type { Limits } from "../model/limits.ts";
import { findAlertFacts } from "./cylestio/alert-facts.ts";
import { findLlmFacts } from "./cylestio/llm-facts.ts";
import { findLlmProvider } from "./cylestio/llm-provider.ts";
import { findOperation } from "./cylestio/operation.ts";
import type { OtlpFactSource } from "./otlp/alias.ts";
import { findOtlpFacts } from "./otlp/otlp-facts.ts";

/** What an event says, as far as facts are read out of it. OpenTelemetry's are read out of more than Cylestio's. */
export interface FactSource extends OtlpFactSource {
  readonly dialect: Dialect;
}

const noAttributes: JsonObject = {};

/** Reads out of an event what is derived from it: the same whenever it is asked, so that derived tables can be made anew. */
export function deriveFacts(source: FactSource, limits: Limits): DerivedFacts {
  return source.dialect === "otlp" ? findOtlpFacts(source, limits) : findCylestioFacts(source, limits);
}

function findCylestioFacts({ name, level, attributes, extensions }: FactSource, limits: Limits): DerivedFacts {
  const { idMaxBytes, textMaxBytes } = limits;
  const operation = findOperation({ name, attributes, idMaxBytes });
  const llm = operation === null ? null : findLlmFacts({ name, attributes, extensions, operation, idMaxBytes });
  return {
    llmProvider: findLlmProvider({ name, attributes, extensions, idMaxBytes }),
    operation: operation === null ? null : { ...operation, llm },
    alert: findAlertFacts({ name, level, attributes, extensions, textMaxBytes }),
    ownership: null,
  };
}

/** The same for an event that is stored. */
export function deriveStoredFacts(event: StoredFactSource, limits: Limits): DerivedFacts {
  return deriveFacts(factSourceOf(event), limits);
}

/** The members of a stored event that facts are read out of. */
export type StoredFactSource = Pick<
  Event,
  "dialect" | "channel" | "spanId" | "parentSpanId" | "name" | "level" | "attributesJson" | "extensionsJson"
>;

/** A stored event as facts are read out of it. */
export function factSourceOf(event: StoredFactSource): FactSource {
  const attributes = parseExactJson(event.attributesJson);
  const extensions = event.extensionsJson === null ? null : parseExactJson(event.extensionsJson);
  return {
    dialect: event.dialect,
    channel: event.channel,
    spanId: event.spanId,
    parentSpanId: event.parentSpanId,
    name: event.name,
    level: event.level,
    attributes: isJsonObject(attributes) ? attributes : noAttributes,
    extensions: isJsonObject(extensions) ? extensions : null,
  };
}
