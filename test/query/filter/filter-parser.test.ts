import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TelemetryError } from "../../../src/model/error.ts";
import { filterLengthMax } from "../../../src/model/limits.ts";
import { filterComparisonsMax, filterDepthMax, parseFilter } from "../../../src/query/filter/filter-parser.ts";

const compare = (field: string, operator: string, value: unknown, ...keys: readonly string[]) => ({
  field,
  keys,
  kind: "compare",
  operator,
  value,
});
const equal = (field: string, value: unknown, ...keys: readonly string[]) => compare(field, "=", value, ...keys);
const present = (field: string, ...keys: readonly string[]) => ({ field, keys, kind: "present" });
const contains = (field: string, text: string, ...keys: readonly string[]) => ({ field, keys, kind: "contains", text });
const match = (text: string, at: string) => ({ field: "name", keys: [], kind: "match", text, at });
const not = (operand: unknown) => ({ kind: "not", operand });
const and = (...operands: readonly unknown[]) => ({ kind: "and", operands });
const or = (...operands: readonly unknown[]) => ({ kind: "or", operands });

const [a, b, c, d] = [equal("name", "a"), equal("name", "b"), equal("name", "c"), equal("name", "d")];

describe("a filter", () => {
  test.for(["", " ", "\t\n"])("is none if it is %o", (text) => {
    expect(parseFilter("events", text)).toBeNull();
  });

  test.for<readonly [string, unknown]>([
    ["name=a", a],
    [" name \n = \t a ", a],
    ["(name = a)", a],
    ["((name = a))", a],
    ["NOT name = a", not(a)],
    ["-name = a", not(a)],
    ["NOT (name = a)", not(a)],
    ["NOT(name = a)", not(a)],
    ["-(NOT name = a)", not(not(a))],
    ["name = a AND name = b", and(a, b)],
    ["name = a AND name = b AND name = c", and(a, b, c)],
    ["name = a OR name = b", or(a, b)],
    ["name = a AND name = b OR name = c", and(a, or(b, c))],
    ["name = a OR name = b AND name = c OR name = d", and(or(a, b), or(c, d))],
    ["(name = a AND name = b) OR name = c", or(and(a, b), c)],
    ["NOT name = a OR name = b", or(not(a), b)],
    ["(name=a)AND(name=b)", and(a, b)],
    ['name="a"AND name="b"', and(a, b)],
  ])("groups %s as AIP-160 does", ([text, expected]) => {
    expect(parseFilter("events", text)).toEqual(expected);
  });

  test.for<readonly [string, unknown]>([
    ["name = llm.call.start", equal("name", "llm.call.start")],
    ["name = mcp:tool/call-1", equal("name", "mcp:tool/call-1")],
    ["name = ANDY", equal("name", "ANDY")],
    ["name = NOT-FOUND", equal("name", "NOT-FOUND")],
    ["name = and", equal("name", "and")],
    ['name = "AND"', equal("name", "AND")],
    ['name = ""', equal("name", "")],
    [`name = "a 'b' (c)"`, equal("name", "a 'b' (c)")],
    [`name = 'a "b"'`, equal("name", 'a "b"')],
    [`name = "\\"\\\\\\'\\*\\n\\r\\t"`, equal("name", "\"\\'*\n\r\t")],
    ["name = 5", equal("name", "5")],
    ["name != a", not(a)],
    ["name < a", compare("name", "<", "a")],
    ["name >= a", compare("name", ">=", "a")],
    ["name = a*", match("a", "start")],
    ["name = *a", match("a", "end")],
    ['name = "*a b*"', match("a b", "anywhere")],
    ["name != a*", not(match("a", "start"))],
    ["name = *", contains("name", "")],
    ["name = **", contains("name", "")],
    ['name = "a\\*"', equal("name", "a*")],
    ['name = "\\*a*"', match("*a", "start")],
    ["name > a*", compare("name", ">", "a*")],
    ["name:a*", contains("name", "a*")],
    ["name:*", present("name")],
    ['name:"*"', contains("name", "*")],
    ["event_type = a", a],
    ["duration_ms > 1500", compare("duration_ms", ">", 1500)],
    ["duration_ms <= .5", compare("duration_ms", "<=", 0.5)],
    ["duration_ms = -2.5e-3", equal("duration_ms", -0.0025)],
    ["duration_ms:*", present("duration_ms")],
    ["event_time >= 2025-04-10T08:00:00Z", compare("event_time", ">=", 1_744_272_000_000_000)],
    ['timestamp < "2025-04-10T10:00:00.5+02:00"', compare("event_time", "<", 1_744_272_000_500_000)],
    ['attributes["a"] = x', equal("attributes", "x", "a")],
    [`attributes['a.b']["c"] = 5`, equal("attributes", 5, "a.b", "c")],
    ['attributes["a"] = "5"', equal("attributes", "5", "a")],
    ['attributes["a"] < 5', compare("attributes", "<", 5, "a")],
    ['attributes["a"] = true', equal("attributes", true, "a")],
    ['attributes["a"] = "true"', equal("attributes", "true", "a")],
    ['attributes["a"] = 1e999', equal("attributes", "1e999", "a")],
    ['attributes["a"]:5', equal("attributes", 5, "a")],
    ['attributes["a"]:x', contains("attributes", "x", "a")],
    ['attributes["a"]:*', present("attributes", "a")],
    ['attributes["a\\"b"]:*', present("attributes", 'a"b')],
    ['attributes:"llm.model"', present("attributes", "llm.model")],
    ['data [ "a" ] :*', present("attributes", "a")],
  ])("reads %s", ([text, expected]) => {
    expect(parseFilter("events", text)).toEqual(expected);
  });

  test("reads words that a field has, and truth values", () => {
    expect(parseFilter("llm_calls", "status = error AND counted = true AND tokens.input > 5")).toEqual(
      and(equal("status", "error"), equal("counted", true), compare("tokens.input", ">", 5)),
    );
    expect(parseFilter("alerts", 'severity != "high"')).toEqual(not(equal("severity", "high")));
  });
});

