import { fieldError } from "../model/error.ts";
import { searchPageSizeMax, searchQueryMaxLength } from "../model/limits.ts";
import { searchKinds } from "../model/search-text.ts";
import type { SearchHit, SearchTerm, TelemetryStore, TimeRange } from "../store/store.ts";
import { parseChoice } from "./choice.ts";
import { createPageToken, parsePageToken } from "./page-token.ts";
import { type PagingRequest, parsePaging } from "./paging.ts";

/** Questions for texts by their words. */
export interface SearchQueries {
  /**
   * Texts in which every word and phrase occurs, those of the newest events first. Rejects with `FIELD_INVALID` or
   * `FIELD_TOO_LONG` for a query that asks for nothing or is too long, and with `FIELD_INVALID` for a kind that there is not.
   */
  search(request: SearchRequest, paging: PagingRequest): Promise<SearchResult>;
}

/** What to search for; null, and the empty text, mean any. */
export interface SearchRequest extends TimeRange {
  /** Words, "phrases" and prefixes*, as the client wrote them. */
  readonly query: string;
  readonly agentId: string | null;
  readonly sessionId: string | null;
  /** As the client wrote it. */
  readonly kind: string;
}

export interface SearchResult {
  readonly hits: readonly SearchHit[];
  /** Empty: the last page. */
  readonly nextPageToken: string;
  /** See `SearchPage`. */
  readonly pendingEventCount: number;
}

/** Answers the questions from a store. */
export function createSearchQueries(store: Pick<TelemetryStore, "searchTexts">): SearchQueries {
  return {
    async search({ query, ...rest }, paging) {
      const terms = parseSearchTerms(query);
      const filter = { ...rest, kind: parseChoice("kind", rest.kind, searchKinds) };
      const list = ["search", terms, filter];
      const [key] = paging.pageToken === "" ? [] : parsePageToken(paging.pageToken, list);
      const after = key === undefined ? null : Number(key);
      const limit = Math.min(parsePaging(paging).limit, searchPageSizeMax);
      const { hits, next, pendingEventCount } = await store.searchTexts({ terms, filter, after, limit });
      return { hits, nextPageToken: next === null ? "" : createPageToken([next], list), pendingEventCount };
    },
  };
}

/** A phrase, whose last quote may be missing, or a word; either may have a `*` behind it. */
const termPattern = /"(?<phrase>[^"]*)(?:"(?<star>\*)?|$)|(?<word>[^\s"]+)/gu;

/** What the index takes for a part of a word. */
const letterOrDigit = /[\p{L}\p{N}\p{Co}]/u;

/**
 * Reads a query: words, and phrases in quotes; a `*` at the end of one makes it a prefix. Everything else is text, also what is an
 * operator elsewhere (`AND`, `NEAR`, `-`, `:`), so every text is a query; what has no letter and no digit asks for nothing.
 * Throws as `SearchQueries.search` rejects.
 */
export function parseSearchTerms(query: string): readonly SearchTerm[] {
  if (query.length > searchQueryMaxLength) {
    throw fieldError({
      field: "query",
      reason: "FIELD_TOO_LONG",
      message: `must have at most ${searchQueryMaxLength} characters`,
    });
  }
  const terms = [...query.replaceAll(/\p{Cc}/gu, " ").matchAll(termPattern)].flatMap(({ groups = {} }) => {
    const { phrase, star, word = "" } = groups;
    const text = phrase ?? word.replace(/\*+$/, "");
    const isPrefix = phrase === undefined ? word.endsWith("*") : star !== undefined;
    return letterOrDigit.test(text) ? [{ text, isPrefix }] : [];
  });
  if (terms.length === 0) {
    throw fieldError({ field: "query", reason: "FIELD_INVALID", message: "must have a word: a letter or a digit" });
  }
  return terms;
}
