import { type FilterCheck, type FilterFieldKind, type FilterOperator, filterOperators } from "../../model/filter.ts";
import { parseTimeMicros } from "../../model/time.ts";
import { filterError } from "./filter-error.ts";
import type { FilterLiteral } from "./filter-scanner.ts";

/** One comparison of a filter as it stands there; `!=` is `=` with a NOT before it. */
export interface FilterComparison {
  /** Of the field, for messages. */
  readonly name: string;
  readonly kind: FilterFieldKind;
  readonly operator: string;
  readonly operatorColumn: number;
  readonly literal: FilterLiteral;
}

const number = /^-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

/** What a comparison asks of its value. Throws `FIELD_INVALID` for an operator or a value that does not fit the field. */
export function checkFrom(comparison: FilterComparison): FilterCheck {
  const { literal, kind } = comparison;
  if (comparison.operator === ":") return hasFrom(comparison);
  const operator = findOperator(comparison.operator);
  const value = valueFrom(literal, kind);
  if (operator !== "=" && (typeof value === "boolean" || Array.isArray(kind))) {
    filterError(comparison.operatorColumn, `${comparison.name} compares by = and != only`);
  }
  if (operator === "=" && typeof value === "string" && literal.wildcards.length > 0) return matchFrom(literal);
  return { kind: "compare", operator, value };
}

/** The operator `:`. Of JSON, it is `=` for numbers and truth values, as of any map in AIP-160. */
function hasFrom({ name, kind, operatorColumn, literal }: FilterComparison): FilterCheck {
  if (literal.text === "*" && !literal.isQuoted) return { kind: "present" };
  if (kind !== "text" && kind !== "json") filterError(operatorColumn, `${name} compares by : with * only`);
  const value = valueFrom(literal, kind);
  return typeof value === "string" ? { kind: "contains", text: value } : { kind: "compare", operator: "=", value };
}

/** The value, of the field's kind. Of JSON, whose values may be of any, the literal decides. */
function valueFrom(literal: FilterLiteral, kind: FilterFieldKind): string | number | boolean {
  const { text, isQuoted, column } = literal;
  switch (kind) {
    case "text":
      return text;
    case "number":
      return (isQuoted ? undefined : findNumber(text)) ?? filterError(column, "expected a number, as 1500 or 0.25");
    case "time":
      return parseTimeMicros(text) ?? filterError(column, "expected a time, as 2025-04-10T08:00:00Z");
    case "boolean":
      return (isQuoted ? undefined : findBoolean(text)) ?? filterError(column, "expected true or false");
    case "json":
      return isQuoted ? text : (findNumber(text) ?? findBoolean(text) ?? text);
    default:
      return kind.find((choice) => choice === text) ?? filterError(column, `expected one of ${kind.join(", ")}`);
  }
}

/** Equality to a text with `*` at its start, its end or both. */
function matchFrom({ text, wildcards, column }: FilterLiteral): FilterCheck {
  const isOpenStart = wildcards[0] === 0;
  const isOpenEnd = wildcards.at(-1) === text.length - 1;
  const isInside = wildcards.some((at) => at > 0 && at < text.length - 1);
  if (isInside) filterError(column, "a * stands at the start or the end; in quotes, \\* is an ordinary character");
  const rest = text.slice(isOpenStart ? 1 : 0, isOpenEnd ? -1 : undefined);
  if (rest === "") return { kind: "contains", text: "" };
  if (isOpenStart && isOpenEnd) return { kind: "match", text: rest, at: "anywhere" };
  return { kind: "match", text: rest, at: isOpenEnd ? "start" : "end" };
}

function findOperator(text: string): FilterOperator {
  return filterOperators.find((operator) => operator === text) ?? "=";
}

function findNumber(text: string): number | undefined {
  const value = number.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(value) ? value : undefined;
}

function findBoolean(text: string): boolean | undefined {
  if (text === "true") return true;
  return text === "false" ? false : undefined;
}
