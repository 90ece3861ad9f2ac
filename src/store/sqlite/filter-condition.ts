import type { FilterCheck, FilterExpression, FilterField, FilterSubject } from "../../model/filter.ts";
import type { CallField } from "../store.ts";
import { type Condition, parametersOf } from "./condition.ts";
import { modelSql, toolNameSql } from "./operation-columns.ts";

/** Where the values of a filter's fields are: SQL without parameters. Absent is null. */
type FilterColumns<Field extends string> = Readonly<Record<Field, string>>;

/** Of events `e`. Owners by subqueries: not every statement that picks events joins them. */
export const eventFilterColumns: FilterColumns<FilterField<"events">> = {
  sequence: "e.sequence",
  event_id: "lower(hex(e.event_id))",
  client_event_id: "e.client_event_id",
  event_time: "e.time_micros",
  receive_time: "e.received_at_micros",
  agent_id: "(select agent_id from agents where id = e.agent_key)",
  name: "e.name",
  level: "e.level",
  session_id: "(select session_id from sessions where id = e.session_key)",
  trace_id: "e.trace_id",
  span_id: "e.span_id",
  parent_span_id: "e.parent_span_id",
  channel: "e.channel",
  direction: "e.direction",
  duration_ms: "ifnull(e.duration_ms, e.paired_duration_ms)",
  caller_file: "e.caller_file",
  caller_line: "e.caller_line",
  caller_function: "e.caller_function",
  schema_version: "e.schema_version",
  dialect: "e.dialect",
  attributes: "e.attributes_json",
};

/** Of sessions `s` of agents `a`. */
export const sessionFilterColumns: FilterColumns<FilterField<"sessions">> = {
  session_id: "s.session_id",
  agent_id: "a.agent_id",
  start_time: "s.start_micros",
  end_time: "s.end_micros",
  duration_ms: "(s.end_micros - s.start_micros) / 1000.0",
  event_count: "s.event_count",
  error_count: "s.error_count",
};

/** Of traces `t` of agents `a`. */
export const traceFilterColumns: FilterColumns<FilterField<"traces">> = {
  trace_id: "t.trace_id",
  agent_id: "a.agent_id",
  start_time: "t.start_micros",
  end_time: "t.end_micros",
  duration_ms: "(t.end_micros - t.start_micros) / 1000.0",
  event_count: "t.event_count",
  error_count: "t.error_count",
};

/** Of operations `o` with `operationJoins`. */
export const callFilterColumns: FilterColumns<CallField> = {
  agent_id: "a.agent_id",
  session_id: "s.session_id",
  trace_id: "ifnull(b.trace_id, f.trace_id)",
  span_id: "ifnull(b.span_id, f.span_id)",
  parent_span_id: "ifnull(b.parent_span_id, f.parent_span_id)",
  status: "ifnull(o.outcome, 'running')",
  start_time: "o.start_micros",
  finish_time: "o.finish_micros",
  duration_ms: "o.duration_ms",
  vendor: "c.vendor",
  requested_model: "c.requested_model",
  used_model: "c.used_model",
  model: modelSql,
  stop_reason: "c.stop_reason",
  "tokens.input": "c.input_tokens",
  "tokens.output": "c.output_tokens",
  "tokens.cache_read": "c.cache_read_tokens",
  "tokens.cache_write": "c.cache_write_tokens",
  "tokens.reasoning": "c.reasoning_tokens",
  "tokens.total": "coalesce(c.input_tokens + c.output_tokens, c.input_tokens, c.output_tokens)",
  cost_usd: "c.cost_pico_usd / 1e12",
  is_wrapper: "ifnull(c.is_wrapper, 0)",
  counted: "ifnull(c.is_covered, 0) = 0",
  tool_name: toolNameSql,
  name: "o.name",
};

