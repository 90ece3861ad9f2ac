import { fieldError, TelemetryError } from "../model/error.ts";
import { operationStatuses } from "../model/operation.ts";
import type {
  CallField,
  FilterExpression,
  OperationDetail,
  OperationRecord,
  TelemetryStore,
  TimeRange,
} from "../store/store.ts";
import { parseChoice } from "./choice.ts";
import { type ListPage, readListPage } from "./list-page.ts";
import type { PagingRequest } from "./paging.ts";

/** Questions about calls of one kind. */
export interface CallQueries {
  /** By time, the newest first. Rejects with `FIELD_INVALID` for a status that there is not. */
  listCalls(filter: CallFilter, paging: PagingRequest): Promise<ListPage<OperationRecord>>;
  /** Rejects with `CALL_NOT_FOUND`; with `FIELD_INVALID` for what cannot be an id. */
  getCall(callId: string): Promise<OperationDetail>;
}

/** Which calls; null means any. */
export interface CallFilter extends TimeRange {
  readonly agentId: string | null;
  readonly sessionId: string | null;
  readonly toolName?: string | null;
  readonly vendor?: string | null;
  readonly model?: string | null;
  /** As the client wrote it; empty means any. */
  readonly status: string;
  readonly expression?: FilterExpression<CallField> | null;
}

const callIdPattern = /^[1-9]\d{0,15}$/;

/** Answers questions about calls of a language model or of tools from a store. */
export function createCallQueries(store: TelemetryStore, kind: "llm" | "tool"): CallQueries {
  return {
    async listCalls({ status, ...rest }, paging) {
      const filter = {
        toolName: null,
        vendor: null,
        model: null,
        ...rest,
        kind,
        status: parseChoice("status", status, operationStatuses),
      };
      return readListPage(paging, ["calls", filter], (page) =>
        store.listOperations({ filter, ascending: false, ...page }),
      );
    },
    async getCall(callId) {
      if (!callIdPattern.test(callId)) {
        throw fieldError({ field: "call_id", reason: "FIELD_INVALID", message: "must be a whole number, as text" });
      }
      const found = await store.findOperation(Number(callId));
      if (found?.operation.kind !== kind) {
        throw new TelemetryError("CALL_NOT_FOUND", `Call with ID ${callId} not found`, {
          metadata: { call_id: callId },
        });
      }
      return found;
    },
  };
}
