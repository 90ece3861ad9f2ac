import { fieldError } from "../model/error.ts";
import type { EventFilter } from "../store/store.ts";
import { createPageToken, findPlace } from "./page-token.ts";

/** What a watcher can ask for: time has no part in it, because events come in any order of time. */
export type WatchFilter = Omit<EventFilter, "fromMicros" | "toMicros">;

/**
 * Makes the cursor of the place after a sequence, in the form of a page token. It holds for this filter only: with another one, events
 * would be missing from what the watcher has seen so far, and it could not know.
 */
export function createWatchCursor(sequence: number, filter: WatchFilter): string {
  return createPageToken([sequence], queryOf(filter));
}

/**
 * The sequence that a cursor stands for, which is at most `lastSequence`, the last one of the store. Throws `CURSOR_INVALID` for what is
 * no cursor of this filter, and for one from further on: that place is in another database, and what comes to have these sequences
 * here would be passed over.
 */
export function parseWatchCursor(cursor: string, filter: WatchFilter, lastSequence: number): number {
  const sequence = Number(findPlace(cursor, queryOf(filter))?.[0]);
  if (Number.isNaN(sequence)) return invalid("must be a cursor of a watch with the same filter");
  if (sequence > lastSequence) return invalid("is of another database: this one has not stored as much");
  return sequence;
}

function invalid(message: string): never {
  throw fieldError({ field: "cursor", reason: "CURSOR_INVALID", message });
}

/** In an order that does not depend on how the filter was made: a client may keep a cursor for long. */
function queryOf({ agentId, sessionId, name, channel, level, expression }: WatchFilter): unknown {
  return ["watch", agentId, sessionId, name, channel, level, ...(expression ? [expression] : [])];
}
