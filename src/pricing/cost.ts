import type { TokenCounts } from "../model/llm-call.ts";
import type { Price } from "./price-table.ts";

/**
 * What a call cost, in whole picodollars (1e-12 USD), or null where that is not known.
 *
 * - Tokens of each tier times the price of the tier; reasoning counts as output unless it has a price of its own. What is sent in
 *   beyond the price's `longInput.aboveTokens` makes the whole call cost the prices of that tier.
 * - Null if neither input nor output is told. If one of them is told, the cost is that of the known part: a call that failed or whose
 *   stream was cut off may tell its input only, and an embedding has no output. A missing tier is none of these tokens.
 * - A part that is greater than its whole, from a broken client, counts as the whole. So no cost is negative.
 * - All of it is arithmetic of whole numbers, and exact up to 2^53 − 1 pUSD, about 9,007 USD a call. Null beyond that: no real call
 *   costs so much, and a rounded sum would be another number on another day.
 */
export function costOf(tokens: TokenCounts, price: Price): number | null {
  if (tokens.input === null && tokens.output === null) return null;
  const cacheRead = tokens.cacheRead ?? 0;
  const cacheWrite = tokens.cacheWrite ?? 0;
  const reasoning = tokens.reasoning ?? 0;
  const input = Math.max(tokens.input ?? 0, cacheRead + cacheWrite);
  const output = Math.max(tokens.output ?? 0, reasoning);
  const { longInput } = price;
  const rates = longInput !== null && input > longInput.aboveTokens ? longInput : price;
  const cost =
    (input - cacheRead - cacheWrite) * rates.inputPicoUsd +
    cacheRead * rates.cacheReadPicoUsd +
    cacheWrite * rates.cacheWritePicoUsd +
    (output - reasoning) * rates.outputPicoUsd +
    reasoning * rates.reasoningPicoUsd;
  // No part is negative, so that a part beyond the safe integers takes the sum there too.
  return Number.isSafeInteger(cost) ? cost : null;
}

const picoPerUsd = 1e12;

/**
 * Picodollars as US dollars: 438750000 is 0.00043875. For a safe integer the result is the double that is nearest to the exact
 * amount, so that it prints as that amount wherever 17 digits suffice.
 */
export function usdFromPico(pico: number): number {
  return pico / picoPerUsd;
}
