import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TelemetryError } from "../../src/model/error.ts";
import { searchPageSizeMax, searchQueryMaxLength } from "../../src/model/limits.ts";
import { createSearchQueries, parseSearchTerms } from "../../src/query/search-queries.ts";
import { createSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { buildEvent } from "../store/event-builder.ts";
import { everyEvent } from "../store/open-store.ts";
import { buildText } from "../store/search-builder.ts";
import { createTemporaryFolder } from "../store/sqlite/temporary-folder.ts";
import { page } from "./open-queries.ts";

const folder = createTemporaryFolder();
const anything = { agentId: null, sessionId: null, kind: "", fromMicros: null, toMicros: null };

describe("a query", () => {
  test.for<readonly [query: string, terms: readonly string[]]>([
    ["weather", ["weather"]],
    ["  weather \n in\tLisbon ", ["weather", "in", "Lisbon"]],
    ['"in Lisbon" weather', ["in Lisbon", "weather"]],
    ['"in Lisbon', ["in Lisbon"]],
    ['say"in Lisbon"now', ["say", "in Lisbon", "now"]],
    ["lis*", ["lis…"]],
    ["lis**", ["lis…"]],
    ['"in lis"*', ["in lis…"]],
    ['"in lis" *', ["in lis"]],
    ["*lis", ["*lis"]],
    ["li*s", ["li*s"]],
    ["a OR -b (c NEAR d):e", ["a", "OR", "-b", "(c", "NEAR", "d):e"]],
    ["a\u0000b", ["a", "b"]],
    ['!!! a "" "?" *', ["a"]],
    ["天気* 12 ñ", ["天気…", "12", "ñ"]],
  ])("%j asks for %j", ([query, terms]) => {
    expect(parseSearchTerms(query).map(({ text, isPrefix }) => text + (isPrefix ? "…" : ""))).toEqual(terms);
  });

  test.for(["", " ", '"', '""', "*", "!!!", "\u0000", "🧵"])("%j is refused, because it asks for nothing", (query) => {
    const violations = [{ field: "query", reason: "FIELD_INVALID", message: "must have a word: a letter or a digit" }];
    expect(() => parseSearchTerms(query)).toThrow(expect.objectContaining({ violations }));
  });

  test(`may have ${searchQueryMaxLength} characters and no more`, () => {
    const longest = "w ".repeat(searchQueryMaxLength / 2);
    expect(parseSearchTerms(longest)).toHaveLength(searchQueryMaxLength / 2);
    expect(() => parseSearchTerms(`${longest}w`)).toThrow(
      expect.objectContaining({ violations: [expect.objectContaining({ field: "query", reason: "FIELD_TOO_LONG" })] }),
    );
  });
});

describe("a search", async () => {
  const store = await createSqliteStore({ databasePath: join(folder, "search.db"), durability: "normal" });
  const queries = createSearchQueries(store);
  await store.append(Array.from({ length: searchPageSizeMax + 1 }, () => buildEvent()));
  const { events } = await store.listEventsAfter({
    filter: everyEvent,
    afterSequence: 0,
    limit: 1_000,
    bytesMax: 1_000_000,
    examinedRowsMax: 1_000,
  });
  const kinds = (kind: string) => queries.search({ ...anything, query: "word", kind }, page(1));
  const texts = events.map(({ sequence }) => buildText(sequence, `word ${sequence}, ${"w ".repeat(20)}`));
  await store.indexTexts({ texts, throughSequence: 0 });

  test("takes any text for a query, or refuses it", async () => {
    const anyQuery = fc.oneof(
      fc.string({ unit: "binary", maxLength: 60 }),
      fc
        .array(
          fc.constantFrom('"', "*", " ", "word", "AND", "NEAR(", ")", "-", ":", "^", "{", "\\", "'", "\u0000", "ä"),
        )
        .map((parts) => parts.join("")),
    );
    await fc.assert(
      fc.asyncProperty(anyQuery, async (query) => {
        const outcome = await queries.search({ ...anything, query }, page(1)).then(
          () => "answered",
          (error: unknown) => (error instanceof TelemetryError ? error.reason : error),
        );
        expect(["answered", "FIELD_INVALID"]).toContain(outcome);
      }),
      { numRuns: 300 },
    );
  });

  test("takes as many words as a query can have", async () => {
    const query = "w ".repeat(searchQueryMaxLength / 2);
    expect((await queries.search({ ...anything, query }, page(3))).hits).toHaveLength(3);
  });

  test(`has pages of at most ${searchPageSizeMax} hits, each of which leads to the next`, async () => {
    const request = { ...anything, query: "word" };
    const first = await queries.search(request, page(1_000));
    const second = await queries.search(request, page(1_000, first.nextPageToken));
    expect([first.hits.length, second.hits.length, second.nextPageToken]).toEqual([searchPageSizeMax, 1, ""]);
    expect(new Set([...first.hits, ...second.hits].map(({ eventId }) => eventId)).size).toBe(searchPageSizeMax + 1);
    const other = queries.search({ ...request, kind: "tool" }, page(1, first.nextPageToken));
    await expect(other).rejects.toMatchObject({ reason: "PAGE_TOKEN_INVALID" });
    await expect(queries.search(request, page(-1))).rejects.toMatchObject({ violations: [{ field: "page_size" }] });
  });

  test("is of a kind that there is, or of all", async () => {
    expect((await kinds("message")).hits).toHaveLength(1);
    expect((await kinds("error")).hits).toEqual([]);
    await expect(kinds("MESSAGE")).rejects.toMatchObject({ violations: [{ field: "kind", reason: "FIELD_INVALID" }] });
  });
});
