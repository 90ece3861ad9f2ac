import type { Database, Statement } from "better-sqlite3";
import { type LlmFacts, mergeLlmFacts, noTokens } from "../../model/llm-call.ts";
import { type Pair, spanKeyOf } from "../../model/pairing.ts";
import type { PriceBook } from "../../pricing/price-table.ts";
import { createCallAncestry } from "./call-ancestry.ts";
import type { Part } from "./operation-plan.ts";
import type { MovedEvent } from "./operation-writer.ts";
import { createPricer } from "./pricer.ts";
import type { OperationWatcher } from "./rollup-writer.ts";

/**
 * Keeps what is known of calls of a language model, with their price. Every call must run inside the transaction that stores the
 * events.
 *
 * A framework and the vendor's client under it may report the same call. The framework's (a wrapper) is covered, and not summed,
 * where a call of the vendor's client lies under its span (see `CallAncestry`) and inside its time. Two calls of vendors never cover
 * each other, because clients leak spans and so nest what follows one another; nor do two wrappers.
 */
export interface LlmCallWriter {
  /** Writes the call of an operation that is new or changed. */
  write(operationId: number, pair: Pair<Part>): LlmCall;
  /** An event was stored whose operation belongs to this trace or session; see `CallAncestry`. */
  partAdded(run: string, part: Part): void;
  /** The operation of an event went to another agent, with its call if it is one. */
  move(operationId: number, event: Pick<MovedEvent, "traceId" | "spanId" | "parentSpanId" | "from" | "to">): void;
  /** Removes the call of an operation that is about to be removed. */
  remove(operationId: number): void;
  /** Finds out which wrappers are covered, as far as that may have changed. Call once, at the end of the transaction. */
  flush(): void;
  /** Forgets what was not flushed. Call after a rollback. */
  forget(): void;
}

/** A call as it is written. */
export interface LlmCall {
  readonly facts: LlmFacts;
  /** The one that answered, else the one that was asked for. */
  readonly model: string | null;
  /** In 1e-12 USD; null: not known. */
  readonly costPicoUsd: number | null;
}

const nothing: LlmFacts = {
  vendor: null,
  requestedModel: null,
  usedModel: null,
  stopReason: null,
  tokens: noTokens,
  isWrapper: false,
};

/** Prepares the statements on the writer's connection. */
export function createLlmCallWriter(database: Database, prices: PriceBook, watcher: OperationWatcher): LlmCallWriter {
  const statements = prepare(database);
  const pricer = createPricer(database, prices);
  const wrappers = new Set<number>();
  const ancestry = createCallAncestry(database);
  return {
    write(operationId, { start, finish }) {
      const part = start ?? finish;
      const facts = mergeLlmFacts(start?.llm ?? null, finish?.llm ?? null) ?? nothing;
      const model = facts.usedModel ?? facts.requestedModel;
      const linkKey = linkKeyOf(part, facts);
      if (facts.isWrapper) wrappers.add(operationId);
      if (facts.isWrapper && linkKey !== null) ancestry.wrapperComing(linkKey);
      const { costPicoUsd, price } = pricer.priceOf({ ...facts, model, atMicros: part.timeMicros });
      const priceKey = price === null ? null : pricer.keyOf(price);
      const place = [operationId, linkKey, facts.isWrapper ? 1 : 0];
      statements.write.run([...place, ...factValues(facts), costPicoUsd, priceKey]);
      if (!facts.isWrapper && linkKey !== null) ancestry.callWritten(operationId, linkKey);
      return { facts, model, costPicoUsd };
    },
    remove(operationId) {
      wrappers.delete(operationId);
      const row = statements.remove.get(operationId);
      if (row?.is_wrapper === 0) ancestry.callRemoved(operationId);
    },
    move(operationId, { from, to, ...place }) {
      const { traceId } = place;
      for (const { agentId } of [from, to]) ancestry.parentChanged({ agentId, traceId }, place);
      const row = statements.read.get(operationId);
      if (row === undefined) return;
      const { link_key: oldKey, is_wrapper: isWrapperNumber } = row;
      const isWrapper = isWrapperNumber === 1;
      const linkKey = linkKeyOf({ agentId: to.agentId, place }, { isWrapper });
      statements.link.run(linkKey, operationId);
      if (isWrapper) wrappers.add(operationId);
      else ancestry.callRemoved(operationId);
      if (isWrapper && oldKey !== null) ancestry.wrapperGone(oldKey);
      if (linkKey === null) return;
      if (isWrapper) ancestry.wrapperComing(linkKey);
      else ancestry.callWritten(operationId, linkKey);
    },
    partAdded: (run, part) => ancestry.partAdded(run, part),
    flush() {
      for (const key of ancestry.flush()) for (const { id } of statements.findWrappers.all(key)) wrappers.add(id);
      for (const id of wrappers) {
        // Most stay as they are, and to count one anew takes longer than to look.
        if (statements.findChanged.get(id) === undefined) continue;
        watcher.operationChanging(id);
        statements.turn.run(id);
      }
      wrappers.clear();
    },
    forget() {
      wrappers.clear();
      ancestry.forget();
      pricer.forget();
    },
  };
}

