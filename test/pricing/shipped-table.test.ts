import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { noTokens } from "../../src/model/llm-call.ts";
import { parseTimeMicros } from "../../src/model/time.ts";
import { isMaker } from "../../src/model/vendor.ts";
import { costOf, usdFromPico } from "../../src/pricing/cost.ts";
import { parseModelId } from "../../src/pricing/model-id.ts";
import { createPriceBook, type Price, type PriceBook } from "../../src/pricing/price-table.ts";
import { entryOf, shippedTable, tableOf } from "./price-entries.ts";

const shipped = shippedTable();

interface Call {
  readonly vendor: string | null;
  readonly model: string;
  readonly input: number;
  readonly output: number;
  readonly at: string;
}

function usdOf(book: PriceBook, { vendor, model, input, output, at }: Call): number | null {
  const price = book.find({ vendor, model, atMicros: parseTimeMicros(at) ?? Number.NaN });
  const cost = price === null ? null : costOf({ ...noTokens, input, output }, price);
  return cost === null ? null : usdFromPico(cost);
}

describe("the product's own table", () => {
  test("is valid, and dated", () => {
    expect(shipped.version).toMatch(/^20\d\d-\d\d-\d\d#/);
    expect(shipped.prices.length).toBeGreaterThan(100);
  });

  test("finds each of its entries on its first day, with and without the vendor", () => {
    const book = createPriceBook([shipped]);
    const lost = shipped.prices.filter((price) => {
      const atMicros = parseTimeMicros(price.validFrom ?? "2000-01-01") ?? Number.NaN;
      return [price.vendor, null].some((vendor) => book.find({ vendor, model: price.model, atMicros }) !== price);
    });
    expect(lost).toEqual([]);
  });

  test("says of every price who published it and when", () => {
    const source = /^[A-Za-z]+( \w+)* list prices( of hosted models)?, 20\d\d-\d\d( \([a-z -]+\))?$/;
    expect(shipped.prices.filter((price) => !source.test(price.source))).toEqual([]);
  });

  test("has normalised ids, or those of snapshots at a price of their own", () => {
    expect(shipped.prices.filter(({ model }) => parseModelId(model).snapshot !== model)).toEqual([]);
    expect(shipped.prices.filter(({ vendor }) => !isMaker(vendor) && vendor !== "groq")).toEqual([]);
  });

  test.each<[string, (price: Price) => boolean]>([
    ["asks something for input", ({ inputPicoUsd }) => inputPicoUsd > 0],
    ["asks no more for reading from a cache", (price) => price.cacheReadPicoUsd <= price.inputPicoUsd],
    ["asks a quarter more for writing to it at most", (price) => price.cacheWritePicoUsd <= 1.25 * price.inputPicoUsd],
    [
      "has no output of embeddings only",
      ({ model, outputPicoUsd }) => model.includes("embed") === (outputPicoUsd === 0),
    ],
    [
      "asks no less for output",
      ({ inputPicoUsd, outputPicoUsd }) => outputPicoUsd === 0 || outputPicoUsd >= inputPicoUsd,
    ],
    [
      "asks more for long input",
      ({ inputPicoUsd, longInput }) => longInput === null || longInput.inputPicoUsd > inputPicoUsd,
    ],
  ])("%s", (_, isPlausible) => {
    expect(shipped.prices.filter((price) => !isPlausible(price))).toEqual([]);
  });

  // 1000 tokens in and out; an earlier server made of them what the comment says.
  test.each([
    ["gpt-4o-mini", 0.00075], // 0.09
    ["gpt-4o-mini-2024-07-18", 0.00075], // 0.09
    ["gpt-4o-2024-08-06", 0.0125], // 0.09
    ["gpt-4o-2024-05-13", 0.02], // 0.09
    ["gpt-4.1", 0.01], // 0.09
    ["gpt-3.5-turbo", 0.002], // 0.0035 or 0.007
    ["gpt-3.5-turbo-16k", 0.007], // 0.0035
    ["gpt-3.5-turbo-instruct", 0.0035],
    ["gpt-4-32k", 0.18], // 0.09
    ["gpt-4-32k-0613", 0.18], // 0.09
    ["gpt-4-turbo-2024-04-09", 0.04],
    ["gpt-4", 0.09],
    ["claude-3-7-sonnet-latest", 0.018], // 0
    ["claude-3-7-sonnet-20250219", 0.018],
    ["o3-mini", 0.0055], // 0
    ["gemini-1.5-pro", 0.00625], // 0
    ["gpt-4-of-tomorrow", null], // 0.09
    ["no-such-model", null], // 0
  ])("%s costs %s", (model, usd) => {
    const book = createPriceBook([shipped]);
    const vendor = model.startsWith("claude") ? "anthropic" : model.startsWith("gemini") ? "google" : "openai";
    const call = { model, input: 1000, output: 1000, at: "2025-04-20" };
    expect(usdOf(book, { ...call, vendor: null })).toBe(usd);
    expect(usdOf(book, { ...call, vendor })).toBe(usd);
  });

  test("knows when prices changed", () => {
    const book = createPriceBook([shipped]);
    const call = { vendor: "openai", model: "o3-2025-04-16", input: 1_000_000, output: 0 };
    expect(usdOf(book, { ...call, at: "2025-06-09" })).toBe(10);
    expect(usdOf(book, { ...call, at: "2025-06-10" })).toBe(2);
  });

  test("knows what long input costs", () => {
    const book = createPriceBook([shipped]);
    const call = { vendor: "google", model: "gemini-2.5-pro", output: 0, at: "2025-11-01" };
    expect(usdOf(book, { ...call, input: 200_000 })).toBe(0.25);
    expect(usdOf(book, { ...call, input: 200_001 })).toBe(0.5000025);
  });
});

interface SampleModels {
  readonly models: readonly { model: string; input: number; output: number; costUsd: number }[];
  readonly totals: { readonly costUsd: number };
}

function readSample(file: string) {
  return JSON.parse(readFileSync(new URL(`../samples/${file}`, import.meta.url), "utf8"));
}

/** When the samples are from, 2025-04-10. */
const sampleMicros = 1_744_243_200_000_000;

describe("with the prices that the samples were made with", () => {
  const listed: readonly { vendor: string; model: string; input: number; output: number }[] =
    readSample("prices.json").models;
  const own = tableOf(...listed.map(({ vendor, model, ...prices }) => entryOf(vendor, model, prices)));

  test.each(["v1-events.json", "legacy-events.json"])("the calls of %s cost what they should", (file) => {
    const { models, totals }: SampleModels = readSample("expected.json")[file];
    const book = createPriceBook([shipped, own]);
    const costs = models.map(({ model, input, output }) => {
      const price = book.find({ vendor: null, model, atMicros: sampleMicros });
      return price === null ? null : costOf({ ...noTokens, input, output }, price);
    });
    const usds = costs.map((cost) => (cost === null ? null : usdFromPico(cost)));
    expect(usds).toEqual(models.map(({ costUsd }) => costUsd));
    const total = costs.reduce<number>((total, cost) => total + (cost ?? Number.NaN), 0);
    expect(usdFromPico(total)).toBe(totals.costUsd);
  });
});
