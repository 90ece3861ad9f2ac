import { operationStatuses } from "./operation.ts";
import { alertSeverities, alertStatuses } from "./security-alert.ts";

/** What a field of a filter holds; a list: one of these words. Of `json`, the members are asked for by their keys. */
export type FilterFieldKind = "text" | "number" | "time" | "boolean" | "json" | readonly string[];

const callFields = {
  agent_id: "text",
  session_id: "text",
  trace_id: "text",
  span_id: "text",
  parent_span_id: "text",
  status: operationStatuses,
  start_time: "time",
  finish_time: "time",
  duration_ms: "number",
} as const;

/** The fields of the filter of each list, by the names of its message. */
export const filterFields = {
  events: {
    sequence: "number",
    event_id: "text",
    client_event_id: "text",
    event_time: "time",
    receive_time: "time",
    agent_id: "text",
    name: "text",
    level: "text",
    session_id: "text",
    trace_id: "text",
    span_id: "text",
    parent_span_id: "text",
    channel: "text",
    direction: "text",
    duration_ms: "number",
    caller_file: "text",
    caller_line: "number",
    caller_function: "text",
    schema_version: "text",
    dialect: "text",
    attributes: "json",
  },
  sessions: {
    session_id: "text",
    agent_id: "text",
    start_time: "time",
    end_time: "time",
    duration_ms: "number",
    event_count: "number",
    error_count: "number",
  },
  traces: {
    trace_id: "text",
    agent_id: "text",
    start_time: "time",
    end_time: "time",
    duration_ms: "number",
    event_count: "number",
    error_count: "number",
  },
  llm_calls: {
    ...callFields,
    vendor: "text",
    requested_model: "text",
    used_model: "text",
    /** The model that answered, else the one that was asked for. */
    model: "text",
    stop_reason: "text",
    "tokens.input": "number",
    "tokens.output": "number",
    "tokens.cache_read": "number",
    "tokens.cache_write": "number",
    "tokens.reasoning": "number",
    "tokens.total": "number",
    cost_usd: "number",
    is_wrapper: "boolean",
    counted: "boolean",
  },
  tool_calls: { ...callFields, tool_name: "text", name: "text" },
  alerts: {
    event_id: "text",
    event_name: "text",
    agent_id: "text",
    session_id: "text",
    trace_id: "text",
    span_id: "text",
    alert_time: "time",
    severity: alertSeverities,
    category: "text",
    sample: "text",
    description: "text",
    status: alertStatuses,
    status_time: "time",
  },
} as const satisfies Record<string, Readonly<Record<string, FilterFieldKind>>>;

/** The lists that have a filter. */
export type FilteredList = keyof typeof filterFields;

/** The names of a list's fields. */
export type FilterField<List extends FilteredList> = keyof (typeof filterFields)[List] & string;

/** Further names of some fields: those that they have over REST. */
export const filterAliases: { readonly [List in FilteredList]: Readonly<Record<string, FilterField<List>>> } = {
  events: { id: "sequence", event_type: "name", timestamp: "event_time", data: "attributes" },
  sessions: {},
  traces: {},
  llm_calls: {},
  tool_calls: {},
  alerts: {},
};

/** What has to be true of an item. Every part of it is true or false of every item: there is no third outcome. */
export type FilterExpression<Field extends string = string> =
  | { readonly kind: "and" | "or"; readonly operands: readonly FilterExpression<Field>[] }
  | { readonly kind: "not"; readonly operand: FilterExpression<Field> }
  | FilterTest<Field>;

/** A filter of one list. */
export type ListFilter<List extends FilteredList> = FilterExpression<FilterField<List>>;

/** One test of one value. It fails where the value is absent, or, of JSON, has another type. */
export type FilterTest<Field extends string = string> = FilterSubject<Field> & FilterCheck;

/** The value that is tested: a field or, with keys, what lies under them in its JSON. */
export interface FilterSubject<Field extends string = string> {
  readonly field: Field;
  /** The outermost first. Empty: the field itself. */
  readonly keys: readonly string[];
}

/** What the value has to be. */
export type FilterCheck =
  /** There: JSON's null is not. */
  | { readonly kind: "present" }
  /** Texts compare by their UTF-8 bytes, numbers as doubles; times are microseconds since 1970 UTC. */
  | { readonly kind: "compare"; readonly operator: FilterOperator; readonly value: string | number | boolean }
  /** A text with this in it, whatever the case of ASCII letters. */
  | { readonly kind: "contains"; readonly text: string }
  /** A text with exactly this at its start, at its end or anywhere. */
  | { readonly kind: "match"; readonly text: string; readonly at: "start" | "end" | "anywhere" };

export const filterOperators = ["=", "<", "<=", ">", ">="] as const;
export type FilterOperator = (typeof filterOperators)[number];