/** Of alerts `x` with their events `e`, agents `a` and sessions `s`. */
export const alertFilterColumns: FilterColumns<FilterField<"alerts">> = {
  event_id: "lower(hex(e.event_id))",
  event_name: "e.name",
  agent_id: "a.agent_id",
  session_id: "s.session_id",
  trace_id: "e.trace_id",
  span_id: "e.span_id",
  alert_time: "x.time_micros",
  severity: "x.severity",
  category: "x.category",
  sample: "x.sample",
  description: "x.description",
  status: "x.status",
  status_time: "x.status_micros",
};

/** The condition of a filter, whose every value is a parameter; none where there is no filter. No index serves it. */
export function filterConditions<Field extends string>(
  columns: FilterColumns<Field>,
  expression: FilterExpression<Field> | null | undefined,
): readonly Condition[] {
  return expression == null ? [] : [conditionFrom(columns, expression)];
}

/** Never null, so that `not` turns every part of an expression around. */
function conditionFrom<Field extends string>(
  columns: FilterColumns<Field>,
  expression: FilterExpression<Field>,
): Condition {
  switch (expression.kind) {
    case "and":
    case "or": {
      const operands = expression.operands.map((operand) => conditionFrom(columns, operand));
      const sql = operands.map((operand) => operand.sql).join(` ${expression.kind} `);
      return { sql: `(${sql})`, parameters: parametersOf(operands) };
    }
    case "not": {
      const { sql, parameters } = conditionFrom(columns, expression.operand);
      return { sql: `(not ${sql})`, parameters };
    }
    default: {
      const { sql, parameters } = checkCondition(valueFrom(columns[expression.field], expression), expression);
      return { sql: `ifnull(${sql}, 0)`, parameters };
    }
  }
}

/** Whether a value passes; null where it is absent. By bytes, because SQLite's functions of texts end at a NUL. */
function checkCondition(value: Condition, check: FilterCheck): Condition {
  const { sql, parameters } = value;
  switch (check.kind) {
    case "present":
      return { sql: `(${sql}) is not null`, parameters };
    case "compare": {
      const compared = typeof check.value === "boolean" ? Number(check.value) : check.value;
      return { sql: `(${sql}) ${check.operator} ?`, parameters: [...parameters, compared] };
    }
    case "contains":
      return { sql: `instr(lower(${sql}), lower(?)) > 0`, parameters: [...parameters, check.text] };
    case "match": {
      const text = Buffer.from(check.text);
      const bytes = `cast(${sql} as blob)`;
      if (check.at === "anywhere") return { sql: `instr(${bytes}, ?) > 0`, parameters: [...parameters, text] };
      const part = check.at === "start" ? "1, octet_length(?)" : "-octet_length(?)";
      return { sql: `substr(${bytes}, ${part}) = ?`, parameters: [...parameters, text, text] };
    }
  }
}

/**
 * The value of a field, or of what lies under keys in its JSON: null where this is absent, or of another type than the check asks for.
 * In a path of SQLite a key may be any JSON string, but a NUL ends it.
 */
function valueFrom(column: string, { keys, ...check }: Pick<FilterSubject, "keys"> & FilterCheck): Condition {
  if (keys.length === 0) return { sql: column, parameters: [] };
  const path = `$${keys.map((key) => `.${JSON.stringify(key)}`).join("")}`;
  const type = `json_type(${column}, ?)`;
  const text = { sql: `case ${type} when 'text' then ${column} ->> ? end`, parameters: [path, path] };
  if (check.kind === "present") return { sql: `nullif(${type}, 'null')`, parameters: [path] };
  if (check.kind !== "compare") return text;
  switch (typeof check.value) {
    case "string":
      return text;
    case "boolean":
      return { sql: `case ${type} when 'true' then 1 when 'false' then 0 end`, parameters: [path] };
    default:
      return {
        sql: `case when ${type} in ('integer', 'real') then cast(${column} ->> ? as real) end`,
        parameters: [path, path],
      };
  }
}
