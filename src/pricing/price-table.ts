import { createHash } from "node:crypto";
import { createMemo } from "../model/memo.ts";
import { parseTimeMicros } from "../model/time.ts";
import { narrowSellers, sellersOf, vendorOf } from "../model/vendor.ts";
import { parseModelId } from "./model-id.ts";

/** Prices of one token of each tier, in whole picodollars (1e-12 USD): 0.25 USD per million tokens is 250,000. */
export interface Rates {
  readonly inputPicoUsd: number;
  readonly outputPicoUsd: number;
  readonly cacheReadPicoUsd: number;
  readonly cacheWritePicoUsd: number;
  readonly reasoningPicoUsd: number;
}

/** The price of a model from some day on, and where it is from. JSON of it tells whoever checks a cost all that they need. */
export interface Price extends Rates {
  readonly vendor: string;
  /** In lower case, otherwise as the table has it. */
  readonly model: string;
  /** The day, from midnight UTC, as `2025-06-10`. Null holds for all time before the model's other entries. */
  readonly validFrom: string | null;
  readonly source: string;
  /** The prices of all tokens of a call that sends in more than so many tokens. Null where the length makes no difference. */
  readonly longInput: (Rates & { readonly aboveTokens: number }) | null;
}

/** A list of prices. */
export interface PriceTable {
  /** Names what the table is, as `2026-11-20`, and the beginning of a hash of its prices: `2026-11-20#5f0c9e1b`. */
  readonly version: string;
  readonly prices: readonly Price[];
}

/** Which price a call is to be reckoned with. */
export interface PriceQuery {
  /** As clients name it; null if they do not, and then the model must be one vendor's only. */
  readonly vendor: string | null;
  /** As clients name it. */
  readonly model: string;
  /** When the call began, in microseconds since 1970. */
  readonly atMicros: number;
}

/** Finds prices in one or several tables. */
export interface PriceBook {
  /** Names the versions of all tables. It is another whenever any price is. */
  readonly version: string;
  /** The price of a model at a time, or null if it is not known. Unknown is not free. */
  find(query: PriceQuery): Price | null;
}

/** A vendor's prices of one model, the latest first. */
type History = readonly { readonly fromMicros: number; readonly price: Price }[];

type Vendors = ReadonlyMap<string, ReadonlyMap<string, History>>;

/** Different spellings of vendor and model that are remembered. */
const memoMax = 1000;

/** Longer texts are not ids of models. */
const idMaxLength = 512;

/**
 * Puts tables together. What a table says of a vendor's model replaces all that the tables before it say of the same, every
 * `validFrom` included.
 *
 * A model is looked for under the vendor, and where that is a host at the list price of others (see `vendor.ts`), then under those.
 * There, first the id exactly as it was sent is looked for, then without what hosts put around it, then also without its date or
 * `-latest` (see `model-id.ts`); so an entry for a snapshot goes before the one for the model. Ids are compared whole, never by a
 * part. The first that has entries decides: of them the latest that is not later than the call, and none if all are.
 */
export function createPriceBook(tables: readonly PriceTable[]): PriceBook {
  const vendors = new Map<string, Map<string, History>>();
  for (const table of tables) {
    for (const [vendor, models] of historiesOf(table)) {
      vendors.set(vendor, new Map([...(vendors.get(vendor) ?? []), ...models]));
    }
  }
  const remember = createMemo<History | null>(memoMax);
  return {
    version: tables.map(({ version }) => version).join(" + "),
    find({ vendor, model, atMicros }) {
      const history = remember(`${vendor ?? ""}\n${model}`, () => findHistory(vendors, vendor, model));
      return history?.find(({ fromMicros }) => fromMicros <= atMicros)?.price ?? null;
    },
  };
}

function historiesOf({ prices }: PriceTable): Map<string, Map<string, History>> {
  const vendors = new Map<string, Map<string, History>>();
  const dated = prices.map((price) => ({ fromMicros: startMicros(price.validFrom), price }));
  for (const entry of dated.sort((a, b) => b.fromMicros - a.fromMicros)) {
    const { vendor, model } = entry.price;
    const models = vendors.get(vendor) ?? new Map<string, History>();
    vendors.set(vendor, models.set(model, [...(models.get(model) ?? []), entry]));
  }
  return vendors;
}

