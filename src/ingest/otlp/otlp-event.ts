import type { FieldViolation } from "../../model/error.ts";
import type { Event } from "../../model/event.ts";
import { type EventDraft, eventId } from "../../model/event-id.ts";
import type { JsonObject } from "../../model/exact-json.ts";
import type { Limits } from "../../model/limits.ts";
import { deriveFacts } from "../derive-facts.ts";
import { isDeeperThan } from "../nesting.ts";
import { boundedText, fitsInBytes } from "../text-bounds.ts";
import type { OtlpFactSource } from "./alias.ts";
import { microsOf } from "./nanos.ts";
import type { OtlpOrigin } from "./otlp-input.ts";

/** What OpenTelemetry events are checked against. */
export interface OtlpEventOptions {
  /** The server's clock: the event's receive time. */
  readonly nowMicros: number;
  readonly limits: Limits;
  /** Told of every event that is made, in the form in which facts are read out of it. */
  readonly onRead?: (origin: OtlpOrigin, source: OtlpFactSource) => void;
}

/** An event before the checks that spans and log records have in common. */
export interface OtlpEventInput {
  readonly origin: OtlpOrigin;
  readonly channel: "SPAN" | "LOG";
  readonly name: string;
  readonly level: string;
  readonly timeNanos: bigint;
  readonly durationMs: number | null;
  readonly traceId: string | null;
  readonly spanId: string | null;
  readonly parentSpanId: string | null;
  readonly attributes: JsonObject;
  /** What is kept beside the attributes, resource and scope. */
  readonly rest: JsonObject;
}

/** Name of an agent that nothing names: what the SDKs say of a service without a name. */
export const unknownService = "unknown_service";

/** Makes an event of it, or says why it is refused. `ordinal` tells identical events of one request apart. */
export function otlpEvent(
  input: OtlpEventInput,
  { nowMicros, limits, onRead }: OtlpEventOptions,
):
  | { readonly ok: true; readonly idOf: (ordinal: number) => Event }
  | { readonly ok: false; violation: FieldViolation } {
  const { origin, attributes, rest, level, channel } = input;
  const timeMicros = microsOf(input.timeNanos);
  if (timeMicros === null) return refuse("time", "TIME_OUT_OF_RANGE", "lies beyond the year 2255");
  const extensions: JsonObject = { resource: origin.resource.value, scope: origin.scope.value, ...rest };
  if ([attributes, rest, origin.resource.value, origin.scope.value].some((part) => isTooDeep(part, limits))) {
    return refuse("attributes", "NESTING_TOO_DEEP", `must have at most ${limits.nestingMaxDepth} levels`);
  }
  const attributesJson = JSON.stringify(attributes);
  const extensionsJson = extensionsText(origin, rest);
  if (![attributesJson, extensionsJson].every((text) => fitsInBytes(text, limits.attributesMaxBytes))) {
    const message = `must have at most ${limits.attributesMaxBytes} bytes as JSON text, and so must all the rest`;
    return refuse("attributes", "FIELD_TOO_LONG", message);
  }
  const name = cutText(input.name, limits.idMaxBytes) || "unnamed";
  const source = { ...input, dialect: "otlp", name, attributes, extensions } as const;
  const facts = deriveFacts(source, limits);
  onRead?.(origin, source);
  const draft: EventDraft = {
    clientEventId: null,
    agentId: facts.ownership?.agentId ?? serviceOf(origin, limits),
    sessionId: facts.ownership?.sessionId ?? null,
    traceId: input.traceId,
    spanId: input.spanId,
    parentSpanId: input.parentSpanId,
    name,
    level: cutText(level, limits.textMaxBytes),
    channel,
    direction: null,
    timeMicros,
    receivedAtMicros: nowMicros,
    durationMs: input.durationMs,
    ...callerOf(attributes, limits),
    schemaVersion: boundedText(origin.schemaUrl, limits.textMaxBytes),
    dialect: "otlp",
    attributesJson,
    extensionsJson,
    ...facts,
  };
  const text = `${attributesJson}\n${extensionsJson}`;
  const content = { attributes, extensions, explicitDurationMs: input.durationMs, text };
  return { ok: true, idOf: (ordinal) => ({ ...draft, id: eventId(draft, content, ordinal) }) };
}

function refuse(field: string, reason: FieldViolation["reason"], message: string) {
  return { ok: false, violation: { field, reason, message } } as const;
}

/** Whether an object is too deep to be kept inside another one. Most members are no objects, and are not looked at any further. */
function isTooDeep(object: JsonObject, { nestingMaxDepth }: Limits): boolean {
  for (const value of Object.values(object)) {
    if (typeof value === "object" && value !== null && isDeeperThan(value, nestingMaxDepth - 1)) return true;
  }
  return false;
}

/** The texts of resource and scope are the same for many events. */
function extensionsText({ resource, scope }: OtlpOrigin, rest: JsonObject): string {
  const text = JSON.stringify(rest);
  return `{"resource":${resource.text},"scope":${scope.text}${text === "{}" ? "}" : `,${text.slice(1)}`}`;
}

/** The agent that reports, where nothing more special says it: the resource's service. */
export function serviceOf({ resource }: OtlpOrigin, { idMaxBytes }: Limits): string {
  const name = resource.attributes["service.name"];
  return typeof name === "string" && name !== "" ? cutText(name, idMaxBytes) : unknownService;
}

/** The beginning of a text that may be too long: nothing is refused for a name. */
export function cutText(text: string, maxBytes: number): string {
  const wellFormed = text.toWellFormed();
  if (fitsInBytes(wellFormed, maxBytes)) return wellFormed;
  const bytes = Buffer.from(wellFormed).subarray(0, maxBytes);
  // A character that was cut apart reads as one or more replacement characters.
  return bytes.toString().replace(/\uFFFD+$/, "");
}

const int32Max = 2 ** 31 - 1;

/** The code that reports, by its names of today and of before. */
function callerOf(
  attributes: JsonObject,
  { textMaxBytes }: Limits,
): Pick<Event, "callerFile" | "callerLine" | "callerFunction"> {
  const textAt = (...keys: readonly string[]): string | null => {
    const text = keys.map((key) => attributes[key]).find((value) => typeof value === "string");
    return typeof text === "string" ? boundedText(text, textMaxBytes) : null;
  };
  const line = attributes["code.line.number"] ?? attributes["code.lineno"];
  return {
    callerFile: textAt("code.file.path", "code.filepath"),
    callerLine: typeof line === "number" && Number.isInteger(line) && line >= 0 && line <= int32Max ? line : null,
    callerFunction: textAt("code.function.name", "code.function"),
  };
}
