import { TelemetryError } from "../model/error.ts";
import type { Limits } from "../model/limits.ts";
import type { StoredEvent, TelemetryStore } from "../store/store.ts";
import { createWatchCursor, type WatchFilter } from "./watch-cursor.ts";

/** What a watcher gets: an event, or null, which says only how far all events have been looked at; and where to go on after it. */
export interface WatchMessage {
  readonly event: StoredEvent | null;
  readonly cursor: string;
}

export interface WatcherOptions {
  readonly store: Pick<TelemetryStore, "listEventsAfter">;
  readonly limits: Pick<Limits, "watchMaxLagEvents" | "watchMaxStallMs">;
  readonly filter: WatchFilter;
  /** The watch begins after this one. */
  readonly afterSequence: number;
  /** The last one of the store, at the beginning. */
  readonly newestSequence: number;
  /** A message comes at least this often. */
  readonly heartbeatMs: number;
  /** Resolves when it is this watcher's turn to keep the thread busy with a page. */
  readonly nextTurn: () => Promise<void>;
  /** Called when the watcher was dropped because it takes nothing, and then takes nothing for as long again. */
  readonly cut: () => void;
}

/** What one page holds at most, which is all that the server holds for a watcher: some milliseconds of work, and a bound in bytes. */
const page = { limit: 128, bytesMax: 1024 * 1024, examinedRowsMax: 5_000 } as const;

/**
 * After a look that came to the end of what is stored, the next one is no sooner than this, in milliseconds. It bounds what many
 * watchers make of many small commits, and nobody sees the difference.
 */
const pauseMs = 10;

/**
 * One client's way through the events, in the order in which they were stored. It reads a page when it is asked for a message and has
 * none, so it goes as fast as its client takes messages, and holds one page at most.
 *
 * It is dropped with `WATCHER_TOO_SLOW` when it falls too far behind, or when its client leaves a message untaken for too long. Whoever
 * drops or ends it: the client gets the reason with its next message, with the cursor to go on with if that can help.
 */
export class Watcher {
  readonly #options: WatcherOptions;
  /** Up to here, every event was handed over or is none of the watcher's. */
  #position: number;
  #events: readonly StoredEvent[] = [];
  #nextIndex = 0;
  #pageEnd: number;
  #hasMore: boolean;
  #newest: number;
  /**
   * How far behind it may be before any of it counts: as it began, and what came to be stored while its client waited for the server.
   * It becomes less as the watcher catches up.
   */
  #excusedLag: number;
  /** Whether a message is due that says only where the watcher is: after a look at what is stored, or at once, as in the beginning. */
  #heartbeat: "none" | "look" | "send" = "send";
  #isPausing = false;
  #isUntaken = false;
  #ending: { readonly reason: unknown } | undefined;
  #wake: (() => void) | undefined;
  #pauseTimer: NodeJS.Timeout | undefined;
  readonly #heartbeatTimer: NodeJS.Timeout;
  readonly #stallTimer: NodeJS.Timeout;

  constructor(options: WatcherOptions) {
    const { afterSequence, newestSequence, heartbeatMs, limits } = options;
    this.#options = options;
    this.#position = afterSequence;
    this.#pageEnd = afterSequence;
    this.#newest = newestSequence;
    this.#excusedLag = newestSequence - afterSequence;
    this.#hasMore = newestSequence > afterSequence;
    this.#heartbeatTimer = setTimeout(() => this.#onHeartbeat(), heartbeatMs);
    this.#stallTimer = setTimeout(() => this.#onStall(), limits.watchMaxStallMs);
  }

