import { describe, expect, test } from "vitest";
import { parseTimeMicros } from "../../src/model/time.ts";
import { createPriceBook, type PriceTable } from "../../src/pricing/price-table.ts";
import { entryOf, tableOf } from "./price-entries.ts";

interface Asked {
  readonly vendor: string | null;
  readonly model: string;
  readonly at?: string;
}

/** Vendor, model and input price in pUSD a token of what is found, as `openai gpt-4o 1000000`. */
function find(tables: PriceTable | readonly PriceTable[], { vendor, model, at = "2025-06-01" }: Asked): string | null {
  const book = createPriceBook([tables].flat());
  const price = book.find({ vendor, model, atMicros: parseTimeMicros(at) ?? Number.NaN });
  return price === null ? null : `${price.vendor} ${price.model} ${price.inputPicoUsd}`;
}

const table = tableOf(
  entryOf("anthropic", "claude-3-haiku"),
  entryOf("openai", "gpt-4"),
  entryOf("openai", "gpt-4o"),
  entryOf("openai", "gpt-4o-2024-05-13", { input: 5 }),
  entryOf("google", "gemini-1.5-pro"),
  entryOf("mistral", "mistral-small"),
  entryOf("aws.bedrock", "llama3-1-8b-instruct"),
  entryOf("groq", "llama-4-scout"),
  entryOf("acme", "openai/gpt-4o", { input: 9 }),
);

describe("the price of", () => {
  test.each([
    ["anthropic", "claude-3-haiku-20240307", "anthropic claude-3-haiku 1000000"],
    ["Anthropic", "Claude-3-Haiku-Latest", "anthropic claude-3-haiku 1000000"],
    [null, "claude-3-haiku@20240307", "anthropic claude-3-haiku 1000000"],
    ["", "claude-3-haiku", "anthropic claude-3-haiku 1000000"],
    ["constructor", "anthropic/claude-3-haiku", null],
    ["__proto__", "__proto__", null],
    ["aws.bedrock", "us.anthropic.claude-3-haiku-20240307-v1:0", "anthropic claude-3-haiku 1000000"],
    ["AWS", "claude-3-haiku", "anthropic claude-3-haiku 1000000"],
    ["aws.bedrock", "meta.llama3-1-8b-instruct-v1:0", "aws.bedrock llama3-1-8b-instruct 1000000"],
    [null, "bedrock/meta.llama3-1-8b-instruct-v1:0", "aws.bedrock llama3-1-8b-instruct 1000000"],
    ["gcp.vertex_ai", "claude-3-haiku@20240307", "anthropic claude-3-haiku 1000000"],
    ["vertexai", "publishers/google/models/gemini-1.5-pro", "google gemini-1.5-pro 1000000"],
    ["gemini", "models/gemini-1.5-pro", "google gemini-1.5-pro 1000000"],
    ["gcp.gemini", "gemini-1.5-pro", "google gemini-1.5-pro 1000000"],
    ["azure", "gpt-4o", "openai gpt-4o 1000000"],
    ["az.ai.openai", "gpt-4o-2024-08-06", "openai gpt-4o 1000000"],
    ["openai", "azure/gpt-4o", "openai gpt-4o 1000000"],
    ["groq", "meta-llama/llama-4-scout", "groq llama-4-scout 1000000"],
    ["openai", "gpt-4o-2024-05-13", "openai gpt-4o-2024-05-13 5000000"],
    ["azure", "azure/gpt-4o-2024-05-13", "openai gpt-4o-2024-05-13 5000000"],
    ["openai", "openai/gpt-4o", "openai gpt-4o 1000000"],
    ["acme", "openai/gpt-4o", "acme openai/gpt-4o 9000000"],
    [null, "openai/gpt-4o", "acme openai/gpt-4o 9000000"],
  ])("%s %s is that of %s", (vendor, model, found) => {
    expect(find(table, { vendor, model })).toBe(found);
  });

  test.each([
    ["openai", "gpt-4o-mini"],
    ["openai", "gpt-4.1"],
    ["openai", "gpt-4o:extended"],
    ["openai", "ft:gpt-4o:acme"],
    ["openai", "o"],
    ["openai", ""],
    ["openai", "claude-3-haiku"],
    ["openai", "anthropic/claude-3-haiku"],
    ["openai", "anthropic/gpt-4o"],
    ["aws.bedrock", "amazon.claude-3-haiku"],
    ["anthropic", "gpt-4o"],
    ["azure", "mistral-small"],
    ["aws.bedrock", "mistral.mistral-small"],
    ["azure", "claude-3-haiku"],
    ["ollama", "gpt-4o"],
    ["acme", "gpt-4o"],
    [null, "meta.llama3-1-8b-instruct-v1:0"],
    [null, "acme/gpt-4o"],
    ["openai", "gpt-4o".padEnd(513)],
  ])("%s %s is not known", (vendor, model) => {
    expect(find(table, { vendor, model })).toBeNull();
  });
});