/** What the refusal of a filter says of its field. */
function messageOf(read: () => unknown): string | undefined {
  try {
    read();
  } catch (error) {
    const violation = error instanceof TelemetryError ? error.violations[0] : undefined;
    if (violation?.field !== "filter" || violation.reason !== "FIELD_INVALID") throw error;
    return violation.message;
  }
  return undefined;
}

describe("a filter is refused, with the column, where", () => {
  test.for<readonly [string, string]>([
    ["name", "column 5: expected one of = != < <= > >= :, found the end"],
    ["name a", "column 6: expected one of = != < <= > >= :, found a"],
    ["name ==a", "column 7: expected a value, found ="],
    ["name =", "column 7: expected a value, found the end"],
    ["name = AND", "column 8: expected a value, found AND"],
    ["name = )", "column 8: expected a value, found )"],
    ["a b", "column 1: there is no field a; there are sequence,"],
    ["AND name = a", "column 1: expected a comparison, found AND"],
    ["'name' = a", "column 1: expected a comparison, found '"],
    ["name = a AND", "column 13: expected a comparison, found the end"],
    ["name = a OR OR name = b", "column 13: expected a comparison, found OR"],
    ["NOT NOT name = a", "column 5: expected a comparison, found NOT"],
    ["name = a and name = b", "column 10: expected AND, OR or the end, found and"],
    ["name = a name = b", "column 10: expected AND, OR or the end, found name"],
    ["name = a)", "column 9: expected AND, OR or the end, found )"],
    ["(name = a", "column 10: expected AND, OR or ), found the end"],
    ["()", "column 2: expected a comparison, found )"],
    ['name = "a', "column 8: the quote does not end"],
    ['name = "a\\', "column 10: a backslash goes before"],
    ['name = "a\\x"', "column 10: a backslash goes before"],
    ["name = a*b", "column 8: a * stands at the start or the end"],
    ["name = a😀 😀", "column 12: expected AND, OR or the end, found 😀"],
    ["name = 'a'; drop table events", "column 11: expected AND, OR or the end, found ;"],
    ["__proto__ = a", "column 1: there is no field __proto__;"],
    ["constructor = a", "column 1: there is no field constructor;"],
    ["attributes.llm = a", "column 1: there is no field attributes.llm;"],
    ["attributes = a", 'column 1: attributes needs a key, as attributes["key"]'],
    ["attributes:*", 'column 1: attributes needs a key, as attributes["key"]'],
    ['attributes["a\u0000"] = b', "column 12: a key with a NUL in it cannot be asked for"],
    ['attributes:"\u0000"', "column 12: a key with a NUL in it"],
    ["attributes[a] = b", "column 12: expected a key in quotes, found a"],
    ['attributes["a" = b', "column 16: expected ], found ="],
    ['name["a"] = b', "column 5: name has no keys"],
    ["duration_ms > 1.5s", "column 15: expected a number, as 1500 or 0.25"],
    ['duration_ms > "5"', "column 15: expected a number, as 1500 or 0.25"],
    ["duration_ms > 1e999", "column 15: expected a number"],
    ["duration_ms > 0x10", "column 15: expected a number"],
    ["duration_ms:5", "column 12: duration_ms compares by : with * only"],
    ["event_time > yesterday", "column 14: expected a time, as 2025-04-10T08:00:00Z"],
    ["event_time > 2025-02-30T00:00:00Z", "column 14: expected a time"],
    ['attributes["a"] > true', "column 17: attributes compares by = and != only"],
  ])("it is %s", ([text, expected]) => {
    const message = messageOf(() => parseFilter("events", text));
    expect(message?.slice(0, expected.length)).toBe(expected);
  });

  test.for<readonly [string, string]>([
    ["status = failed", "column 10: expected one of running, ok, error, blocked"],
    ["status = err*", "column 10: expected one of running"],
    ["status > ok", "column 8: status compares by = and != only"],
    ["status:ok", "column 7: status compares by : with * only"],
    ["counted = yes", "column 11: expected true or false"],
    ['counted = "true"', "column 11: expected true or false"],
    ["counted < true", "column 9: counted compares by = and != only"],
    ["tokens > 5", "column 1: there is no field tokens;"],
  ])("it is %s, of calls", ([text, expected]) => {
    const message = messageOf(() => parseFilter("llm_calls", text));
    expect(message?.slice(0, expected.length)).toBe(expected);
  });

  test("an unknown field is named, and so are those that there are", () => {
    expect(messageOf(() => parseFilter("traces", "agent_id = a AND id = b"))).toBe(
      "column 18: there is no field id; there are trace_id, agent_id, start_time, end_time, duration_ms, event_count, error_count",
    );
    expect(messageOf(() => parseFilter("events", "id5 = 5"))).toMatch(/, dialect, attributes\["key"\]$/);
  });
});

