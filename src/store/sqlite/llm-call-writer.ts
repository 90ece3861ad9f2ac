import type { Database, Statement } from "better-sqlite3";
import { type LlmFacts, mergeLlmFacts, noTokens } from "../../model/llm-call.ts";
import { type Pair, spanKeyOf } from "../../model/pairing.ts";
import type { PriceBook } from "../../pricing/price-table.ts";
import type { Part } from "./operation-plan.ts";
import { createPricer } from "./pricer.ts";
import type { OperationWatcher } from "./rollup-writer.ts";

/**
 * Keeps what is known of calls of a language model, with their price. Every call must run inside the transaction that stores the
 * events.
 *
 * A framework and the vendor's client under it may report the same call. The framework's (a wrapper) is covered, and not summed,
 * where a call of the vendor's client lies directly under its span and inside its time. Two calls of vendors never cover each
 * other, because clients leak spans and so nest what follows one another.
 */
export interface LlmCallWriter {
  /** Writes the call of an operation that is new or changed. */
  write(operationId: number, pair: Pair<Part>): LlmCall;
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
  /** Keys of the spans under which a vendor's call came or went. */
  const parents = new Set<string>();
  const addParent = (key: string | null): void => {
    if (key !== null) parents.add(key);
  };
  const clear = (): void => {
    wrappers.clear();
    parents.clear();
  };
  return {
    write(operationId, { start, finish }) {
      const part = start ?? finish;
      const facts = mergeLlmFacts(start?.llm ?? null, finish?.llm ?? null) ?? nothing;
      const model = facts.usedModel ?? facts.requestedModel;
      const linkKey = linkKeyOf(part, facts);
      if (facts.isWrapper) wrappers.add(operationId);
      else addParent(linkKey);
      const { costPicoUsd, price } = pricer.priceOf({ ...facts, model, atMicros: part.timeMicros });
      const priceKey = price === null ? null : pricer.keyOf(price);
      const place = [operationId, linkKey, facts.isWrapper ? 1 : 0];
      statements.write.run([...place, ...factValues(facts), costPicoUsd, priceKey]);
      return { facts, model, costPicoUsd };
    },
    remove(operationId) {
      wrappers.delete(operationId);
      // The statement returns one column.
      const row = statements.remove.get(operationId) as { readonly parent: string | null } | undefined;
      addParent(row?.parent ?? null);
    },
    flush() {
      for (const key of parents) {
        // The statement selects one column.
        for (const id of statements.findWrappers.pluck().all(key)) wrappers.add(id as number);
      }
      for (const id of wrappers) {
        watcher.operationChanging(id);
        statements.cover.run({ id });
      }
      clear();
    },
    forget() {
      clear();
      pricer.forget();
    },
  };
}

/**
 * What ties a wrapper to the calls of vendors that lie directly under it: the key of its own span, and of their parent's; null
 * where there is none.
 */
function linkKeyOf({ agentId, place }: Part, { isWrapper }: LlmFacts): string | null {
  const spanId = isWrapper ? place.spanId : place.parentSpanId;
  return spanId === null ? null : spanKeyOf({ agentId, traceId: place.traceId }, spanId);
}

function factValues({ vendor, requestedModel, usedModel, stopReason, tokens }: LlmFacts): unknown[] {
  const { input, output, cacheRead, cacheWrite, reasoning } = tokens;
  return [vendor, requestedModel, usedModel, stopReason, input, output, cacheRead, cacheWrite, reasoning];
}

type Statements = Readonly<Record<"write" | "remove" | "findWrappers" | "cover", Statement>>;

function prepare(database: Database): Statements {
  return {
    write: database.prepare(
      `insert or replace into llm_calls (operation_id, link_key, is_wrapper, vendor, requested_model, used_model, stop_reason,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_pico_usd, price_key)
      values (?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
    ),
    remove: database.prepare(
      "delete from llm_calls where operation_id = ? returning case when is_wrapper = 0 then link_key end as parent",
    ),
    findWrappers: database.prepare("select operation_id from llm_calls where link_key = ? and is_wrapper = 1"),
    cover: database.prepare(
      `update llm_calls as w set is_covered = exists (
        select 1 from llm_calls v join operations vo on vo.id = v.operation_id join operations wo on wo.id = w.operation_id
        where v.link_key = w.link_key and v.is_wrapper = 0 and vo.agent_key = wo.agent_key
          and (wo.start_micros is null or vo.at_micros >= wo.start_micros)
          and (wo.finish_micros is null or ifnull(vo.finish_micros, vo.at_micros) <= wo.finish_micros)
      ) where operation_id = :id`,
    ),
  };
}