  /**
   * The next message, as soon as there is one. To ask for it says that the one before was taken. Rejects with the reason for which the
   * watcher ended, and as the store does.
   */
  async next(): Promise<WatchMessage> {
    this.#isUntaken = false;
    try {
      for (;;) {
        if (this.#ending !== undefined) throw this.#ending.reason;
        const event = this.#events[this.#nextIndex];
        if (event !== undefined) {
          this.#nextIndex += 1;
          return this.#handOver(event, event.sequence);
        }
        this.#moveTo(this.#pageEnd);
        if (this.#heartbeat === "send") return this.#handOver(null, this.#position);
        if (this.#wantsPage()) await this.#readPage();
        else await this.#sleep();
      }
    } catch (error) {
      throw this.#resumable(error);
    }
  }

  /** Events up to this sequence are stored. */
  told(sequence: number): void {
    const grown = Math.max(0, sequence - this.#newest);
    this.#newest += grown;
    if (!this.#isUntaken) this.#excusedLag += grown;
    const { watchMaxLagEvents } = this.#options.limits;
    if (this.#lag() - this.#excusedLag > watchMaxLagEvents) {
      this.end(tooSlow(`the watcher fell more than ${watchMaxLagEvents} events behind; go on with the cursor`));
    }
    this.#wake?.();
  }

  /** Lets go of the page. The next message is this reason, unless there was another one before. */
  end(reason: unknown): void {
    this.#ending ??= { reason };
    this.#events = [];
    this.#wake?.();
  }

  /** Ends for good: nobody asks for a message any more. */
  close(reason: unknown): void {
    clearTimeout(this.#heartbeatTimer);
    clearTimeout(this.#stallTimer);
    clearTimeout(this.#pauseTimer);
    this.end(reason);
  }

  #wantsPage(): boolean {
    if (this.#hasMore) return true;
    return !this.#isPausing && (this.#newest > this.#position || this.#heartbeat === "look");
  }

  async #readPage(): Promise<void> {
    const { store, filter } = this.#options;
    const query = { ...page, filter: { ...filter, fromMicros: null, toMicros: null }, afterSequence: this.#position };
    const { events, throughSequence, hasMore } = await store.listEventsAfter(query);
    if (events.length > 0) await this.#options.nextTurn();
    if (this.#ending !== undefined) return;
    if (this.#heartbeat === "look") this.#heartbeat = "send";
    this.#hasMore = hasMore;
    if (!hasMore) this.#pause();
    this.#pageEnd = throughSequence;
    this.#events = events;
    this.#nextIndex = 0;
  }

  #handOver(event: StoredEvent | null, sequence: number): WatchMessage {
    this.#moveTo(sequence);
    this.#heartbeat = "none";
    this.#heartbeatTimer.refresh();
    this.#isUntaken = true;
    this.#stallTimer.refresh();
    return { event, cursor: this.#cursor() };
  }

  #moveTo(sequence: number): void {
    this.#position = sequence;
    this.#excusedLag = Math.min(this.#excusedLag, this.#lag());
  }

  /** What is stored and not looked at. */
  #lag(): number {
    return Math.max(0, this.#newest - this.#position);
  }

  #cursor(): string {
    return createWatchCursor(this.#position, this.#options.filter);
  }

  #sleep(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #pause(): void {
    this.#isPausing = true;
    this.#pauseTimer = setTimeout(() => {
      this.#isPausing = false;
      this.#wake?.();
    }, pauseMs);
  }

  /** A commit of which nobody was told is found by the look that comes before the heartbeat. */
  #onHeartbeat(): void {
    if (this.#heartbeat === "none") this.#heartbeat = "look";
    this.#wake?.();
  }

  #onStall(): void {
    if (!this.#isUntaken) return;
    if (this.#ending !== undefined) {
      this.#options.cut();
      return;
    }
    const { watchMaxStallMs } = this.#options.limits;
    this.end(tooSlow(`the watcher took no message for ${watchMaxStallMs} ms; go on with the cursor`));
    this.#stallTimer.refresh();
  }

  /** Where trying again can help, it can with the cursor. */
  #resumable(error: unknown): unknown {
    if (!(error instanceof TelemetryError) || !error.kind.retryable) return error;
    const { reason, message, retryDelayMs } = error;
    const metadata = { ...error.metadata, cursor: this.#cursor() };
    return new TelemetryError(reason, message, {
      metadata,
      cause: error,
      ...(retryDelayMs !== undefined && { retryDelayMs }),
    });
  }
}

function tooSlow(message: string): TelemetryError {
  return new TelemetryError("WATCHER_TOO_SLOW", message);
}
