import type { OperationPart } from "../../model/event.ts";
import { isJsonObject, type JsonObject } from "../../model/exact-json.ts";
import { operationFamilies } from "./operation-families.ts";

/** Where an event may tell how long it took. */
export interface DurationSource {
  /** What the client gave as the event's duration, in milliseconds; it counts before all else. */
  readonly explicitMs: number | null;
  readonly attributes: JsonObject;
  readonly extensions: JsonObject | null;
  readonly operation: OperationPart | null;
}

/** Attributes in milliseconds, in order of precedence. */
const millisecondAttributes = [
  "llm.response.duration_ms",
  "tool.duration_ms",
  "function.duration_ms",
  "session.duration_ms",
  "duration_ms",
] as const;

/**
 * How long the event says that its operation took, in milliseconds: the first place that holds a number (or a text that is one)
 * which is finite and not negative. Legacy `duration` is in seconds, and only so where a call of a model or a tool ends.
 */
export function findDurationMs({ explicitMs, attributes, extensions, operation }: DurationSource): number | null {
  if (explicitMs !== null) {
    return explicitMs;
  }
  for (const key of millisecondAttributes) {
    const duration = readDuration(attributes[key]);
    if (duration !== null) {
      return duration;
    }
  }
  return secondsInMs(attributes, operation) ?? performanceMs(attributes) ?? performanceMs(extensions);
}

function secondsInMs(attributes: JsonObject, operation: OperationPart | null): number | null {
  if (operation === null || operation.outcome === null) {
    return null;
  }
  const isInSeconds = operationFamilies.get(operation.family)?.isDurationInSeconds === true;
  const seconds = isInSeconds ? readDuration(attributes["duration"]) : null;
  // Through whole microseconds, so that 0.2315 becomes 231.5 and not 231.50000000000003.
  return seconds === null ? null : Math.round(seconds * 1e6) / 1e3;
}

function performanceMs(holder: JsonObject | null): number | null {
  const performance = holder?.["performance"];
  return isJsonObject(performance) ? readDuration(performance["duration_ms"]) : null;
}

function readDuration(value: unknown): number | null {
  const number = readNumber(value);
  return number >= 0 && Number.isFinite(number) ? number : null;
}

function readNumber(value: unknown): number {
  if (typeof value === "number") {
    return value;
  }
  if (typeof value === "string" && value.trim() !== "") {
    return Number(value);
  }
  return JSON.isRawJSON(value) ? Number(value.rawJSON) : Number.NaN;
}