test("without a vendor, a model of several is not known, and one that names its vendor is", () => {
  const both = tableOf(entryOf("openai", "m"), entryOf("xai", "m", { input: 2 }), entryOf("xai", "n"));
  expect(find(both, { vendor: null, model: "m" })).toBeNull();
  expect(find(both, { vendor: null, model: "m-2025-01-01" })).toBeNull();
  expect(find(both, { vendor: null, model: "x-ai/m" })).toBe("xai m 2000000");
  expect(find(both, { vendor: null, model: "n" })).toBe("xai n 1000000");
});

test("one book answers for all vendors", () => {
  const book = createPriceBook([tableOf(entryOf("openai", "m"), entryOf("xai", "m"), entryOf("acme", "openai/m"))]);
  const vendorOf = (vendor: string | null) => book.find({ vendor, model: "m", atMicros: 0 })?.vendor;
  expect(["openai", "xai", null, "acme", "azure", "openai"].map(vendorOf)).toEqual([
    "openai",
    "xai",
    undefined,
    undefined,
    "openai",
    "openai",
  ]);
});

test("what a host has a price of its own for does not cost the maker's", () => {
  const own = tableOf(entryOf("openai", "gpt-4o-2024-08-06"), entryOf("azure-openai", "gpt-4o", { input: 3 }));
  expect(find(own, { vendor: "azure", model: "gpt-4o-2024-08-06" })).toBe("azure gpt-4o 3000000");
});

test("an id with its region goes before the one without", () => {
  const regional = tableOf(entryOf("aws.bedrock", "us.anthropic.claude-3-haiku-20240307-v1:0", { input: 1.1 }));
  const tables = [table, regional];
  expect(find(tables, { vendor: "bedrock", model: "us.anthropic.claude-3-haiku-20240307-v1:0" })).toMatch(/1100000$/);
  expect(find(tables, { vendor: "bedrock", model: "global.anthropic.claude-3-haiku-20240307-v1:0" })).toMatch(
    /1000000$/,
  );
});

describe("over time", () => {
  const dated = tableOf(
    entryOf("openai", "o3", { input: 2, validFrom: "2025-06-10" }),
    entryOf("openai", "o3", { input: 10, validFrom: "2025-04-16" }),
    entryOf("openai", "o3", { input: 1, validFrom: "2026-01-01" }),
    entryOf("openai", "o1", { input: 5 }),
    entryOf("openai", "o1", { input: 4, validFrom: "2025-01-01" }),
  );

  test.each([
    ["o3", "2025-04-15T23:59:59.999999Z", null],
    ["o3", "2025-04-16", "openai o3 10000000"],
    ["o3", "2025-06-09T23:59:59.999999Z", "openai o3 10000000"],
    ["o3", "2025-06-10", "openai o3 2000000"],
    ["o3-2025-04-16", "2030-01-01", "openai o3 1000000"],
    ["o1", "2000-01-01", "openai o1 5000000"],
    ["o1", "2024-12-31T23:59:59.999999Z", "openai o1 5000000"],
    ["o1", "2025-01-01", "openai o1 4000000"],
  ])("%s at %s costs %s", (model, at, found) => {
    expect(find(dated, { vendor: "openai", model, at })).toBe(found);
  });

  test("one book answers for all times", () => {
    const book = createPriceBook([dated]);
    const inputAt = (at: string) =>
      book.find({ vendor: "openai", model: "o3", atMicros: parseTimeMicros(at) ?? Number.NaN })?.inputPicoUsd;
    expect(["2025-07-01", "2025-05-01", "2025-01-01", "2026-07-01"].map(inputAt)).toEqual([2e6, 10e6, undefined, 1e6]);
  });

  test("a snapshot whose price begins later is not known before, although the model is", () => {
    const snapshot = tableOf(entryOf("openai", "o3"), entryOf("openai", "o3-2025-04-16", { validFrom: "2025-04-16" }));
    expect(find(snapshot, { vendor: "openai", model: "o3-2025-04-16", at: "2025-01-01" })).toBeNull();
  });
});

describe("several tables", () => {
  const own = tableOf(
    entryOf("openai", "gpt-4o", { input: 7, validFrom: "2025-01-01" }),
    entryOf("openai", "gpt-4o-mini", { input: 8 }),
  );

  test("a later one replaces what an earlier one says of the same model, and adds the others", () => {
    expect(find([table, own], { vendor: "openai", model: "gpt-4o" })).toBe("openai gpt-4o 7000000");
    expect(find([table, own], { vendor: "openai", model: "gpt-4o-mini" })).toBe("openai gpt-4o-mini 8000000");
    expect(find([table, own], { vendor: "openai", model: "gpt-4" })).toBe("openai gpt-4 1000000");
    expect(find([own, table], { vendor: "openai", model: "gpt-4o" })).toBe("openai gpt-4o 1000000");
  });

  test("with it go the prices of earlier days", () => {
    expect(find([table, own], { vendor: "openai", model: "gpt-4o", at: "2024-12-31" })).toBeNull();
  });

  test("the version of the book names all of them", () => {
    expect(createPriceBook([table, own]).version).toBe(`${table.version} + ${own.version}`);
    expect(table.version).not.toBe(own.version);
  });
});

test("no table knows no price", () => {
  expect(find([], { vendor: "openai", model: "gpt-4o" })).toBeNull();
});
