import type { Page, PageQuery } from "../store/store.ts";
import { createPageToken, parsePageToken } from "./page-token.ts";
import { type PagingRequest, parsePaging } from "./paging.ts";

/** A page of a list by time. */
export interface ListPage<Item> {
  readonly items: readonly Item[];
  /** Empty: the last page. */
  readonly nextPageToken: string;
}

/**
 * Reads the page that a request asks for. `query` is everything that the list depends on, with the name of the list: a page token
 * holds for it alone.
 */
export async function readListPage<Item>(
  paging: PagingRequest,
  query: readonly unknown[],
  list: (page: PageQuery) => Promise<Page<Item>>,
): Promise<ListPage<Item>> {
  const { limit } = parsePaging(paging);
  const [micros, key] = paging.pageToken === "" ? [] : parsePageToken(paging.pageToken, query);
  const after = micros === undefined ? null : { micros: Number(micros), key: Number(key) };
  const { items, next } = await list({ after, limit });
  return { items, nextPageToken: next === null ? "" : createPageToken([next.micros, next.key], query) };
}
