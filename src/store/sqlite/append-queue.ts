import { TelemetryError } from "../../model/error.ts";
import type { Event } from "../../model/event.ts";
import type { AppendOutcome } from "../store.ts";

/** Joins the appends of many requests into few commits. */
export interface AppendQueue {
  /** Resolves when the commit that holds the events is on disk. */
  append(events: readonly Event[]): Promise<readonly AppendOutcome[]>;
}

/** Events in one commit at most; one request is never split. */
const commitMaxEvents = 5_000;

interface Waiting {
  readonly events: readonly Event[];
  readonly resolve: (outcomes: readonly AppendOutcome[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * `write` stores events in one transaction and throws if it cannot: a `TelemetryError` where the database is to blame.
 * It is called at most once per turn of the event loop.
 */
export function createAppendQueue(write: (events: readonly Event[]) => AppendOutcome[]): AppendQueue {
  let waiting: Waiting[] = [];

  const flush = (): void => {
    const group = takeGroup(waiting);
    waiting = waiting.slice(group.length);
    commit(write, group);
    if (waiting.length > 0) setImmediate(flush);
  };

  return {
    append: (events) =>
      new Promise((resolve, reject) => {
        if (waiting.length === 0) setImmediate(flush);
        waiting.push({ events, resolve, reject });
      }),
  };
}

function takeGroup(waiting: readonly Waiting[]): readonly Waiting[] {
  let count = 0;
  const end = waiting.findIndex(({ events }, index) => {
    count += events.length;
    return index > 0 && count > commitMaxEvents;
  });
  return end === -1 ? waiting : waiting.slice(0, end);
}

function commit(write: (events: readonly Event[]) => AppendOutcome[], group: readonly Waiting[]): void {
  let outcomes: AppendOutcome[];
  try {
    outcomes = write(group.flatMap(({ events }) => events));
  } catch (error) {
    // Alone, each request gets its own answer: what is wrong with one must not sink the others. Where the database cannot be
    // used, that would only make everybody wait longer for the same answer.
    if (group.length > 1 && !(error instanceof TelemetryError)) for (const request of group) commit(write, [request]);
    else for (const { reject } of group) reject(error);
    return;
  }
  let from = 0;
  for (const { events, resolve } of group) {
    resolve(outcomes.slice(from, from + events.length));
    from += events.length;
  }
}
