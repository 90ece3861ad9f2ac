import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Event } from "../../src/model/event.ts";
import { type AgentQueries, createAgentQueries } from "../../src/query/agent-queries.ts";
import { createEventQueries, type EventQueries } from "../../src/query/event-queries.ts";
import type { PagingRequest } from "../../src/query/paging.ts";
import { createSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";

let opened = 0;

/** Queries on a real store in `folder` that holds these events, until the test ends. */
export async function openQueries(
  folder: string,
  { events, examinedRowsMax = 1_000 }: { readonly events: readonly Event[]; readonly examinedRowsMax?: number },
): Promise<{ readonly agents: AgentQueries; readonly events: EventQueries }> {
  opened += 1;
  const databasePath = join(folder, `${opened}.db`);
  const store = await createSqliteStore({ databasePath, durability: "normal", examinedRowsMax });
  onTestFinished(() => store.close());
  await store.append(events);
  const agents = createAgentQueries(store);
  return { agents, events: createEventQueries(store, agents) };
}

/** A page of this size, or the one that a token leads to. */
export function page(pageSize: number, pageToken = ""): PagingRequest {
  return { pageSize, pageToken, limit: undefined, offset: undefined, rest: false };
}
