import { TelemetryError } from "../../model/error.ts";
import { isJsonObject } from "../../model/exact-json.ts";

/**
 * The raw events of a batch in free-form JSON: an array, or an object with an array as `events`. Their number is not checked.
 * Anything else is a TelemetryError, which concerns the whole request.
 */
export function batchFromJson(body: unknown): readonly unknown[] {
  if (Array.isArray(body)) {
    return body;
  }
  const events = isJsonObject(body) ? body["events"] : undefined;
  if (Array.isArray(events)) {
    return events;
  }
  throw new TelemetryError("MALFORMED_BODY", 'A batch is a JSON array of events, or an object {"events": [...]}.', {
    violations: [{ field: "events", reason: "MALFORMED_BODY", message: "must be an array of events" }],
  });
}
