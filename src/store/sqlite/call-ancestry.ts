import type { Database, Statement } from "better-sqlite3";
import type { Event } from "../../model/event.ts";
import {
  prefixOfSpanKey,
  runPrefixOf,
  spanKeyIn,
  spanKeyOf,
  spanPartitionsOf,
  tracePartitionPrefixOf,
} from "../../model/pairing.ts";
import type { Part, SpanPlace } from "./operation-plan.ts";

/**
 * Knows which spans lie above the calls of vendors' clients, however the spans and the calls came. Only in traces in which a
 * wrapper is: elsewhere nothing can be covered, and nothing is kept. Every call must run inside the transaction that stores the
 * events.
 *
 * A span lies above another if an event of an operation says so: what only events without an operation say of spans is not
 * known, because no index leads to it. Of each call the `ancestorsMax` nearest spans are known, those of one distance in the order
 * of their ids: clients that leak spans nest all that follows.
 */
export interface CallAncestry {
  /** An event was stored whose operation belongs to this trace or session and has not told this parent of its span before. */
  partAdded(run: string, part: Part): void;
  /** A span has another parent in the trace of this agent, or none, because an operation of it went to or came from another agent. */
  parentChanged(trace: Pick<Event, "agentId" | "traceId">, place: Pick<SpanPlace, "spanId" | "parentSpanId">): void;
  /** A wrapper is about to be written, with the key of its span. */
  wrapperComing(spanKey: string): void;
  /** A wrapper went from the span with this key to another agent. */
  wrapperGone(spanKey: string): void;
  /** A vendor's call was written, with the key of the span that it lies in. */
  callWritten(operationId: number, spanKey: string): void;
  /** A vendor's call was removed. */
  callRemoved(operationId: number): void;
  /** Brings the spans above calls up to date. Returns the keys of those under which something changed. */
  flush(): ReadonlySet<string>;
  /** Forgets what was not flushed. Call after a rollback. */
  forget(): void;
}

/** Spans above a call that are known. */
export const ancestorsMax = 8;

/** Traces of which it is remembered whether a wrapper is in them. */
const tracesMax = 10_000;

/** Prepares the statements on the writer's connection. */
export function createCallAncestry(database: Database): CallAncestry {
  const statements = prepare(database);
  /** Whether a wrapper is, or was, in a trace, by the prefix of its keys. */
  const wrapped = new Map<string, boolean>();
  /** Calls whose ancestors may have changed. */
  const calls = new Set<number>();
  /** Keys of the spans above calls that were written or changed their ancestors. */
  const changed = new Set<string>();
  /** Traces that got their first wrapper. */
  const opened = new Set<string>();
  /** Keys of the spans of which a parent became known. */
  const linked = new Set<string>();
  /** Traces that a wrapper left. */
  const left = new Set<string>();
  const isWrapped = (prefix: string): boolean => {
    const known = wrapped.get(prefix);
    if (known !== undefined) return known;
    if (wrapped.size >= tracesMax) wrapped.clear();
    const found = statements.findWrapper.get(rangeOf(prefix)) !== undefined;
    wrapped.set(prefix, found);
    return found;
  };
  const clear = (): void => {
    for (const set of [calls, changed, opened, linked, left]) set.clear();
  };
  return {
    partAdded(run, { agentId, place: { traceId, spanId, parentSpanId } }) {
      if (spanId === null || parentSpanId === null || !isWrapped(runPrefixOf(run))) return;
      linked.add(spanKeyOf({ agentId, traceId }, spanId));
    },
    parentChanged(trace, { spanId, parentSpanId }) {
      if (spanId === null || parentSpanId === null || !isWrapped(tracePartitionPrefixOf(trace))) return;
      linked.add(spanKeyOf(trace, spanId));
    },
    wrapperGone: (spanKey) => void left.add(prefixOfSpanKey(spanKey)),
    wrapperComing(spanKey) {
      const prefix = prefixOfSpanKey(spanKey);
      if (!isWrapped(prefix)) opened.add(prefix);
      wrapped.set(prefix, true);
    },
    callWritten(operationId, spanKey) {
      if (isWrapped(prefixOfSpanKey(spanKey))) calls.add(operationId);
    },
    callRemoved(operationId) {
      calls.delete(operationId);
      for (const { span_key: key } of statements.remove.all(operationId)) changed.add(key);
    },
    flush() {
      for (const key of linked) for (const { id } of statements.findCallsUnder.all(key)) calls.add(id);
      for (const prefix of opened) for (const { id } of statements.findCalls.all(rangeOf(prefix))) calls.add(id);
      for (const id of calls) for (const key of update(statements, id)) changed.add(key);
      for (const prefix of left) {
        const isStill = statements.findWrapper.get(rangeOf(prefix)) !== undefined;
        if (!isStill) statements.removeAll.run(rangeOf(prefix));
        wrapped.set(prefix, isStill);
      }
      const result = new Set(changed);
      clear();
      return result;
    },
    forget() {
      clear();
      wrapped.clear();
    },
  };
}