function startMicros(validFrom: string | null): number {
  return validFrom === null ? Number.NEGATIVE_INFINITY : (parseTimeMicros(validFrom) ?? Number.NaN);
}

function findHistory(vendors: Vendors, vendor: string | null, text: string): History | null {
  if (text.length > idMaxLength) return null;
  const { asSent, snapshot, model, vendors: named } = parseModelId(text);
  const sellers = vendor === null || vendor.trim() === "" ? null : sellersOf(vendorOf(vendor));
  const narrowed = named.reduce(narrowSellers, sellers);
  const anyones =
    sellers === null ? findAnyones(vendors, narrowed === null ? [asSent, snapshot, model] : [asSent]) : undefined;
  if (anyones !== undefined) return anyones;
  for (const seller of sellers ?? narrowed ?? []) {
    const ids = narrowed?.includes(seller) ? [asSent, snapshot, model] : [asSent];
    const found = ids.map((id) => vendors.get(seller)?.get(id)).find((history) => history !== undefined);
    if (found !== undefined) return found;
  }
  return null;
}

/** Undefined: nobody has any of the models. Null: several vendors have the first that there is, and which is meant is not known. */
function findAnyones(vendors: Vendors, models: readonly string[]): History | null | undefined {
  for (const model of models) {
    const [found, ...others] = [...vendors.values()]
      .map((list) => list.get(model))
      .filter((history) => history !== undefined);
    if (found !== undefined) return others.length === 0 ? found : null;
  }
  return undefined;
}

/** What a table gives its prices in. */
const unit = "USD per 1,000,000 tokens";

/** Picodollars a token for a price of 1 USD per million tokens. */
const picoPerUsdPerMillion = 1e6;

/** 1 USD a token; far beyond any model's, but not beyond what a slip of the keyboard makes. */
const usdPerMillionMax = 1e6;

const entriesMax = 10_000;
const textMaxLength = 512;

const tableFields = ["version", "unit", "prices"] as const;
const rateFields = ["input", "output", "cacheRead", "cacheWrite", "reasoning"] as const;
const entryFields = ["vendor", "model", ...rateFields, "longInput", "validFrom", "source"] as const;
const longInputFields = ["above", ...rateFields] as const;

/**
 * Reads a table from JSON:
 *
 * ```json
 * {
 *   "version": "2026-11-20",
 *   "unit": "USD per 1,000,000 tokens",
 *   "prices": [
 *     { "vendor": "anthropic", "model": "claude-3-haiku", "input": 0.25, "output": 1.25, "cacheRead": 0.03, "cacheWrite": 0.3,
 *       "validFrom": "2024-03-13", "source": "Anthropic list prices, 2025-09" }
 *   ]
 * }
 * ```
 *
 * `cacheRead` and `cacheWrite` default to `input`, `reasoning` to `output`; `cacheWrite` is the price for a vendor's shortest time.
 * Without `validFrom` an entry holds for all time before the model's other entries. `longInput` has prices like the entry's own, for
 * calls that send in more than `above` tokens. A model's id may be as clients send it, or normalised (see `model-id.ts`).
 *
 * Throws an `Error` that names the entry and the field, as `prices[3].input must be …`: for what is missing, unknown or of the wrong
 * kind, a price that is negative or has more than 6 decimals, a date that is none, and a second entry of the same vendor, model and
 * date.
 */
