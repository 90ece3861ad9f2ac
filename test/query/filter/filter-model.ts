import * as fc from "fast-check";
import type { Event } from "../../../src/model/event.ts";
import { formatTimeMicros } from "../../../src/model/time.ts";
import type { StoredEvent } from "../../../src/store/store.ts";
import { builtFromMicros } from "../../store/event-builder.ts";

/*
 * What filters mean, once more and plainly: filters are made here, written as text, and evaluated on events in memory. Nothing of it
 * is shared with the parser or the store.
 */

/** A filter that can be written and evaluated. */
export type ModelFilter =
  | { readonly all: readonly ModelFilter[] }
  | { readonly any: readonly ModelFilter[] }
  | { readonly not: ModelFilter }
  | ModelTest;

interface ModelTest {
  /** As it stands in a filter. */
  readonly subject: string;
  readonly operator: string;
  /** As it stands in a filter. */
  readonly literal: string;
  readonly passes: (event: StoredEvent) => boolean;
}

/** The text of a filter, with as few parentheses as AIP-160 needs. */
export function filterText(filter: ModelFilter): string {
  if ("all" in filter) return filter.all.map((part) => inGroup(part, "all" in part)).join(" AND ");
  if ("any" in filter) return filter.any.map((part) => inGroup(part, "all" in part || "any" in part)).join(" OR ");
  if ("not" in filter) return `NOT ${inGroup(filter.not, !("subject" in filter.not))}`;
  return `${filter.subject} ${filter.operator} ${filter.literal}`;
}

/** Whether an event passes. */
export function passes(filter: ModelFilter, event: StoredEvent): boolean {
  if ("all" in filter) return filter.all.every((part) => passes(part, event));
  if ("any" in filter) return filter.any.some((part) => passes(part, event));
  return "not" in filter ? !passes(filter.not, event) : filter.passes(event);
}

function inGroup(filter: ModelFilter, isGrouped: boolean): string {
  return isGrouped ? `(${filterText(filter)})` : filterText(filter);
}

const texts = [
  "a",
  "A",
  "ab",
  "aB*",
  "*",
  "b a",
  "",
  'q"uote',
  "it's",
  "back\\slash",
  "naïve É",
  "😀",
  "\u0000",
  "a\u0000b",
  "5",
  "true",
];
const someText = fc.constantFrom(...texts);
const numbers = [0, 1, -1, 2.5, 1500, 1e300, -1e-7, 2 ** 53, 123456789];
const someNumber = fc.constantFrom(...numbers);
const keys = ["a", "b", "a.b", 'q"', "back\\", "$", "$.a", "[0]", "0", "", "é", "__proto__"];
const someKey = fc.constantFrom(...keys);

const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.oneof(someText, someNumber, fc.boolean(), fc.constant(null)),
    fc.dictionary(someKey, tie("json"), { maxKeys: 4 }),
    fc.array(tie("json"), { maxLength: 2 }),
  ),
}));

const optionalText = fc.option(someText);

/** An event of few values, so that filters meet it. To be built by `buildEvent`. */
export const anyFilteredEvent: fc.Arbitrary<Partial<Event>> = fc.record({
  name: someText,
  level: someText,
  agentId: someText,
  sessionId: optionalText,
  traceId: optionalText,
  channel: optionalText,
  direction: optionalText,
  durationMs: fc.constantFrom(null, ...numbers.filter((value) => value >= 0)),
  callerLine: fc.constantFrom(null, 0, 1, 2, 3),
  timeMicros: fc.integer({ min: 0, max: 5 }).map((step) => builtFromMicros + step),
  attributesJson: fc
    .oneof({ weight: 5, arbitrary: fc.dictionary(someKey, json, { minKeys: 1, maxKeys: 8 }) }, json)
    .map((value) => JSON.stringify(value)),
});

/** Quotes a text in one of the two ways. */
function quoted(text: string, quote: '"' | "'"): string {
  const escaped = text.replace(/[\\*"']/g, (character) =>
    character === '"' || character === "'" ? (character === quote ? `\\${character}` : character) : `\\${character}`,
  );
  return quote + escaped + quote;
}

const someQuote = fc.constantFrom('"' as const, "'" as const);

/** A value and how the literal compares to it, for the operators that there are for its type. */
interface ModelLiteral {
  readonly operator: string;
  readonly literal: string;
  readonly check: (value: unknown) => boolean;
}

const orders: Readonly<Record<string, (order: number) => boolean>> = {
  "=": (order) => order === 0,
  "<": (order) => order < 0,
  "<=": (order) => order <= 0,
  ">": (order) => order > 0,
  ">=": (order) => order >= 0,
};
const someOrder = fc.constantFrom(...Object.entries(orders));
const isThere = (value: unknown) => value !== undefined && value !== null;
const lower = (text: string) => text.replace(/[A-Z]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 32));

const presence: ModelLiteral = { operator: ":", literal: "*", check: isThere };

