import { hash } from "node:crypto";
import type { SearchFilter, SearchHit, SearchQuery, SearchText, TelemetryStore } from "../../src/store/store.ts";

/** A text of the event with this sequence. Its hash follows from everything but the sequence. */
export function buildText(sequence: number, text: string, overrides: Partial<SearchText> = {}): SearchText {
  const fields = { kind: "message" as const, role: "user", text, ...overrides };
  return { hash: hash("md5", JSON.stringify(fields), "hex"), sequence, ...fields };
}

/** A filter that lets every text through. */
export const everyText: SearchFilter = {
  agentId: null,
  sessionId: null,
  kind: null,
  fromMicros: null,
  toMicros: null,
};

/** A search for one word, the newest 100 hits, unless it says otherwise. */
export function searchFor(word: string, overrides: Partial<SearchQuery> = {}): SearchQuery {
  return { terms: [{ text: word, isPrefix: false }], filter: everyText, after: null, limit: 100, ...overrides };
}

/** Every page of a search. Throws if there are more than there can be. */
export async function readHitPages(
  store: Pick<TelemetryStore, "searchTexts">,
  query: SearchQuery,
): Promise<readonly (readonly SearchHit[])[]> {
  const pages: (readonly SearchHit[])[] = [];
  let { after } = query;
  do {
    const page = await store.searchTexts({ ...query, after });
    pages.push(page.hits);
    after = page.next;
    if (pages.length > 1_000) throw new Error("the search does not end");
  } while (after !== null);
  return pages;
}