/** Writes the spans above a call. Returns the keys of those that were known and those that are. */
function update(statements: Statements, operationId: number): ReadonlySet<string> {
  const call = statements.findCall.get(operationId);
  const before = statements.findAncestors.all(operationId).map(({ span_key: key }) => key);
  const after = call === undefined ? [] : ancestorsOf(statements, call);
  const all = new Set([...before, ...after]);
  if (all.size > before.length || all.size > after.length) {
    statements.remove.all(operationId);
    for (const key of after) statements.write.run(operationId, key);
  }
  return all;
}

/** Keys of the spans above a call, the nearest first. */
function ancestorsOf({ findParents }: Statements, call: CallRow): readonly string[] {
  const found = new Set([call.link_key]);
  // A set is walked in the order in which it grows.
  for (const key of found) {
    const { spanId, low, high } = spanPartitionsOf(key);
    const parents = findParents.all({ low, high, agentKey: call.agent_key, spanId, limit: ancestorsMax });
    for (const { parent } of parents) {
      if (found.size < ancestorsMax) found.add(spanKeyIn(prefixOfSpanKey(key), parent));
    }
    if (found.size >= ancestorsMax) break;
  }
  return [...found];
}

/** Between these texts lie the keys of all spans of a trace. */
function rangeOf(prefix: string): KeyRange {
  return { low: spanKeyIn(prefix, ""), high: `${prefix}!` };
}

interface KeyRange {
  readonly low: string;
  readonly high: string;
}

interface CallRow {
  readonly link_key: string;
  readonly agent_key: number;
}

interface SpanRange {
  readonly low: Buffer;
  readonly high: Buffer;
  readonly agentKey: number;
  readonly spanId: string;
  readonly limit: number;
}

interface Statements {
  readonly findWrapper: Statement<[KeyRange], unknown>;
  readonly findCalls: Statement<[KeyRange], { readonly id: number }>;
  readonly findCallsUnder: Statement<[string], { readonly id: number }>;
  readonly findCall: Statement<[number], CallRow>;
  readonly findAncestors: Statement<[number], { readonly span_key: string }>;
  readonly findParents: Statement<[SpanRange], { readonly parent: string }>;
  readonly write: Statement<[number, string]>;
  readonly remove: Statement<[number], { readonly span_key: string }>;
  readonly removeAll: Statement<[KeyRange]>;
}

/** Parents of a span as its operations' events of one end tell them. */
const parentsSql = (sequence: "start_sequence" | "finish_sequence") => `
  select e.parent_span_id as parent
  from operations o indexed by operations_by_partition cross join events e on e.sequence = o.${sequence}
  where o.partition_key between :low and :high and o.agent_key = :agentKey
    and e.span_id = :spanId and e.parent_span_id is not null`;

function prepare(database: Database): Statements {
  return {
    findWrapper: database.prepare(
      "select 1 from llm_calls where link_key >= :low and link_key < :high and is_wrapper = 1 limit 1",
    ),
    findCalls: database.prepare(
      "select operation_id as id from llm_calls where link_key >= :low and link_key < :high and is_wrapper = 0",
    ),
    findCallsUnder: database.prepare("select operation_id as id from call_ancestors where span_key = ?"),
    findCall: database.prepare(
      `select c.link_key, o.agent_key from llm_calls c join operations o on o.id = c.operation_id
      where c.operation_id = ? and c.is_wrapper = 0 and c.link_key is not null`,
    ),
    findAncestors: database.prepare("select span_key from call_ancestors where operation_id = ?"),
    findParents: database.prepare(
      `${parentsSql("start_sequence")} union ${parentsSql("finish_sequence")} order by parent limit :limit`,
    ),
    write: database.prepare("insert into call_ancestors (operation_id, span_key) values (?, ?)"),
    removeAll: database.prepare("delete from call_ancestors where span_key >= :low and span_key < :high"),
    remove: database.prepare("delete from call_ancestors where operation_id = ? returning span_key"),
  };
}
