import { onTestFinished } from "vitest";
import type { EventCursor, EventQuery, StoredEvent, TelemetryStore } from "../../src/store/store.ts";

/** Opens the store that is kept under a name; the same name again opens the same data. */
export type CreateStore = (place: StorePlace) => Promise<TelemetryStore>;

export interface StorePlace {
  readonly name: string;
  /** Events that a page examines at most where no index serves the filter. */
  readonly examinedRowsMax?: number;
}

let opened = 0;

/** An empty store, which is closed when the test ends. */
export async function openStore(
  createStore: CreateStore,
  place: Omit<StorePlace, "name"> & { readonly name?: string } = {},
): Promise<TelemetryStore> {
  opened += 1;
  const store = await createStore({ name: `store-${opened}`, ...place });
  onTestFinished(() => store.close());
  return store;
}

/** Reads a list of events page by page to its end. Throws if that takes more pages than there can be. */
export async function readPages(
  store: Pick<TelemetryStore, "listEvents">,
  query: Omit<EventQuery, "after">,
): Promise<readonly (readonly StoredEvent[])[]> {
  const pages: (readonly StoredEvent[])[] = [];
  let { offset } = query;
  let after: EventCursor | null = null;
  do {
    const page = await store.listEvents({ ...query, offset, after });
    pages.push(page.events);
    after = page.next;
    offset = page.nextOffset;
    if (pages.length > 2_000) throw new Error("the list does not end");
  } while (after !== null);
  return pages;
}

/** A filter that lets every event through. */
export const everyEvent = {
  agentId: null,
  sessionId: null,
  name: null,
  channel: null,
  level: null,
  fromMicros: null,
  toMicros: null,
} as const;

/** Every event in a store, or every one of an agent, oldest first. */
export async function readAllEvents(
  store: Pick<TelemetryStore, "listEvents">,
  agentId: string | null = null,
): Promise<readonly StoredEvent[]> {
  const pages = await readPages(store, { filter: { ...everyEvent, agentId }, ascending: true, offset: 0, limit: 1000 });
  return pages.flat();
}