const nested = (depth: number) => `${"(".repeat(depth)}name = a${")".repeat(depth)}`;
const many = (count: number) => Array(count).fill("name=a").join(" OR ");

describe("a filter may have", () => {
  test(`${filterLengthMax} characters and not one more`, () => {
    const start = "name = ";
    const word = "x".repeat(filterLengthMax - start.length);
    expect(parseFilter("events", start + word)).toEqual(equal("name", word));
    expect(messageOf(() => parseFilter("events", `${start}${word}x`))).toBe("must be at most 2000 characters long");
  });

  test(`${filterDepthMax} parentheses in each other and not one more, and any number beside each other`, () => {
    expect(parseFilter("events", nested(filterDepthMax))).toEqual(a);
    expect(parseFilter("events", Array(30).fill("(name = a)").join(" OR "))).toEqual(or(...Array(30).fill(a)));
    expect(messageOf(() => parseFilter("events", nested(filterDepthMax + 1)))).toBe(
      "column 21: at most 20 parentheses may be in each other",
    );
  });

  test(`${filterComparisonsMax} comparisons and not one more`, () => {
    expect(parseFilter("events", many(filterComparisonsMax))).toEqual(or(...Array(filterComparisonsMax).fill(a)));
    expect(messageOf(() => parseFilter("events", many(filterComparisonsMax + 1)))).toBe(
      `column ${many(filterComparisonsMax).length + 5}: at most 50 comparisons are allowed`,
    );
  });
});

test("whatever the text of a filter is, it is read or refused with a field", () => {
  const parts = [
    "name",
    "attributes",
    "=",
    ":",
    "!=",
    "*",
    "(",
    ")",
    "[",
    "]",
    '"',
    "'",
    "\\",
    "AND",
    "OR",
    "NOT",
    "-",
    "5",
    " ",
    "a",
  ];
  const text = fc.oneof(
    fc.string(),
    fc.array(fc.constantFrom(...parts), { maxLength: 12 }).map((found) => found.join("")),
  );
  fc.assert(
    fc.property(text, (filter) => {
      expect(() => messageOf(() => parseFilter("events", filter))).not.toThrow();
    }),
    { numRuns: 2_000 },
  );
});
