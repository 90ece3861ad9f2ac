import { TelemetryError } from "../model/error.ts";
import { traceSpansMax } from "../model/limits.ts";
import type { OperationRecord, TelemetryStore, TraceFilter, TraceRecord } from "../store/store.ts";
import { type ListPage, readListPage } from "./list-page.ts";
import type { PagingRequest } from "./paging.ts";
import { buildTraceTree, type TraceNode } from "./trace-tree.ts";

/** Questions about traces. */
export interface TraceQueries {
  /** By the time of their start, the newest first. */
  listTraces(filter: TraceFilter, paging: PagingRequest): Promise<ListPage<TraceRecord>>;
  /** A trace as a tree, of one agent or of all that take part. Rejects with `TRACE_NOT_FOUND`. */
  getTrace(request: { readonly traceId: string; readonly agentId: string | null }): Promise<TraceDetail>;
}

export interface TraceDetail {
  /** One for each agent that takes part, by agent id. */
  readonly traces: readonly TraceRecord[];
  /** At most `traceSpansMax`, depth first. */
  readonly nodes: readonly (TraceNode & { readonly span: OperationRecord })[];
  /** There may be more. */
  readonly truncated: boolean;
}

/** Answers the questions from a store. */
export function createTraceQueries(store: TelemetryStore): TraceQueries {
  return {
    listTraces: (filter, paging) =>
      readListPage(paging, ["traces", filter], (page) => store.listTraces({ filter, ...page })),
    async getTrace({ traceId, agentId }) {
      const query = { traceId, agentId, limit: traceSpansMax };
      const { traces, operations, truncated } = await store.findTraceOperations(query);
      if (traces.length === 0) {
        throw new TelemetryError("TRACE_NOT_FOUND", `Trace with ID '${traceId}' not found`, {
          metadata: { trace_id: traceId, ...(agentId !== null && { agent_id: agentId }) },
        });
      }
      const operationOf = new Map(operations.map((operation) => [operation.id, operation]));
      const nodes = buildTraceTree(operations).nodes.flatMap((node) => {
        const span = operationOf.get(node.span.id);
        return span === undefined ? [] : [{ ...node, span }];
      });
      return { traces, nodes, truncated };
    },
  };
}
