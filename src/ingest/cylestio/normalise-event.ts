import type { FieldViolation } from "../../model/error.ts";
import type { EventContent, EventDraft } from "../../model/event-id.ts";
import { isJsonObject, type JsonObject } from "../../model/exact-json.ts";
import { eventTimeMinMicros, type Limits } from "../../model/limits.ts";
import { formatTimeMicros } from "../../model/time.ts";
import { deriveFacts } from "../derive-facts.ts";
import { idText } from "../id-text.ts";
import { isDeeperThan } from "../nesting.ts";
import { findTextViolation, fitsInBytes } from "../text-bounds.ts";
import { findDurationMs } from "./duration.ts";
import type { EventFields } from "./event-fields.ts";

/** What events are checked against. */
export interface NormaliseOptions {
  /** The server's clock: the event's receive time, and the start of the future. */
  readonly nowMicros: number;
  readonly limits: Limits;
}

/** An event without its id and what the id is made of, or what is wrong with it. */
export type NormaliseResult =
  | { readonly ok: true; readonly draft: EventDraft; readonly content: EventContent }
  | { readonly ok: false; readonly violation: FieldViolation };

/** Severity of an event that tells none. */
const levelDefault = "INFO";

const noAttributes: JsonObject = {};

/** Makes one event of what a client said, whatever the protocol: checks it, fills in defaults, and reads what its facts tell. */
export function normaliseEvent(fields: EventFields, { nowMicros, limits }: NormaliseOptions): NormaliseResult {
  const { agentId, name, timeMicros, extensions } = fields;
  if (timeMicros === null || agentId === null || name === null) {
    return refuse(missing(fields));
  }
  const attributes = isJsonObject(fields.attributes) ? fields.attributes : noAttributes;
  const session = findSession(fields, attributes);
  const fault =
    findTimeViolation(timeMicros, fields.names.time, { nowMicros, limits }) ??
    findFieldViolation(fields, limits) ??
    findTextViolation(session.id, session.field, limits.idMaxBytes) ??
    findNestingViolation(fields, limits);
  if (fault !== undefined) {
    return refuse(fault);
  }
  const attributesJson = fields.attributesText ?? JSON.stringify(fields.attributes);
  const extensionsJson = extensions === null ? null : (fields.extensionsText ?? JSON.stringify(extensions));
  const { attributesMaxBytes } = limits;
  if (!fitsInBytes(attributesJson, attributesMaxBytes)) {
    return refuse(tooLarge(fields.names.attributes, limits));
  }
  if (extensionsJson !== null && !fitsInBytes(extensionsJson, attributesMaxBytes)) {
    const isTooLarge = (value: unknown): boolean => !fitsInBytes(JSON.stringify(value), attributesMaxBytes);
    return refuse(tooLarge(extensionField(fields, isTooLarge), limits));
  }
  const level = fields.level ?? levelDefault;
  const facts = deriveFacts({ ...fields, dialect: "cylestio", name, level, attributes, extensions }, limits);
  const draft: EventDraft = {
    clientEventId: fields.clientEventId,
    agentId,
    sessionId: session.id,
    traceId: fields.traceId,
    spanId: fields.spanId,
    parentSpanId: fields.parentSpanId,
    name,
    level,
    channel: fields.channel,
    direction: fields.direction,
    timeMicros,
    receivedAtMicros: nowMicros,
    durationMs: findDurationMs({
      explicitMs: fields.durationMs,
      attributes,
      extensions,
      operation: facts.operation,
    }),
    callerFile: fields.callerFile,
    callerLine: fields.callerLine,
    callerFunction: fields.callerFunction,
    schemaVersion: fields.schemaVersion,
    dialect: "cylestio",
    attributesJson,
    extensionsJson,
    ...facts,
  };
  return {
    ok: true,
    draft,
    content: { attributes: fields.attributes, extensions, explicitDurationMs: fields.durationMs },
  };
}

function refuse(violation: FieldViolation): NormaliseResult {
  return { ok: false, violation };
}

function missing(fields: EventFields): FieldViolation {
  const required = { reason: "FIELD_REQUIRED", message: "is required" } as const;
  if (fields.timeMicros === null) {
    return { field: fields.names.time, ...required };
  }
  return { field: fields.agentId === null ? "agent_id" : fields.names.name, ...required };
}

