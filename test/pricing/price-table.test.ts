import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parsePriceTable } from "../../src/pricing/price-table.ts";
import { type Entry, entryOf, tableOf, tableText } from "./price-entries.ts";

test("prices are whole picodollars a token, and what is left out costs as much as its whole", () => {
  const [price] = tableOf(entryOf("Acme", "Model-1", { input: 0.25, output: 1.25 })).prices;
  expect(price).toEqual({
    vendor: "acme",
    model: "model-1",
    validFrom: null,
    source: "a test",
    inputPicoUsd: 250_000,
    outputPicoUsd: 1_250_000,
    cacheReadPicoUsd: 250_000,
    cacheWritePicoUsd: 250_000,
    reasoningPicoUsd: 1_250_000,
    longInput: null,
  });
});

test("every tier can have a price of its own, also for long input", () => {
  const tiers = { cacheRead: 0.1, cacheWrite: 1.25, reasoning: 3 };
  const longInput = { above: 200_000, input: 4, output: 8, ...tiers };
  const [price] = tableOf(entryOf("acme", "m", { ...tiers, longInput, validFrom: "2025-06-10" })).prices;
  const picoUsd = { cacheReadPicoUsd: 100_000, cacheWritePicoUsd: 1_250_000, reasoningPicoUsd: 3_000_000 };
  expect(price).toMatchObject({ ...picoUsd, validFrom: "2025-06-10" });
  expect(price?.longInput).toEqual({
    aboveTokens: 200_000,
    inputPicoUsd: 4_000_000,
    outputPicoUsd: 8_000_000,
    ...picoUsd,
  });
});

test("long input defaults to its own prices", () => {
  const [price] = tableOf(
    entryOf("acme", "m", { cacheRead: 0.1, longInput: { above: 1, input: 4, output: 8 } }),
  ).prices;
  expect(price?.longInput).toMatchObject({ cacheReadPicoUsd: 4_000_000, reasoningPicoUsd: 8_000_000 });
});

test("every price of up to 6 decimals is taken, exactly", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e12 }), (pico) => {
      const usd = `${Math.trunc(pico / 1e6)}.${String(pico % 1e6).padStart(6, "0")}`;
      const text = tableText([entryOf("acme", "m", { input: -1 })]).replace('"input":-1', `"input":${usd}`);
      expect(parsePriceTable(text).prices[0]?.inputPicoUsd).toBe(pico);
    }),
  );
});

test("a price may be 0, and −0 is 0", () => {
  const text = tableText([entryOf("acme", "m", { input: 0 })]).replace('"input":0', '"input":-0.0');
  expect(Object.is(parsePriceTable(text).prices[0]?.inputPicoUsd, 0)).toBe(true);
});

