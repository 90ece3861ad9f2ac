import { TelemetryError } from "../model/error.ts";
import type { Limits } from "../model/limits.ts";
import type { TelemetryStore } from "../store/store.ts";
import { parseWatchCursor, type WatchFilter } from "./watch-cursor.ts";
import { Watcher, type WatchMessage } from "./watcher.ts";

/** Follows what is stored, for any number of clients up to a limit. */
export interface EventWatches {
  /**
   * Everything that passes the filter and is stored after the cursor, each event once and in the order of storing, for as long as the
   * client takes it. The first message carries no event: it says that the watch has begun, and where.
   *
   * Throws, in place of the first message, `CURSOR_INVALID`, and `TOO_MANY_WATCHERS`; later on the reason of `stopping` or of the
   * client's signal, `WATCHER_TOO_SLOW`, or what the store throws. A reason after which trying again can help has the cursor to go on
   * with as `cursor` in its metadata, once the watch has begun.
   */
  watch(request: WatchRequest): AsyncGenerator<WatchMessage>;
}

export interface WatchRequest {
  readonly filter: WatchFilter;
  /** Empty: from now on. */
  readonly cursor: string;
  /** Aborted when the client is gone or its time is over, with the error that it gets, if it can. All is freed at once. */
  readonly signal: AbortSignal;
  /** Cuts the connection of the client: it takes nothing any more. */
  readonly cut: () => void;
}

export interface EventWatchesOptions {
  readonly store: Pick<TelemetryStore, "listEventsAfter" | "getLastSequence" | "onStored">;
  readonly limits: Pick<Limits, "watchMaxWatchers" | "watchMaxLagEvents" | "watchMaxStallMs">;
  /** Aborted, with the error for clients, when the server begins to shut down. */
  readonly stopping: AbortSignal;
  /** Resolves when it is the caller's turn to keep the thread busy for some milliseconds. */
  readonly nextTurn: () => Promise<void>;
  /** Default `heartbeatMsDefault`. */
  readonly heartbeatMs?: number;
}

/**
 * How long a watch may be silent, in milliseconds. Below the 30 s and more after which usual proxies give up a silent connection; and
 * what a client's filter passed over since its last cursor, and has to be looked at again when it resumes, is of this time at most.
 */
const heartbeatMsDefault = 15_000;

/** One of the clients at a time; its watcher is there once the watch has begun. */
interface Place {
  watcher: Watcher | undefined;
}

/** Watches of one store. */
export function createEventWatches(options: EventWatchesOptions): EventWatches {
  const { store, limits, stopping, nextTurn, heartbeatMs = heartbeatMsDefault } = options;
  const places = new Set<Place>();
  let told = 0;
  stopping.addEventListener("abort", () => {
    for (const { watcher } of places) watcher?.end(stopping.reason);
  });
  store.onStored((sequence) => {
    told = sequence;
    for (const { watcher } of places) watcher?.told(sequence);
  });

  const begin = async ({ filter, cursor, signal, cut }: WatchRequest): Promise<Watcher> => {
    const lastSequence = await store.getLastSequence();
    for (const { aborted, reason } of [signal, stopping]) if (aborted) throw reason;
    const afterSequence = cursor === "" ? lastSequence : parseWatchCursor(cursor, filter, lastSequence);
    // More may have been stored, and told, while the answer was on its way.
    const newestSequence = Math.max(lastSequence, told);
    return new Watcher({ store, limits, filter, afterSequence, newestSequence, heartbeatMs, nextTurn, cut });
  };

  return {
    async *watch(request) {
      const { signal } = request;
      if (places.size >= limits.watchMaxWatchers) throw tooManyWatchers(limits);
      const place: Place = { watcher: undefined };
      places.add(place);
      // Not only at the end of the loop, which a client that went away without taking its last message never lets come.
      const leave = (): void => {
        places.delete(place);
        place.watcher?.close(signal.reason);
      };
      signal.addEventListener("abort", leave, { once: true });
      try {
        place.watcher = await begin(request);
        for (;;) yield await place.watcher.next();
      } finally {
        signal.removeEventListener("abort", leave);
        leave();
      }
    },
  };
}

function tooManyWatchers({ watchMaxWatchers }: Pick<Limits, "watchMaxWatchers">): TelemetryError {
  return new TelemetryError(
    "TOO_MANY_WATCHERS",
    `the server lets ${watchMaxWatchers} clients watch events at a time; try again when one has ended`,
  );
}
