import type { TimeRange } from "../store.ts";

/** A part of a `where` clause with its parameters. */
export interface Condition {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/** The column, or expression, has this value. */
export function equals(column: string, value: unknown): Condition {
  return { sql: `${column} = ?`, parameters: [value] };
}

/** The same for a value of a filter; null lets everything through. */
export function ifAny(column: string, value: string | number | null): readonly Condition[] {
  return value === null ? [] : [equals(column, value)];
}

/** The column's time lies in the range. */
export function within(column: string, { fromMicros, toMicros }: TimeRange): readonly Condition[] {
  const conditions: Condition[] = [];
  if (fromMicros !== null) conditions.push({ sql: `${column} >= ?`, parameters: [fromMicros] });
  if (toMicros !== null) conditions.push({ sql: `${column} <= ?`, parameters: [toMicros] });
  return conditions;
}

/** The `where` clause of all these conditions; empty if there is none. */
export function whereSql(conditions: readonly Condition[]): string {
  return conditions.length === 0 ? "" : `where ${conditions.map(({ sql }) => sql).join(" and ")}`;
}

/** The parameters of that clause, in its order. */
export function parametersOf(conditions: readonly Condition[]): readonly unknown[] {
  return conditions.flatMap(({ parameters }) => parameters);
}