/** "True unless it equals", whatever else it is. */
const withNegation = (literals: fc.Arbitrary<ModelLiteral>): fc.Arbitrary<ModelLiteral> =>
  fc
    .tuple(literals, fc.boolean())
    .map(([literal, isNegated]) =>
      isNegated && literal.operator === "="
        ? { ...literal, operator: "!=", check: (value: unknown) => !literal.check(value) }
        : literal,
    );

const textLiteral: fc.Arbitrary<ModelLiteral> = fc.oneof(
  fc.tuple(someText, someQuote, someOrder).map(([text, quote, [operator, holds]]) => ({
    operator,
    literal: quoted(text, quote),
    check: (value: unknown) =>
      typeof value === "string" && holds(Buffer.compare(Buffer.from(value), Buffer.from(text))),
  })),
  fc.tuple(someText, someQuote).map(([text, quote]) => ({
    operator: ":",
    literal: quoted(text, quote),
    check: (value: unknown) => typeof value === "string" && lower(value).includes(lower(text)),
  })),
  fc.tuple(someText, someQuote, fc.constantFrom("start", "end", "both")).map(([text, quote, open]) => ({
    operator: "=",
    literal: wild(quoted(text, quote), open),
    check: (value: unknown) =>
      typeof value === "string" &&
      (open === "end" ? value.startsWith(text) : open === "start" ? value.endsWith(text) : value.includes(text)),
  })),
);

/** Opens a quoted text with a `*` at its start, its end or both. */
function wild(literal: string, open: string): string {
  const inside = literal.slice(1, -1);
  const quote = literal.charAt(0);
  return `${quote}${open === "end" ? "" : "*"}${inside}${open === "start" ? "" : "*"}${quote}`;
}

const numberLiteral: fc.Arbitrary<ModelLiteral> = fc
  .tuple(someNumber, someOrder)
  .map(([number, [operator, holds]]) => ({
    operator,
    literal: String(number).replace("+", ""),
    check: (value) => typeof value === "number" && holds(value - number),
  }));

const booleanLiteral: fc.Arbitrary<ModelLiteral> = fc.boolean().map((truth) => ({
  operator: "=",
  literal: String(truth),
  check: (value) => value === truth,
}));

const timeLiteral: fc.Arbitrary<ModelLiteral> = fc
  .tuple(fc.integer({ min: 0, max: 5 }), someOrder)
  .map(([step, [operator, holds]]) => ({
    operator,
    literal: formatTimeMicros(builtFromMicros + step),
    check: (value) => typeof value === "number" && holds(value - builtFromMicros - step),
  }));

const textFields: Readonly<Record<string, (event: StoredEvent) => unknown>> = {
  name: (event) => event.name,
  level: (event) => event.level,
  agent_id: (event) => event.agentId,
  session_id: (event) => event.sessionId,
  trace_id: (event) => event.traceId,
  channel: (event) => event.channel,
  direction: (event) => event.direction,
};
const numberFields: typeof textFields = {
  duration_ms: (event) => event.durationMs,
  caller_line: (event) => event.callerLine,
};

const testsOf = (fields: typeof textFields, literals: fc.Arbitrary<ModelLiteral>): fc.Arbitrary<ModelFilter> =>
  fc
    .tuple(fc.constantFrom(...Object.entries(fields)), withNegation(fc.oneof(literals, fc.constant(presence))))
    .map(([[subject, read], { check, ...literal }]) => ({
      subject,
      ...literal,
      passes: (event) => check(read(event)),
    }));

const attributeTest: fc.Arbitrary<ModelFilter> = fc
  .tuple(
    fc.array(fc.tuple(someKey, someQuote), { minLength: 1, maxLength: 2 }),
    withNegation(fc.oneof(textLiteral, numberLiteral, booleanLiteral, fc.constant(presence))),
  )
  .map(([path, { check, ...literal }]) => ({
    subject: `attributes${path.map(([key, quote]) => `[${quoted(key, quote)}]`).join("")}`,
    ...literal,
    passes: ({ attributesJson }) =>
      check(path.reduce((value, [key]) => memberOf(value, key), JSON.parse(attributesJson))),
  }));

function memberOf(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return Object.getOwnPropertyDescriptor(value, key)?.value;
}

const someTest = fc.oneof(
  testsOf(textFields, textLiteral),
  testsOf(numberFields, numberLiteral),
  testsOf({ event_time: (event) => event.timeMicros }, timeLiteral),
  attributeTest,
  attributeTest,
);

/** Filters of events, of few levels. */
export const { filter: anyFilter } = fc.letrec<{ filter: ModelFilter }>((tie) => ({
  filter: fc.oneof(
    { depthSize: "small", withCrossShrink: true, maxDepth: 3 },
    someTest,
    fc.array(tie("filter"), { minLength: 2, maxLength: 3 }).map((all) => ({ all })),
    fc.array(tie("filter"), { minLength: 2, maxLength: 3 }).map((any) => ({ any })),
    tie("filter").map((filter) => ({ not: filter })),
  ),
}));
