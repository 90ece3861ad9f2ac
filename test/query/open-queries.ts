import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Event } from "../../src/model/event.ts";
import { type AgentQueries, createAgentQueries } from "../../src/query/agent-queries.ts";
import { type AlertQueries, createAlertQueries } from "../../src/query/alert-queries.ts";
import { type CallQueries, createCallQueries } from "../../src/query/call-queries.ts";
import { createEventQueries, type EventQueries } from "../../src/query/event-queries.ts";
import type { PagingRequest } from "../../src/query/paging.ts";
import { createSessionQueries, type SessionQueries } from "../../src/query/session-queries.ts";
import { createTraceQueries, type TraceQueries } from "../../src/query/trace-queries.ts";
import { createSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";

let opened = 0;

/** Every query. */
export interface Queries {
  readonly agents: AgentQueries;
  readonly events: EventQueries;
  readonly sessions: SessionQueries;
  readonly traces: TraceQueries;
  readonly llmCalls: CallQueries;
  readonly toolCalls: CallQueries;
  readonly alerts: AlertQueries;
}

/** Queries on a real store in `folder` that holds these events, until the test ends. */
export async function openQueries(
  folder: string,
  {
    events,
    examinedRowsMax = 1_000,
    nowMicros = () => 0,
    priceTables = [],
  }: {
    readonly events: readonly Event[];
    readonly examinedRowsMax?: number;
    readonly nowMicros?: () => number;
    readonly priceTables?: readonly string[];
  },
): Promise<Queries> {
  opened += 1;
  const databasePath = join(folder, `${opened}.db`);
  const store = await createSqliteStore({ databasePath, durability: "normal", examinedRowsMax, priceTables });
  onTestFinished(() => store.close());
  await store.append(events);
  const agents = createAgentQueries(store);
  return {
    agents,
    events: createEventQueries(store, agents),
    sessions: createSessionQueries(store),
    traces: createTraceQueries(store),
    llmCalls: createCallQueries(store, "llm"),
    toolCalls: createCallQueries(store, "tool"),
    alerts: createAlertQueries(store, { nowMicros }),
  };
}

/** A page of this size, or the one that a token leads to. */
export function page(pageSize: number, pageToken = ""): PagingRequest {
  return { pageSize, pageToken, limit: undefined, offset: undefined, rest: false };
}
