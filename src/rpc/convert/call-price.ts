import { create } from "@bufbuild/protobuf";
import {
  type CallPrice,
  CallPriceSchema,
  type TokenPrices,
  TokenPricesSchema,
} from "../../../gen/cylestio/v1/llm_call_pb.ts";
import { present } from "./event.ts";

/** Prices of one token of each tier, in 1e-12 USD. */
interface StoredRates {
  readonly inputPicoUsd: number;
  readonly outputPicoUsd: number;
  readonly cacheReadPicoUsd: number;
  readonly cacheWritePicoUsd: number;
  readonly reasoningPicoUsd: number;
}

/** What the store keeps of a price, as JSON. */
interface StoredPrice extends StoredRates {
  readonly vendor: string;
  readonly model: string;
  readonly validFrom: string | null;
  readonly source: string;
  readonly longInput: (StoredRates & { readonly aboveTokens: number }) | null;
  readonly tableVersion: string;
}

/** What 1 USD per 1,000,000 tokens is for one token, in 1e-12 USD. */
const picoPerUsdPerMillion = 1e6;

/** The price that a call was reckoned with, as it is kept → message. */
export function callPriceToProto(priceJson: string): CallPrice {
  // The server wrote it, when it reckoned the cost.
  const price = JSON.parse(priceJson) as StoredPrice;
  const { vendor, model, source, tableVersion, longInput, validFrom } = price;
  return create(CallPriceSchema, {
    vendor,
    model,
    source,
    tableVersion,
    prices: ratesToProto(price),
    ...present({ validFrom }),
    ...(longInput !== null && {
      longInputPrices: ratesToProto(longInput),
      longInputAboveTokens: BigInt(longInput.aboveTokens),
    }),
  });
}

function ratesToProto(rates: StoredRates): TokenPrices {
  return create(TokenPricesSchema, {
    input: rates.inputPicoUsd / picoPerUsdPerMillion,
    output: rates.outputPicoUsd / picoPerUsdPerMillion,
    cacheRead: rates.cacheReadPicoUsd / picoPerUsdPerMillion,
    cacheWrite: rates.cacheWritePicoUsd / picoPerUsdPerMillion,
    reasoning: rates.reasoningPicoUsd / picoPerUsdPerMillion,
  });
}
