import type { TimeRange } from "../model/event-filter.ts";
import type { SearchHit, SearchKind, SearchText } from "../model/search-text.ts";

export type { SearchHit, SearchText };

/** Keeps texts of events, each once, and finds them by their words. What is searched follows the events at some distance. */
export interface SearchStore {
  /**
   * Adds texts to the index, in one transaction with how far the events were gone through. A text whose hash is there already, or
   * whose event is not, is passed over, so the same batch may come again.
   *
   * Durability: survives the death of the process; a power cut may take back the last batches, whole and the newest first. If it
   * rejects, nothing of it was stored. An append waits for the batch under way at most, and the batch for nobody's lock.
   */
  indexTexts(batch: TextBatch): Promise<void>;

  /** Up to this sequence, the texts of all events are in the index. 0 in the beginning. */
  getIndexedSequence(): Promise<number>;

  /**
   * Texts in which all terms occur, those of the newest events first. With a filter it reads at most a bounded number of texts that
   * have the terms: a page may be shorter than `limit` without being the last one; `next` says where to go on.
   */
  searchTexts(query: SearchQuery): Promise<SearchPage>;
}

export interface TextBatch {
  /** In order of their events. */
  readonly texts: readonly SearchText[];
  /** With these texts, every text of the events up to here is in the index. Never goes back. */
  readonly throughSequence: number;
}

/** Words in a row, in any case and with or without diacritics; what is neither letter nor digit parts words. */
export interface SearchTerm {
  /** Has a letter or a digit, and no NUL. */
  readonly text: string;
  /** The last word may go on. */
  readonly isPrefix: boolean;
}

/** Which texts; null means any. The time is that of the first event that has the text. */
export interface SearchFilter extends TimeRange {
  readonly agentId: string | null;
  readonly sessionId: string | null;
  readonly kind: SearchKind | null;
}

export interface SearchQuery {
  /** At least one. */
  readonly terms: readonly SearchTerm[];
  readonly filter: SearchFilter;
  /** Goes on after this place, `SearchPage.next` of the page before; null: from the newest text. */
  readonly after: number | null;
  readonly limit: number;
}

export interface SearchPage {
  readonly hits: readonly SearchHit[];
  /** Null: there is nothing further. */
  readonly next: number | null;
  /** Events that are stored and whose texts are not in the index yet, counted up to `pendingCountMax`. */
  readonly pendingEventCount: number;
}
