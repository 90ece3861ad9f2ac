import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { noTokens, type TokenCounts } from "../../src/model/llm-call.ts";
import { costOf, usdFromPico } from "../../src/pricing/cost.ts";
import type { Price } from "../../src/pricing/price-table.ts";

const flat: Price = {
  vendor: "acme",
  model: "m",
  validFrom: null,
  source: "a test",
  inputPicoUsd: 1000,
  outputPicoUsd: 100_000,
  cacheReadPicoUsd: 1,
  cacheWritePicoUsd: 10_000,
  reasoningPicoUsd: 1_000_000,
  longInput: null,
};

const tiered: Price = {
  ...flat,
  longInput: {
    aboveTokens: 100,
    inputPicoUsd: 2,
    outputPicoUsd: 3,
    cacheReadPicoUsd: 5,
    cacheWritePicoUsd: 7,
    reasoningPicoUsd: 11,
  },
};

/** Prices where input costs so much a token. */
function perToken(inputPicoUsd: number): Price {
  return { ...flat, inputPicoUsd };
}

describe("the cost of", () => {
  test.each<[string, Partial<TokenCounts>, number | null]>([
    ["nothing told", {}, null],
    ["parts without a whole", { cacheRead: 5, cacheWrite: 5, reasoning: 5 }, null],
    ["no tokens", { input: 0, output: 0 }, 0],
    ["input and output", { input: 3, output: 2 }, 203_000],
    ["input only", { input: 3 }, 3000],
    ["output only", { output: 2 }, 200_000],
    ["output and what was read from a cache", { output: 2, cacheRead: 4 }, 200_004],
    [
      "all tiers",
      { input: 9, output: 5, cacheRead: 4, cacheWrite: 3, reasoning: 2 },
      2000 + 4 + 30_000 + 300_000 + 2_000_000,
    ],
    ["caches only", { input: 7, cacheRead: 4, cacheWrite: 3 }, 30_004],
    ["reasoning only", { output: 2, reasoning: 2 }, 2_000_000],
    ["more read than sent", { input: 3, cacheRead: 4 }, 4],
    ["more cached than sent", { input: 6, cacheRead: 4, cacheWrite: 3 }, 30_004],
    ["more reasoning than output", { output: 1, reasoning: 2 }, 2_000_000],
  ])("%s", (_, tokens, cost) => {
    expect(costOf({ ...noTokens, ...tokens }, flat)).toBe(cost);
  });

  test.each<[string, Partial<TokenCounts>, number]>([
    ["input at the bound", { input: 100, output: 1 }, 200_000],
    ["input past the bound", { input: 101, output: 1 }, 205],
    [
      "input past the bound, with its tiers",
      { input: 101, output: 3, cacheRead: 50, cacheWrite: 50, reasoning: 1 },
      2 + 250 + 350 + 6 + 11,
    ],
    ["cached input past the bound", { input: 99, cacheRead: 101 }, 505],
    ["much output", { input: 1, output: 101 }, 10_101_000],
    ["output of unknown input", { output: 1 }, 100_000],
  ])("%s", (_, tokens, cost) => {
    expect(costOf({ ...noTokens, ...tokens }, tiered)).toBe(cost);
  });

  test("what is beyond exact numbers is not known", () => {
    const whole = { ...noTokens, input: Number.MAX_SAFE_INTEGER };
    expect(costOf(whole, perToken(1))).toBe(Number.MAX_SAFE_INTEGER);
    expect(costOf({ ...whole, output: 1 }, perToken(1))).toBeNull();
    expect(costOf(whole, perToken(2))).toBeNull();
    expect(costOf({ ...noTokens, input: 9007, output: 0 }, perToken(1e12))).toBe(9007e12);
    expect(costOf({ ...noTokens, input: 9008, output: 0 }, perToken(1e12))).toBeNull();
  });
});

const count = fc.integer({ min: 0, max: 10_000_000 });
const counts: fc.Arbitrary<TokenCounts> = fc
  .record({ plain: count, cacheRead: count, cacheWrite: count, visible: count, reasoning: count })
  .map(({ plain, cacheRead, cacheWrite, visible, reasoning }) => ({
    input: plain + cacheRead + cacheWrite,
    output: visible + reasoning,
    cacheRead,
    cacheWrite,
    reasoning,
  }));
const rate = fc.integer({ min: 0, max: 10_000_000 });
const price: fc.Arbitrary<Price> = fc
  .record({
    inputPicoUsd: rate,
    outputPicoUsd: rate,
    cacheReadPicoUsd: rate,
    cacheWritePicoUsd: rate,
    reasoningPicoUsd: rate,
  })
  .map((rates) => ({ ...flat, ...rates }));

function sum(a: TokenCounts, b: TokenCounts): TokenCounts {
  const add = (tier: keyof TokenCounts) => (a[tier] ?? 0) + (b[tier] ?? 0);
  return {
    input: add("input"),
    output: add("output"),
    cacheRead: add("cacheRead"),
    cacheWrite: add("cacheWrite"),
    reasoning: add("reasoning"),
  };
}

test("two calls cost what one of their sum does", () => {
  fc.assert(
    fc.property(counts, counts, price, (a, b, price) => {
      expect((costOf(a, price) ?? Number.NaN) + (costOf(b, price) ?? Number.NaN)).toBe(costOf(sum(a, b), price));
    }),
  );
});

test("a cost is the same as with integers of any size", () => {
  fc.assert(
    fc.property(counts, price, (tokens, price) => {
      const [input, output, read, write, reasoning] = [
        tokens.input,
        tokens.output,
        tokens.cacheRead,
        tokens.cacheWrite,
        tokens.reasoning,
      ].map((count) => BigInt(count ?? 0));
      if (
        input === undefined ||
        output === undefined ||
        read === undefined ||
        write === undefined ||
        reasoning === undefined
      )
        return;
      const exact =
        (input - read - write) * BigInt(price.inputPicoUsd) +
        read * BigInt(price.cacheReadPicoUsd) +
        write * BigInt(price.cacheWritePicoUsd) +
        (output - reasoning) * BigInt(price.outputPicoUsd) +
        reasoning * BigInt(price.reasoningPicoUsd);
      expect(BigInt(costOf(tokens, price) ?? -1)).toBe(exact);
    }),
  );
});

test("a cost is never negative, whatever a client tells", () => {
  const told = fc.option(fc.maxSafeNat());
  const any = fc.record({ input: told, output: told, cacheRead: told, cacheWrite: told, reasoning: told });
  fc.assert(
    fc.property(any, price, (tokens, price) => {
      const cost = costOf(tokens, price);
      expect(cost === null || (Number.isSafeInteger(cost) && cost >= 0)).toBe(true);
    }),
  );
});

describe("in US dollars", () => {
  test.each([
    [438_750_000, 0.00043875],
    [0, 0],
    [1, 1e-12],
    [1_000_000_000_000, 1],
    [9_007_199_254_740_000, 9007.19925474],
  ])("%d picodollars are %d", (pico, usd) => {
    expect(usdFromPico(pico)).toBe(usd);
  });

  test("picodollars are exact to the last digit", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (pico) => {
        const digits = String(pico).padStart(13, "0");
        expect(usdFromPico(pico)).toBe(Number(`${digits.slice(0, -12)}.${digits.slice(-12)}`));
      }),
    );
  });
});
