import { TelemetryError } from "../model/error.ts";
import type { StoredEvent } from "../model/event.ts";
import type { SearchText, TelemetryStore, TextBatch } from "../store/store.ts";
import { createPauses } from "./pauses.ts";
import { findSearchTexts } from "./search-texts.ts";

/** Keeps the search index up with the events, behind the back of those who store them. */
export interface SearchIndexer {
  /** Resolves when it has ended, which it does after the batch under way. What is left is done after the next start. */
  close(): Promise<void>;
}

export interface SearchIndexerOptions {
  readonly store: Pick<TelemetryStore, "listEventsAfter" | "getIndexedSequence" | "indexTexts" | "onStored">;
  /** The clock, in milliseconds; only differences count. */
  readonly nowMs: () => number;
  /** Told what went wrong that is not the state of the database. */
  readonly onFault: (error: unknown) => void;
}

/** Events that are read at a time: some milliseconds of work, and a bound in bytes (or one event). */
const page = { limit: 200, bytesMax: 256 * 1024, examinedRowsMax: 200 } as const;

/** Characters of texts in one batch (or one text), for which an append may have to wait: about 10 ms. */
const batchMaxLength = 64 * 1024;

/** Rest after a page for each millisecond that it took, while further events come: with 4, a fifth of the time is used. */
const restFactor = 4;

/** Rest after a page at least, in milliseconds, while further events come: so a page has many of them. */
const restMinMs = 100;

/** Pause after the database could not be used, in milliseconds. */
const retryPauseMs = 1_000;

/**
 * How long it waits to be told of events before it looks for itself, in milliseconds: a notice may be lost. And the pause after a
 * fault, which nobody expects to pass.
 */
const lookPauseMs = 15_000;

/** Texts that are remembered as stored, so that what a conversation repeats costs no more than its hash. */
const knownMax = 50_000;

/** Lets every event through. */
const everyEvent = {
  agentId: null,
  sessionId: null,
  name: null,
  channel: null,
  level: null,
  fromMicros: null,
  toMicros: null,
} as const;

/** Begins where the index ends, and goes on for as long as the process runs. */
export function createSearchIndexer(options: SearchIndexerOptions): SearchIndexer {
  const { store, nowMs, onFault } = options;
  const closing = new AbortController();
  const pauses = createPauses(closing.signal);
  const indexPage = createPageIndexer(options, closing.signal);
  let newest = 0;

  const run = async (): Promise<void> => {
    let sequence: number | undefined;
    while (!closing.signal.aborted) {
      const newestBefore = newest;
      const startMs = nowMs();
      try {
        const done: IndexedPage = await indexPage((sequence ??= await store.getIndexedSequence()));
        sequence = done.throughSequence;
        if (newest > newestBefore) await pauses.rest(Math.max(restMinMs, restFactor * (nowMs() - startMs)));
        else if (!done.hasMore) await pauses.wait(lookPauseMs);
      } catch (error) {
        const reason = error instanceof TelemetryError ? error.reason : null;
        if (reason === "SHUTTING_DOWN") return;
        if (reason !== "STORE_UNAVAILABLE") onFault(error);
        // Whether the last batch was stored is not known.
        sequence = undefined;
        await pauses.rest(reason === "STORE_UNAVAILABLE" ? retryPauseMs : lookPauseMs);
      }
    }
  };

  const unsubscribe = store.onStored((sequence) => {
    newest = sequence;
    pauses.wake();
  });
  const running = run();
  return {
    close() {
      unsubscribe();
      closing.abort();
      return running;
    },
  };
}

interface IndexedPage {
  readonly throughSequence: number;
  readonly hasMore: boolean;
}

/** Makes the function that adds the texts of the events after a place. Once the signal is aborted, it stops between two batches. */
function createPageIndexer(
  { store, onFault }: SearchIndexerOptions,
  closing: AbortSignal,
): (afterSequence: number) => Promise<IndexedPage> {
  const known = new Set<string>();

  const textsOf = (event: StoredEvent): readonly SearchText[] => {
    try {
      return findSearchTexts(event);
    } catch (error) {
      // It would be so every time, and nothing behind this event would ever be found.
      onFault(error);
      return [];
    }
  };
  const unknownOf = (texts: readonly SearchText[]): readonly SearchText[] => {
    const first = new Map<string, SearchText>();
    for (const text of texts) if (!known.has(text.hash) && !first.has(text.hash)) first.set(text.hash, text);
    return [...first.values()];
  };

  return async (afterSequence) => {
    const read = await store.listEventsAfter({ ...page, filter: everyEvent, afterSequence });
    const { events, throughSequence, hasMore } = read;
    if (events.length === 0) return { throughSequence, hasMore };
    for (const batch of batchesOf(unknownOf(events.flatMap(textsOf)), { afterSequence, throughSequence })) {
      if (closing.aborted) break;
      await store.indexTexts(batch);
      if (known.size > knownMax) known.clear();
      for (const { hash } of batch.texts) known.add(hash);
    }
    return { throughSequence, hasMore };
  };
}

/** Parts of bounded length. Until the last one is stored, the cursor stays before the event whose texts come next. */
function batchesOf(
  texts: readonly SearchText[],
  { afterSequence, throughSequence }: { readonly afterSequence: number; readonly throughSequence: number },
): readonly TextBatch[] {
  const batches: TextBatch[] = [];
  let part: SearchText[] = [];
  let length = 0;
  for (const text of texts) {
    if (part.length > 0 && length + text.text.length > batchMaxLength) {
      batches.push({ texts: part, throughSequence: Math.max(afterSequence, text.sequence - 1) });
      part = [];
      length = 0;
    }
    part.push(text);
    length += text.text.length;
  }
  return [...batches, { texts: part, throughSequence }];
}
