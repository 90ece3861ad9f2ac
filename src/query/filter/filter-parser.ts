import { fieldError } from "../../model/error.ts";
import {
  type FilterExpression,
  type FilteredList,
  type FilterField,
  type FilterFieldKind,
  type FilterSubject,
  filterAliases,
  filterFields,
  type ListFilter,
} from "../../model/filter.ts";
import { filterLengthMax } from "../../model/limits.ts";
import { checkFrom } from "./filter-check.ts";
import { filterError } from "./filter-error.ts";
import { type FilterLiteral, FilterScanner } from "./filter-scanner.ts";

/** Parentheses in each other, of a filter. */
export const filterDepthMax = 20;

/** Comparisons of a filter. */
export const filterComparisonsMax = 50;

/**
 * Reads the filter of a list, a subset of AIP-160 (see docs/filters.md); null where it is empty. Throws `FIELD_INVALID`, with the
 * column, for what is none.
 */
export function parseFilter<List extends FilteredList>(list: List, text: string): ListFilter<List> | null {
  if (text.trim() === "") return null;
  if (text.length > filterLengthMax) {
    const message = `must be at most ${filterLengthMax} characters long`;
    throw fieldError({ field: "filter", reason: "FIELD_INVALID", message });
  }
  return new FilterParser<FilterField<List>>(text, kindsOf[list], filterAliases[list]).parse();
}

/** The same record, as the parser of any list sees it. */
const kindsOf: { readonly [List in FilteredList]: Readonly<Record<FilterField<List>, FilterFieldKind>> } = filterFields;

/** Reads one filter. A method for each rule of the grammar. */
class FilterParser<Field extends string> {
  readonly #scanner: FilterScanner;
  readonly #kinds: Readonly<Record<Field, FilterFieldKind>>;
  readonly #aliases: Readonly<Record<string, Field>>;
  #depth = 0;
  #comparisons = 0;

  constructor(text: string, kinds: Readonly<Record<Field, FilterFieldKind>>, aliases: Readonly<Record<string, Field>>) {
    this.#scanner = new FilterScanner(text);
    this.#kinds = kinds;
    this.#aliases = aliases;
  }

  parse(): FilterExpression<Field> {
    const expression = this.#conjunction();
    this.#scanner.assertEnd("AND, OR or the end");
    return expression;
  }

  #conjunction(): FilterExpression<Field> {
    const operands = [this.#disjunction()];
    while (this.#scanner.takeKeyword("AND")) operands.push(this.#disjunction());
    return joined("and", operands);
  }

  #disjunction(): FilterExpression<Field> {
    const operands = [this.#term()];
    while (this.#scanner.takeKeyword("OR")) operands.push(this.#term());
    return joined("or", operands);
  }

  #term(): FilterExpression<Field> {
    const isNegated = this.#scanner.takeKeyword("NOT") || this.#scanner.takeSign("-");
    const { column } = this.#scanner;
    const operand = this.#scanner.takeSign("(") ? this.#group(column) : this.#comparison();
    return isNegated ? { kind: "not", operand } : operand;
  }

  #group(column: number): FilterExpression<Field> {
    this.#depth++;
    if (this.#depth > filterDepthMax) filterError(column, `at most ${filterDepthMax} parentheses may be in each other`);
    const expression = this.#conjunction();
    if (!this.#scanner.takeSign(")")) this.#scanner.fail("AND, OR or )");
    this.#depth--;
    return expression;
  }

  #comparison(): FilterExpression<Field> {
    this.#comparisons++;
    if (this.#comparisons > filterComparisonsMax) {
      filterError(this.#scanner.column, `at most ${filterComparisonsMax} comparisons are allowed`);
    }
    const { column } = this.#scanner;
    const subject = this.#subject();
    const operatorColumn = this.#scanner.column;
    const operator = this.#scanner.takeOperator();
    const literal = this.#scanner.takeLiteral();
    const kind = this.#kinds[subject.field];
    if (kind === "json" && subject.keys.length === 0) {
      // As of any map in AIP-160: it has this key.
      if (operator !== ":" || literal.text === "*") {
        filterError(column, `${subject.field} needs a key, as ${subject.field}["key"]`);
      }
      return { ...subject, keys: [keyFrom(literal)], kind: "present" };
    }
    const comparison = {
      name: subject.field,
      kind,
      operator: operator === "!=" ? "=" : operator,
      literal,
      operatorColumn,
    };
    const test = { ...subject, ...checkFrom(comparison) };
    // "True unless it equals": also of what is absent.
    return operator === "!=" ? { kind: "not", operand: test } : test;
  }

  #subject(): FilterSubject<Field> {
    const { column } = this.#scanner;
    const name = this.#scanner.takeName();
    const field = this.#findField(name) ?? filterError(column, this.#unknownField(name));
    const keys: string[] = [];
    for (let at = this.#scanner.column; this.#scanner.takeSign("["); at = this.#scanner.column) {
      if (this.#kinds[field] !== "json") filterError(at, `${name} has no keys`);
      keys.push(keyFrom(this.#scanner.takeQuoted() ?? this.#scanner.fail("a key in quotes")));
      if (!this.#scanner.takeSign("]")) this.#scanner.fail("]");
    }
    return { field, keys };
  }

  #findField(name: string): Field | undefined {
    if (Object.hasOwn(this.#aliases, name)) return this.#aliases[name];
    return this.#names().find((field) => field === name);
  }

  #names(): readonly Field[] {
    // The record has no other keys than its type says.
    return Object.keys(this.#kinds) as Field[];
  }

  #unknownField(name: string): string {
    const known = this.#names().map((field) => (this.#kinds[field] === "json" ? `${field}["key"]` : field));
    return `there is no field ${name}; there are ${known.join(", ")}`;
  }
}

/** Databases end a key at a NUL, so what was found would not be what was asked for. */
function keyFrom({ text, column }: FilterLiteral): string {
  return text.includes("\0") ? filterError(column, "a key with a NUL in it cannot be asked for") : text;
}

function joined<Field extends string>(
  kind: "and" | "or",
  operands: readonly FilterExpression<Field>[],
): FilterExpression<Field> {
  const [first, second] = operands;
  return first !== undefined && second === undefined ? first : { kind, operands };
}
