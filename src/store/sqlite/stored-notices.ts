import type { AppendOutcome, TelemetryStore } from "../store.ts";

/** Tells those who want to know that events were stored. */
export interface StoredNotices extends Pick<TelemetryStore, "onStored"> {
  /** Events were committed. The listeners are told in the next turn of the event loop, once for all commits until then. */
  stored(outcomes: readonly AppendOutcome[]): void;
  /** Forgets all listeners. */
  close(): void;
}

/** Notices without listeners. */
export function createStoredNotices(): StoredNotices {
  const listeners = new Set<(throughSequence: number) => void>();
  let told = 0;
  let latest = 0;
  const tell = (): void => {
    told = latest;
    for (const listener of listeners) listener(told);
  };
  return {
    stored(outcomes) {
      const sequence = lastStored(outcomes);
      if (sequence <= latest) return;
      if (latest === told) setImmediate(tell);
      latest = sequence;
    },
    onStored(listener) {
      // Each subscription is one of its own, also of a function that has one already.
      const own = (throughSequence: number): void => listener(throughSequence);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    close: () => listeners.clear(),
  };
}

/** Sequences increase in the order of the outcomes. */
function lastStored(outcomes: readonly AppendOutcome[]): number {
  const last = outcomes.findLast(({ status }) => status === "stored");
  return last?.status === "stored" ? last.sequence : 0;
}