/** The event's own session, else the one that its attributes name, in v1's spelling or the legacy one. */
function findSession(fields: EventFields, attributes: JsonObject): { id: string | null; field: string } {
  if (fields.sessionId !== null) {
    return { id: fields.sessionId, field: "session_id" };
  }
  for (const key of ["session.id", "session_id"]) {
    const id = idText(attributes[key]);
    if (id) {
      return { id, field: `${fields.names.attributes}["${key}"]` };
    }
  }
  return { id: null, field: "session_id" };
}

function findTimeViolation(
  timeMicros: number,
  field: string,
  { nowMicros, limits }: NormaliseOptions,
): FieldViolation | undefined {
  const maxMicros = nowMicros + limits.futureMaxMs * 1000;
  if (timeMicros >= eventTimeMinMicros && timeMicros <= maxMicros) {
    return undefined;
  }
  const range = `${formatTimeMicros(eventTimeMinMicros)} to ${formatTimeMicros(maxMicros)}`;
  return { field, reason: "TIME_OUT_OF_RANGE", message: `must lie in ${range}` };
}

function findFieldViolation(fields: EventFields, limits: Limits): FieldViolation | undefined {
  const { names, durationMs } = fields;
  const { idMaxBytes, textMaxBytes } = limits;
  if (durationMs !== null && !(Number.isFinite(durationMs) && durationMs >= 0)) {
    return { field: "duration_ms", reason: "FIELD_INVALID", message: "must be finite and not negative" };
  }
  return (
    findTextViolation(fields.clientEventId, names.clientEventId, idMaxBytes) ??
    findTextViolation(fields.agentId, "agent_id", idMaxBytes) ??
    findTextViolation(fields.name, names.name, idMaxBytes) ??
    findTextViolation(fields.traceId, "trace_id", idMaxBytes) ??
    findTextViolation(fields.spanId, "span_id", idMaxBytes) ??
    findTextViolation(fields.parentSpanId, "parent_span_id", idMaxBytes) ??
    findTextViolation(fields.level, "level", textMaxBytes) ??
    findTextViolation(fields.channel, "channel", textMaxBytes) ??
    findTextViolation(fields.direction, "direction", textMaxBytes) ??
    findTextViolation(fields.callerFile, names.callerFile, textMaxBytes) ??
    findTextViolation(fields.callerFunction, names.callerFunction, textMaxBytes) ??
    findTextViolation(fields.schemaVersion, "schema_version", textMaxBytes)
  );
}

/** To be asked before the values are written as JSON, which recurses. */
function findNestingViolation(fields: EventFields, limits: Limits): FieldViolation | undefined {
  const max = limits.nestingMaxDepth;
  if (isDeeperThan(fields.attributes, max)) {
    return tooDeep(fields.names.attributes, max);
  }
  if (isDeeperThan(fields.extensions, max)) {
    const field = extensionField(fields, (value) => isDeeperThan(value, max - 1));
    return tooDeep(field, fields.names.extensions === null ? max - 1 : max);
  }
  return undefined;
}

function tooDeep(field: string, levels: number): FieldViolation {
  return { field, reason: "NESTING_TOO_DEEP", message: `must have at most ${levels} levels of objects and arrays` };
}

function tooLarge(field: string, limits: Limits): FieldViolation {
  const message = `must have at most ${limits.attributesMaxBytes} bytes as JSON text`;
  return { field, reason: "FIELD_TOO_LONG", message };
}

/** The name of the extensions; where they have none, of the first that is at fault; where only all together are, `extensions`. */
function extensionField(fields: EventFields, isAtFault: (value: unknown) => boolean): string {
  const { extensions, names } = fields;
  if (extensions === null || names.extensions !== null) {
    return names.extensions ?? "extensions";
  }
  const key = Object.keys(extensions).find((key) => isAtFault(extensions[key])) ?? "extensions";
  return key.slice(0, shownKeyMax).toWellFormed();
}

/** Characters of a client's key that go into an answer. */
const shownKeyMax = 100;
