import { setTimeout as sleep } from "node:timers/promises";
import { type RemoteMethods, remoteMethods, type Thread, type ThreadMethods } from "./thread.ts";

/** A thread that is started again whenever it dies. */
export interface SupervisedThread<Methods extends ThreadMethods> {
  /** While there is no thread, every call rejects with `STORE_UNAVAILABLE`, as those under way at its death do. */
  readonly methods: RemoteMethods<Methods>;
  /** Ends the thread once the calls under way are answered, and any attempt to start another one. May be called again. */
  close(): Promise<void>;
}

/** What is known of a death, or of an attempt to start again that failed. */
export interface Death {
  readonly error: unknown;
  /** When the next attempt is made, in milliseconds from now. */
  readonly retryDelayMs: number;
}

/** How long to wait before a thread is started again, in milliseconds. */
export interface RestartPauses {
  /** After the first death. Every further death, and every attempt that fails, doubles it. */
  readonly minMs: number;
  readonly maxMs: number;
  /** A thread that has lived for so long makes the next pause the shortest again. */
  readonly settledMs: number;
}

export interface SupervisionOptions<Methods extends ThreadMethods> {
  /** Starts the thread, for the first time and after every death. The signal aborts a start. */
  readonly start: (signal: AbortSignal) => Promise<Thread<Methods>>;
  /** Told at every death and at every attempt to start again that fails. */
  readonly onDied?: ((death: Death) => void) | undefined;
  /** Told when a new thread is ready. */
  readonly onRestarted?: (() => void) | undefined;
  readonly pauses?: RestartPauses;
}

/** Short enough for a client that tries again after a second; long enough that a thread that dies at once costs little. */
const pausesDefault: RestartPauses = { minMs: 100, maxMs: 5_000, settledMs: 30_000 };

/** Starts a thread and keeps it running until it is closed. Rejects if the first start fails. */
export async function superviseThread<Methods extends ThreadMethods>({
  start,
  onDied,
  onRestarted,
  pauses = pausesDefault,
}: SupervisionOptions<Methods>): Promise<SupervisedThread<Methods>> {
  const closing = new AbortController();
  const { signal } = closing;
  const first = await start(signal);
  let current = first;
  let nextPauseMs = pauses.minMs;

  /** A new thread; undefined if it is not wanted any more. */
  const startAgain = async (death: unknown): Promise<Thread<Methods> | undefined> => {
    for (let error = death; !signal.aborted; ) {
      const pauseMs = nextPauseMs;
      nextPauseMs = Math.min(2 * pauseMs, pauses.maxMs);
      onDied?.({ error, retryDelayMs: pauseMs });
      try {
        await sleep(pauseMs, undefined, { signal });
        return await start(signal);
      } catch (failure) {
        // Told at the next pause, unless it is the end of the supervision, which is no failure.
        error = failure;
      }
    }
    return undefined;
  };
  const supervise = async (): Promise<void> => {
    for (;;) {
      const settled = setTimeout(() => (nextPauseMs = pauses.minMs), pauses.settledMs).unref();
      const death = await current.ended;
      clearTimeout(settled);
      const next = await startAgain(death);
      if (next === undefined) return;
      current = next;
      // It may have become ready at the very moment at which it was not wanted any more.
      if (signal.aborted) await current.close();
      else onRestarted?.();
    }
  };

  const supervised = supervise();
  return {
    // A thread that died rejects every call itself, until another one takes its place.
    methods: remoteMethods((method, args) => current.call(method, args)),
    async close() {
      closing.abort();
      await current.close();
      await supervised;
    },
  };
}