describe("a table is refused for", () => {
  test.each([
    ["text that is not JSON", "{", "the price table is not JSON"],
    ["a list", "[]", "the price table must be an object, not []"],
    ["an unknown field", tableText([], { currency: "USD" }), 'the price table has the unknown field "currency"'],
    ["no version", tableText([], { version: " " }), 'version must be a text of up to 512 characters, not " "'],
    ["another unit", tableText([], { unit: "EUR" }), 'unit must be "USD per 1,000,000 tokens", not "EUR"'],
    ["no list of prices", tableText({}), "prices must be a list of up to 10000 entries"],
    ["too many prices", tableText(Array(10_001).fill(null)), "prices must be a list of up to 10000 entries"],
  ])("%s", (_, text, message) => {
    expect(() => parsePriceTable(text)).toThrow(new Error(message));
  });

  const price = "a price from 0 to 1000000 with up to 6 decimals";
  test.each([
    ["an entry that is none", null, "prices[1] must be an object, not null"],
    ["an entry that is a list", [], "prices[1] must be an object, not []"],
    ["an unknown field", entryOf("a", "m", { batch: 1 }), 'prices[1] has the unknown field "batch"'],
    ["no vendor", entryOf("", "m"), 'prices[1].vendor must be a text of up to 512 characters, not ""'],
    [
      "a model that is no text",
      entryOf("a", "m", { model: 4 }),
      "prices[1].model must be a text of up to 512 characters, not 4",
    ],
    [
      "no source",
      entryOf("a", "m", { source: undefined }),
      "prices[1].source must be a text of up to 512 characters, not missing",
    ],
    ["no input", entryOf("a", "m", { input: undefined }), `prices[1].input must be ${price}, not missing`],
    ["no output", entryOf("a", "m", { output: undefined }), `prices[1].output must be ${price}, not missing`],
    ["a price in text", entryOf("a", "m", { input: "1" }), `prices[1].input must be ${price}, not "1"`],
    ["a price of null", entryOf("a", "m", { cacheRead: null }), `prices[1].cacheRead must be ${price}, not null`],
    ["a negative price", entryOf("a", "m", { cacheWrite: -0.5 }), `prices[1].cacheWrite must be ${price}, not -0.5`],
    [
      "too high a price",
      entryOf("a", "m", { reasoning: 1_000_000.000001 }),
      `prices[1].reasoning must be ${price}, not 1000000.000001`,
    ],
    ["7 decimals", entryOf("a", "m", { output: 0.1234567 }), `prices[1].output must be ${price}, not 0.1234567`],
    [
      "a day that is none",
      entryOf("a", "m", { validFrom: "2025-02-29" }),
      'prices[1].validFrom must be a day as 2025-06-10, not "2025-02-29"',
    ],
    [
      "a day with a time",
      entryOf("a", "m", { validFrom: "2025-02-28T00:00Z" }),
      'prices[1].validFrom must be a day as 2025-06-10, not "2025-02-28T00:00Z"',
    ],
    [
      "long input that is no object",
      entryOf("a", "m", { longInput: 1 }),
      "prices[1].longInput must be an object, not 1",
    ],
    [
      "long input from nowhere",
      entryOf("a", "m", { longInput: { above: 0, input: 1, output: 1 } }),
      "prices[1].longInput.above must be a whole number of tokens, from 1, not 0",
    ],
    [
      "long input without a price",
      entryOf("a", "m", { longInput: { above: 1, output: 1 } }),
      `prices[1].longInput.input must be ${price}, not missing`,
    ],
    [
      "a second entry",
      entryOf("Google", "Other"),
      'prices[1].model is a second entry of ["google","other",null]; the first is prices[0]',
    ],
  ])("%s", (_, entry, message) => {
    expect(() => parsePriceTable(tableText([entryOf("gemini", "other"), entry]))).toThrow(new Error(message));
  });

  test("a price that no double holds", () => {
    const text = tableText([entryOf("a", "m", { input: 0 })]).replace('"input":0', '"input":1e999');
    expect(() => parsePriceTable(text)).toThrow("prices[0].input must be");
  });
});

test("entries of other days are no second entries", () => {
  const days = [undefined, "2025-01-01", "2025-01-02"].map((validFrom) => entryOf("a", "m", { validFrom }));
  expect(tableOf(...days).prices.map(({ validFrom }) => validFrom)).toEqual([null, "2025-01-01", "2025-01-02"]);
});

/** The version of a table with one entry; its text indented by so many blanks. */
function versionOf(entry: Entry, indent = 0): string {
  return parsePriceTable(JSON.stringify(JSON.parse(tableText([entry])), null, indent)).version;
}

test("the version is another when a price is, and the same when only the layout is", () => {
  const version = versionOf(entryOf("a", "m"));
  expect(version).toMatch(/^test#[0-9a-f]{8}$/);
  expect(versionOf(entryOf("a", "m"), 2)).toBe(version);
  const others = [
    { input: 1.000001 },
    { cacheRead: 0 },
    { validFrom: "2025-01-01" },
    { longInput: { above: 9, input: 1, output: 2 } },
  ];
  expect(new Set([version, ...others.map((fields) => versionOf(entryOf("a", "m", fields)))]).size).toBe(5);
});
