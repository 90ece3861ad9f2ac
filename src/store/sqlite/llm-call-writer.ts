import type { Database, Statement } from "better-sqlite3";
import { type LlmFacts, mergeLlmFacts, noTokens } from "../../model/llm-call.ts";
import type { Pair } from "../../model/pairing.ts";
import { costOf } from "../../pricing/cost.ts";
import type { PriceBook } from "../../pricing/price-table.ts";
import type { Part } from "./operation-plan.ts";
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
  write(operationId: number, pair: Pair<Part>): void;
  /** Removes the call of an operation that is about to be removed. */
  remove(operationId: number): void;
  /** Finds out which wrappers are covered, as far as that may have changed. Call once, at the end of the transaction. */
  flush(): void;
  /** Forgets what was not flushed. Call after a rollback. */
  forget(): void;
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
  const wrappers = new Set<number>();
  const parents = new Set<string>();
  const forget = (): void => {
    wrappers.clear();
    parents.clear();
  };
  return {
    write(operationId, pair) {
      const { start, finish } = pair;
      const facts = mergeLlmFacts(start?.llm ?? null, finish?.llm ?? null) ?? nothing;
      const { traceId, spanId, parentSpanId } = (start ?? finish).place;
      if (facts.isWrapper) wrappers.add(operationId);
      else if (parentSpanId !== null) parents.add(parentSpanId);
      const place = [traceId, spanId, parentSpanId, facts.isWrapper ? 1 : 0];
      const model = facts.usedModel ?? facts.requestedModel;
      const price = priceCall(prices, { ...facts, model, atMicros: (start ?? finish).timeMicros });
      statements.write.run(operationId, ...place, ...factValues(facts), ...price);
    },
    remove(operationId) {
      wrappers.delete(operationId);
      // The statement returns one column.
      const parent = statements.remove.pluck().get(operationId) as string | null | undefined;
      if (parent != null) parents.add(parent);
    },
    flush() {
      // The statement selects one column.
      for (const parent of parents)
        for (const id of statements.findWrappers.pluck().all(parent)) wrappers.add(id as number);
      for (const id of wrappers) {
        watcher.operationChanging(id);
        statements.cover.run({ id });
      }
      forget();
    },
    forget,
  };
}

function factValues({ vendor, requestedModel, usedModel, stopReason, tokens }: LlmFacts): unknown[] {
  const { input, output, cacheRead, cacheWrite, reasoning } = tokens;
  return [vendor, requestedModel, usedModel, stopReason, input, output, cacheRead, cacheWrite, reasoning];
}

/** What the price of a call depends on. */
interface PricedCall extends Pick<LlmFacts, "vendor" | "tokens"> {
  readonly model: string | null;
  readonly atMicros: number;
}

/**
 * The cost in 1e-12 USD, and what it was reckoned with, as JSON, so that it can be checked. Null: the model's price or the tokens
 * are not known.
 */
export function priceCall(
  prices: PriceBook,
  { vendor, model, tokens, atMicros }: PricedCall,
): [cost: number | null, price: string | null] {
  const price = model === null ? null : prices.find({ vendor, model, atMicros });
  if (price === null) return [null, null];
  return [costOf(tokens, price), JSON.stringify({ ...price, tableVersion: prices.version })];
}

type Statements = Readonly<Record<"write" | "remove" | "findWrappers" | "cover", Statement>>;

function prepare(database: Database): Statements {
  return {
    write: database.prepare(
      `insert or replace into llm_calls (operation_id, trace_id, span_id, parent_span_id, is_wrapper, vendor, requested_model,
        used_model, stop_reason, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens,
        cost_pico_usd, price) values (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
    ),
    remove: database.prepare(
      "delete from llm_calls where operation_id = ? returning case when is_wrapper = 0 then parent_span_id end",
    ),
    findWrappers: database.prepare("select operation_id from llm_calls where span_id = ? and is_wrapper = 1"),
    cover: database.prepare(
      `update llm_calls as w set is_covered = exists (
        select 1 from llm_calls v join operations vo on vo.id = v.operation_id join operations wo on wo.id = w.operation_id
        where v.parent_span_id = w.span_id and v.is_wrapper = 0 and v.trace_id is w.trace_id and vo.agent_key = wo.agent_key
          and (wo.start_micros is null or vo.at_micros >= wo.start_micros)
          and (wo.finish_micros is null or ifnull(vo.finish_micros, vo.at_micros) <= wo.finish_micros)
      ) where operation_id = :id`,
    ),
  };
}
