import type { TimeRange } from "../store.ts";

/** A part of a `where` clause with its parameters. The events are `e` in it. */
export interface Condition {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/** The column has this value. */
export function equals(column: string, value: unknown): Condition {
  return { sql: `e.${column} = ?`, parameters: [value] };
}

/** The column has this value; no condition where it is null. */
export function ifAny(column: string, value: string | null): Condition[] {
  return value === null ? [] : [equals(column, value)];
}

/** The event's time is in the range. */
export function rangeConditions({ fromMicros, toMicros }: TimeRange): Condition[] {
  const conditions: Condition[] = [];
  if (fromMicros !== null) conditions.push({ sql: "e.time_micros >= ?", parameters: [fromMicros] });
  if (toMicros !== null) conditions.push({ sql: "e.time_micros <= ?", parameters: [toMicros] });
  return conditions;
}

/** The whole clause; empty where there is no condition. */
export function whereSql(conditions: readonly Condition[]): string {
  return conditions.length === 0 ? "" : `where ${conditions.map(({ sql }) => sql).join(" and ")}`;
}

/** The parameters of the whole clause. */
export function parametersOf(conditions: readonly Condition[]): readonly unknown[] {
  return conditions.flatMap(({ parameters }) => parameters);
}