export function parsePriceTable(text: string): PriceTable {
  const table = readObject(parseJson(text), "the price table", tableFields);
  const version = readText(table["version"], "version");
  if (table["unit"] !== unit) throw problem("unit", JSON.stringify(unit), table["unit"]);
  const entries = table["prices"];
  if (!Array.isArray(entries) || entries.length > entriesMax) {
    throw new Error(`prices must be a list of up to ${entriesMax} entries`);
  }
  const prices = entries.map((entry, index) => readPrice(entry, `prices[${index}]`));
  const places = new Map<string, number>();
  for (const [index, { vendor, model, validFrom }] of prices.entries()) {
    const key = JSON.stringify([vendor, model, validFrom]);
    const earlier = places.get(key);
    if (earlier !== undefined) {
      throw new Error(`prices[${index}].model is a second entry of ${key}; the first is prices[${earlier}]`);
    }
    places.set(key, index);
  }
  const hash = createHash("sha256").update(JSON.stringify(prices)).digest("hex").slice(0, 8);
  return { version: `${version}#${hash}`, prices };
}

function readPrice(value: unknown, place: string): Price {
  const entry = readObject(value, place, entryFields);
  return {
    vendor: vendorOf(readText(entry["vendor"], `${place}.vendor`)),
    model: readText(entry["model"], `${place}.model`).toLowerCase(),
    validFrom: readDate(entry["validFrom"], `${place}.validFrom`),
    source: readText(entry["source"], `${place}.source`),
    ...readRates(entry, place),
    longInput: readLongInput(entry["longInput"], `${place}.longInput`),
  };
}

function readLongInput(value: unknown, place: string): Price["longInput"] {
  if (value === undefined) return null;
  const entry = readObject(value, place, longInputFields);
  const { above } = entry;
  if (typeof above !== "number" || !Number.isSafeInteger(above) || above < 1) {
    throw problem(`${place}.above`, "a whole number of tokens, from 1", above);
  }
  return { aboveTokens: above, ...readRates(entry, place) };
}

function readRates(entry: Fields, place: string): Rates {
  const read = (field: (typeof rateFields)[number]) => readPicoUsd(entry[field], `${place}.${field}`);
  const inputPicoUsd = read("input");
  const outputPicoUsd = read("output");
  return {
    inputPicoUsd,
    outputPicoUsd,
    cacheReadPicoUsd: entry["cacheRead"] === undefined ? inputPicoUsd : read("cacheRead"),
    cacheWritePicoUsd: entry["cacheWrite"] === undefined ? inputPicoUsd : read("cacheWrite"),
    reasoningPicoUsd: entry["reasoning"] === undefined ? outputPicoUsd : read("reasoning"),
  };
}

function readPicoUsd(value: unknown, place: string): number {
  const wanted = `a price from 0 to ${usdPerMillionMax} with up to 6 decimals`;
  if (typeof value !== "number" || !(value >= 0 && value <= usdPerMillionMax)) throw problem(place, wanted, value);
  const pico = Math.round(value * picoPerUsdPerMillion);
  // Up to the maximum, the division gives back every number that was written with 6 decimals, and no other.
  if (pico / picoPerUsdPerMillion !== value) throw problem(place, wanted, value);
  // Adding 0 makes 0 of −0.
  return pico + 0;
}

function readDate(value: unknown, place: string): string | null {
  if (value === undefined) return null;
  if (typeof value === "string" && /^\d{4}-\d{2}-\d{2}$/.test(value) && parseTimeMicros(value) !== undefined)
    return value;
  throw problem(place, "a day as 2025-06-10", value);
}

function readText(value: unknown, place: string): string {
  const text = typeof value === "string" ? value.trim() : "";
  if (text === "" || text.length > textMaxLength)
    throw problem(place, `a text of up to ${textMaxLength} characters`, value);
  return text;
}

type Fields = Readonly<Record<string, unknown>>;

function readObject(value: unknown, place: string, fields: readonly string[]): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw problem(place, "an object", value);
  const unknown = Object.keys(value).find((key) => !fields.includes(key));
  if (unknown !== undefined) throw new Error(`${place} has the unknown field ${JSON.stringify(unknown)}`);
  return { ...value };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error("the price table is not JSON", { cause: error });
  }
}

function problem(place: string, wanted: string, value: unknown): Error {
  const found = value === undefined ? "missing" : (JSON.stringify(value) ?? String(value)).slice(0, 80);
  return new Error(`${place} must be ${wanted}, not ${found}`);
}
