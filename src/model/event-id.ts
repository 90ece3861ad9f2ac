import { hash } from "node:crypto";
import { canonicalJson } from "./canonical-json.ts";
import type { Event } from "./event.ts";
import { parseExactJson } from "./exact-json.ts";

/** An event that has no id yet. */
export type EventDraft = Omit<Event, "id">;

/** What identifies an event beside the fields of its draft. */
export interface EventContent {
  /** The value of `attributesJson`, as `parseExactJson` gives it. */
  readonly attributes: unknown;
  /** The value of `extensionsJson`; null where that is null. */
  readonly extensions: unknown;
  /** The duration that the client gave as such, in milliseconds; not one that was read out of the attributes. */
  readonly explicitDurationMs: number | null;
  /** Lines 2 and 3 of the content, where the dialect has spellings of its own; else they are the canonical texts of the two above. */
  readonly text?: string;
}

/**
 * The server's id of an event: 32 lower-case hexadecimal digits, the same whenever and however the event is sent.
 *
 * - 12 digits: the event time in whole milliseconds since 1970, cut off, and 0 before 1970. So ids grow with time, as the unique
 *   index likes it.
 * - 20 digits: the first 80 bits of a SHA-256. What is hashed is UTF-8 text of lines joined by a line feed; each line is
 *   JSON without white space, so that no line holds a line feed and two different inputs never give the same text.
 *
 * With a client's own id, one line: `["client-id",agent id,client's id]`.
 *
 * Without, three lines:
 * 1. `["content",agent id,session id,trace id,span id,parent span id,name,level,channel,direction,time in microseconds,explicit
 *    duration in milliseconds,caller's file,caller's line,caller's function,schema version]`, absent values as null;
 * 2. the canonical text of the attributes, see `canonicalJson`;
 * 3. the canonical text of the extensions, or `null`.
 *
 * Of OpenTelemetry's events, lines 2 and 3 are attributes and extensions as this server writes them, keys in the order in which they
 * were sent: exporters repeat what they send as it was, and to sort the keys took a fifth of the time.
 *
 * Receive time, transport, and whatever a dialect derives from the content (duration, provider, operation) have no part in it.
 * `ordinal` tells identical events of one request apart: 0 is the first, and from 1 on it is a fourth line. With a client's id it
 * has no effect. The format is for ever: any change makes stored events and their retries two events.
 */
export function eventId(draft: EventDraft, content: EventContent, ordinal: number): string {
  const text = draft.clientEventId === null ? contentText(draft, content, ordinal) : clientIdText(draft);
  const millis = Math.max(0, Math.floor(draft.timeMicros / 1000));
  return millis.toString(16).padStart(12, "0") + hash("sha256", text, "hex").slice(0, 20);
}

/**
 * Whether two events with the same id say the same: a retry is a duplicate, anything else an EVENT_ID_CONFLICT. Attributes and
 * extensions are compared as values, whatever their spelling. Receive time, dialect and derived facts do not count, except
 * for the duration, which may be the client's own.
 */
export function isSameContent(a: Event, b: Event): boolean {
  return (
    comparedFields.every((field) => a[field] === b[field]) &&
    isSameJson(a.attributesJson, b.attributesJson) &&
    isSameJson(a.extensionsJson, b.extensionsJson)
  );
}

const comparedFields = [
  "clientEventId",
  "agentId",
  "sessionId",
  "traceId",
  "spanId",
  "parentSpanId",
  "name",
  "level",
  "channel",
  "direction",
  "timeMicros",
  "durationMs",
  "callerFile",
  "callerLine",
  "callerFunction",
  "schemaVersion",
] as const satisfies readonly (keyof Event)[];

function clientIdText(draft: EventDraft): string {
  return JSON.stringify(["client-id", draft.agentId, draft.clientEventId]);
}

function contentText(draft: EventDraft, content: EventContent, ordinal: number): string {
  const fields = JSON.stringify([
    "content",
    draft.agentId,
    draft.sessionId,
    draft.traceId,
    draft.spanId,
    draft.parentSpanId,
    draft.name,
    draft.level,
    draft.channel,
    draft.direction,
    draft.timeMicros,
    content.explicitDurationMs,
    draft.callerFile,
    draft.callerLine,
    draft.callerFunction,
    draft.schemaVersion,
  ]);
  const facts = content.text ?? `${canonicalJson(content.attributes)}\n${canonicalJson(content.extensions)}`;
  const text = `${fields}\n${facts}`;
  return ordinal === 0 ? text : `${text}\n${ordinal}`;
}

function isSameJson(a: string | null, b: string | null): boolean {
  return a === b || (a !== null && b !== null && canonicalJson(parseExactJson(a)) === canonicalJson(parseExactJson(b)));
}
