import type { FieldViolation } from "../model/error.ts";
import type { Event } from "../model/event.ts";
import { type EventDraft, eventId } from "../model/event-id.ts";
import type { EventFieldsResult } from "./cylestio/event-fields.ts";
import { type NormaliseOptions, normaliseEvent } from "./cylestio/normalise-event.ts";

/** What became of one event of a request: the event to store, or why it is refused. */
export type EventResult =
  | { readonly ok: true; readonly event: Event }
  | { readonly ok: false; readonly violation: FieldViolation };

/** Makes the function to which the raw events of one request are given, one after the other. */
export type CreateNormaliser<Raw> = (options: NormaliseOptions) => (raw: Raw) => EventResult;

/**
 * Makes events of Cylestio's. `readFields` is the protocol's reader: `eventFieldsFromJson`, or the one for the messages of the contract.
 * Events do not influence each other, except that identical ones without an id of the client's get different ids.
 */
export function cylestioEvents<Raw>(readFields: (raw: Raw) => EventFieldsResult): CreateNormaliser<Raw> {
  return (options) => createCylestioNormaliser(readFields, options);
}

function createCylestioNormaliser<Raw>(
  readFields: (raw: Raw) => EventFieldsResult,
  options: NormaliseOptions,
): (raw: Raw) => EventResult {
  const occurrences = new Map<string, number>();
  return (raw) => {
    const read = readFields(raw);
    if (!read.ok) {
      return read;
    }
    const normalised = normaliseEvent(read.fields, options);
    if (!normalised.ok) {
      return normalised;
    }
    const { draft, content } = normalised;
    const id = eventId(draft, content, 0);
    const ordinal = occurrences.get(id) ?? 0;
    occurrences.set(id, ordinal + 1);
    return { ok: true, event: withId(draft, ordinal === 0 ? id : eventId(draft, content, ordinal)) };
  };
}

/** The same for all of Cylestio's events at once. The result has one entry per raw event, in the same order. */
export function normaliseBatch<Raw>(
  raws: readonly Raw[],
  { readFields, ...options }: NormaliseOptions & { readonly readFields: (raw: Raw) => EventFieldsResult },
): readonly EventResult[] {
  return raws.map(createCylestioNormaliser(readFields, options));
}

function withId(draft: EventDraft, id: string): Event {
  return { ...draft, id };
}
