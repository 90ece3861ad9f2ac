import type { Dialect, OperationKind, OperationOutcome } from "../../model/event.ts";
import type { LlmCallRecord, OperationFailure, OperationRecord } from "../../model/operation.ts";
import { eventIdFromBytes } from "./event-row.ts";

/** An operation with what its events and its row of `llm_calls` say, as readers select it by `operationColumns`. */
export interface OperationColumns {
  readonly id: number;
  readonly agent_id: string;
  readonly session_id: string | null;
  readonly kind: OperationKind;
  readonly name: string;
  readonly at_micros: number;
  readonly start_micros: number | null;
  readonly finish_micros: number | null;
  readonly outcome: OperationOutcome | null;
  readonly duration_ms: number | null;
  readonly tool_name: string | null;
  readonly start_event_id: Uint8Array | null;
  readonly finish_event_id: Uint8Array | null;
  readonly trace_id: string | null;
  readonly span_id: string | null;
  readonly parent_span_id: string | null;
  readonly failure_name: string | null;
  readonly failure_level: string | null;
  readonly failure_json: string | null;
  readonly failure_dialect: string | null;
  readonly failure_channel: string | null;
  readonly failure_extensions: string | null;
  /** All that follows is null but for calls of a language model. */
  readonly call_id: number | null;
  readonly is_wrapper: number | null;
  readonly is_covered: number | null;
  readonly vendor: string | null;
  readonly requested_model: string | null;
  readonly used_model: string | null;
  readonly stop_reason: string | null;
  readonly input_tokens: number | null;
  readonly output_tokens: number | null;
  readonly cache_read_tokens: number | null;
  readonly cache_write_tokens: number | null;
  readonly reasoning_tokens: number | null;
  readonly cost_pico_usd: number | null;
  readonly price: string | null;
}

/** Bytes of attributes in which a list looks for an error: a page of failures holds that many times its size at most. */
const failureMaxBytes = 65_536;

/** Name of the tool that an operation `o` calls. */
export const toolNameSql = "ifnull(o.start_tool_name, o.finish_tool_name)";

/** The model of a call `c`: the one that answered, else the one that was asked for. */
export const modelSql = "coalesce(c.used_model, c.requested_model)";

/** The columns, of an operation `o` with `operationJoins`. */
export const operationColumns = `o.id, a.agent_id, s.session_id, o.kind, o.name, o.at_micros, o.start_micros, o.finish_micros,
  o.outcome, o.duration_ms, ${toolNameSql} as tool_name, b.event_id as start_event_id, f.event_id as finish_event_id,
  ifnull(b.trace_id, f.trace_id) as trace_id, ifnull(b.span_id, f.span_id) as span_id,
  ifnull(b.parent_span_id, f.parent_span_id) as parent_span_id, f.name as failure_name, f.level as failure_level,
  case when o.outcome <> 'ok' and octet_length(f.attributes_json) <= ${failureMaxBytes} then f.attributes_json end as failure_json,
  f.dialect as failure_dialect, f.channel as failure_channel,
  case when o.outcome <> 'ok' and f.dialect = 'otlp' and octet_length(f.extensions_json) <= ${failureMaxBytes}
    then f.extensions_json end as failure_extensions,
  c.operation_id as call_id, c.is_wrapper, c.is_covered, c.vendor, c.requested_model, c.used_model, c.stop_reason,
  c.input_tokens, c.output_tokens, c.cache_read_tokens, c.cache_write_tokens, c.reasoning_tokens, c.cost_pico_usd, cp.price`;

/** What belongs to an operation `o`, each by its key: none of them changes how many rows there are. */
export const operationJoins = `left join agents a on a.id = o.agent_key left join sessions s on s.id = o.session_key
  left join llm_calls c on c.operation_id = o.id left join call_prices cp on cp.id = c.price_key left join events b on b.sequence = o.start_sequence
  left join events f on f.sequence = o.finish_sequence`;

/** Row → operation. */
export function operationFromColumns(row: OperationColumns): OperationRecord {
  return {
    id: row.id,
    agentId: row.agent_id,
    sessionId: row.session_id,
    traceId: row.trace_id,
    spanId: row.span_id,
    parentSpanId: row.parent_span_id,
    kind: row.kind,
    name: row.name,
    atMicros: row.at_micros,
    startMicros: row.start_micros,
    finishMicros: row.finish_micros,
    durationMs: row.duration_ms,
    outcome: row.outcome,
    toolName: row.tool_name,
    startEventId: row.start_event_id === null ? null : eventIdFromBytes(row.start_event_id),
    finishEventId: row.finish_event_id === null ? null : eventIdFromBytes(row.finish_event_id),
    llm: row.call_id === null ? null : llmCallFromColumns(row),
    failure: failureFromColumns(row),
  };
}

function failureFromColumns(row: OperationColumns): OperationFailure | null {
  const { failure_name: name, failure_level: level, failure_json: attributesJson } = row;
  if (name === null || level === null || attributesJson === null) return null;
  return {
    // Only this server writes the column, and only from the type.
    dialect: row.failure_dialect as Dialect,
    channel: row.failure_channel,
    spanId: row.span_id,
    parentSpanId: row.parent_span_id,
    name,
    level,
    attributesJson,
    extensionsJson: row.failure_extensions,
  };
}

function llmCallFromColumns(row: OperationColumns): LlmCallRecord {
  return {
    vendor: row.vendor,
    requestedModel: row.requested_model,
    usedModel: row.used_model,
    stopReason: row.stop_reason,
    tokens: {
      input: row.input_tokens,
      output: row.output_tokens,
      cacheRead: row.cache_read_tokens,
      cacheWrite: row.cache_write_tokens,
      reasoning: row.reasoning_tokens,
    },
    isWrapper: row.is_wrapper === 1,
    isCovered: row.is_covered === 1,
    costPicoUsd: row.cost_pico_usd,
    priceJson: row.price,
  };
}