/**
 * What ties a wrapper to the calls of vendors that lie under it: the key of its own span, and of the span that they lie in; null
 * where there is none.
 */
function linkKeyOf(
  { agentId, place }: Pick<Part, "agentId" | "place">,
  { isWrapper }: Pick<LlmFacts, "isWrapper">,
): string | null {
  const spanId = isWrapper ? place.spanId : place.parentSpanId;
  return spanId === null ? null : spanKeyOf({ agentId, traceId: place.traceId }, spanId);
}

function factValues({ vendor, requestedModel, usedModel, stopReason, tokens }: LlmFacts): unknown[] {
  const { input, output, cacheRead, cacheWrite, reasoning } = tokens;
  return [vendor, requestedModel, usedModel, stopReason, input, output, cacheRead, cacheWrite, reasoning];
}

interface Statements {
  readonly write: Statement;
  readonly remove: Statement<[number], { readonly is_wrapper: number }>;
  readonly read: Statement<[number], { readonly link_key: string | null; readonly is_wrapper: number }>;
  readonly link: Statement<[string | null, number]>;
  readonly findWrappers: Statement<[string], { readonly id: number }>;
  readonly findChanged: Statement<[number], unknown>;
  readonly turn: Statement<[number]>;
}

function prepare(database: Database): Statements {
  return {
    write: database.prepare(
      `insert or replace into llm_calls (operation_id, link_key, is_wrapper, vendor, requested_model, used_model, stop_reason,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_pico_usd, price_key)
      values (?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
    ),
    remove: database.prepare("delete from llm_calls where operation_id = ? returning is_wrapper"),
    read: database.prepare("select link_key, is_wrapper from llm_calls where operation_id = ?"),
    link: database.prepare("update llm_calls set link_key = ? where operation_id = ?"),
    findWrappers: database.prepare("select operation_id as id from llm_calls where link_key = ? and is_wrapper = 1"),
    findChanged: database.prepare(
      `select 1 from llm_calls w join operations wo on wo.id = w.operation_id
      where w.operation_id = ? and w.is_covered <> exists (
        select 1 from call_ancestors x cross join operations vo on vo.id = x.operation_id
        where x.span_key = w.link_key and vo.agent_key = wo.agent_key
          and (wo.start_micros is null or vo.at_micros >= wo.start_micros)
          and (wo.finish_micros is null or ifnull(vo.finish_micros, vo.at_micros) <= wo.finish_micros)
      )`,
    ),
    turn: database.prepare("update llm_calls set is_covered = 1 - is_covered where operation_id = ?"),
  };
}
