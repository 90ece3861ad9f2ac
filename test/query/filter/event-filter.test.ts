import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ListFilter } from "../../../src/model/filter.ts";
import { filterComparisonsMax, filterDepthMax, parseFilter } from "../../../src/query/filter/filter-parser.ts";
import { createSqliteStore } from "../../../src/store/sqlite/sqlite-store.ts";
import type { StoredEvent, TelemetryStore } from "../../../src/store/store.ts";
import { buildEvent } from "../../store/event-builder.ts";
import { everyEvent, readAllEvents, readPages } from "../../store/open-store.ts";
import { createTemporaryFolder } from "../../store/sqlite/temporary-folder.ts";
import { openQueries, page } from "../open-queries.ts";
import { anyFilter, anyFilteredEvent, filterText, passes } from "./filter-model.ts";

const examinedRowsMax = 40;
const folder = createTemporaryFolder();
let store: TelemetryStore;
let stored: readonly StoredEvent[];

beforeAll(async () => {
  store = await createSqliteStore({ databasePath: join(folder, "events.db"), durability: "normal", examinedRowsMax });
  const drafts = fc.sample(anyFilteredEvent, { numRuns: 150, seed: 160 });
  await store.append(drafts.map((draft) => buildEvent(draft)));
  stored = await readAllEvents(store);
});

afterAll(() => store.close());

/** The sequences of what a filter lets through, page by page to the end. */
async function sequencesOf(expression: ListFilter<"events"> | null, limit: number): Promise<readonly number[]> {
  const filter = { ...everyEvent, expression };
  const pages = await readPages(store, { filter, ascending: true, offset: 0, limit });
  expect(pages.filter((page) => page.length > limit)).toEqual([]);
  return pages.flat().map(({ sequence }) => sequence);
}

/** The same in the order of storing, as a watch reads it. */
async function watchedSequences(expression: ListFilter<"events"> | null): Promise<readonly number[]> {
  const sequences: number[] = [];
  let afterSequence = 0;
  for (let hasMore = true; hasMore; ) {
    const query = { afterSequence, filter: { ...everyEvent, expression }, limit: 9, bytesMax: 1e6, examinedRowsMax };
    const page = await store.listEventsAfter(query);
    sequences.push(...page.events.map(({ sequence }) => sequence));
    afterSequence = page.throughSequence;
    hasMore = page.hasMore;
  }
  return sequences;
}

describe("a filter of events", () => {
  test("lets through, once each and in order, what it means, in lists of any page size and in watches", async () => {
    const matches = new Set<number>();
    await fc.assert(
      fc.asyncProperty(anyFilter, fc.integer({ min: 1, max: 60 }), async (filter, limit) => {
        const expected = stored.filter((event) => passes(filter, event)).map(({ sequence }) => sequence);
        matches.add(expected.length);
        const expression = parseFilter("events", filterText(filter));
        expect(await sequencesOf(expression, limit)).toEqual(expected);
        expect(await watchedSequences(expression)).toEqual(expected.toSorted((a, b) => a - b));
      }),
      { numRuns: 200 },
    );
    // Filters that match nothing or everything would show little.
    expect(matches.size).toBeGreaterThan(30);
  });

  test.for([
    "x' OR '1'='1",
    'x" OR "1"="1',
    "x'; drop table events; --",
    "%",
    "_",
    "?1",
    ":name",
    "a\u0000' or 1 --",
    "*/ or 1 /*",
  ])("takes %o for a value, and for a key, like any other", async (text) => {
    const quoted = JSON.stringify(text).replaceAll("*", "\\*").replaceAll("\\u0000", "\u0000");
    for (const filter of [
      `name = ${quoted}`,
      `name:${quoted}`,
      `name = "*${quoted.slice(1)}`,
      `attributes["a"] = ${quoted}`,
      ...(text.includes("\0") ? [] : [`attributes[${quoted}] = "a"`, `attributes[${quoted}]:*`]),
    ]) {
      expect([filter, await sequencesOf(parseFilter("events", filter), 1000)]).toEqual([filter, []]);
    }
    expect(await readAllEvents(store)).toHaveLength(stored.length);
  });

  test("may be as large and as deep as it can be", async () => {
    const deepest = `${"NOT (".repeat(filterDepthMax)}name:*${")".repeat(filterDepthMax)}`;
    const most = Array(filterComparisonsMax - 1)
      .fill('attributes["a"]:b')
      .join(" OR ");
    expect(await countOf(deepest)).toBe(stored.length);
    expect(await countOf(`${deepest} AND ${most}`)).toBe(await countOf('attributes["a"]:b'));
  });

  test("passes over nothing twice with an offset", async () => {
    const expression = parseFilter("events", "name:a");
    const all = await sequencesOf(expression, 1000);
    for (const offset of [0, 1, 30, all.length]) {
      const query = { filter: { ...everyEvent, expression }, ascending: true, offset, limit: 10 };
      const found = (await readPages(store, query)).flat().map(({ sequence }) => sequence);
      expect(found).toEqual(all.slice(offset));
    }
  });
});

const countOf = async (filter: string) => (await sequencesOf(parseFilter("events", filter), 1000)).length;

test("a comparison with what is absent is false, but for !=, which is true unless it equals", async () => {
  const absent = stored.filter(({ channel }) => channel === null).length;
  expect(absent).toBeGreaterThan(0);
  expect(await countOf("NOT channel:*")).toBe(absent);
  for (const filter of ["channel < zzz", "channel >= ''", "channel = '*'", "channel:''"]) {
    expect([filter, await countOf(`NOT channel:* AND ${filter}`)]).toEqual([filter, 0]);
    expect([filter, await countOf(`NOT channel:* AND NOT ${filter}`)]).toEqual([filter, absent]);
  }
  expect(await countOf("NOT channel:* AND channel != a")).toBe(absent);
  expect(await countOf('attributes["nowhere"] != 5')).toBe(stored.length);
  expect(await countOf('attributes["nowhere"]:* AND attributes["nowhere"] != 5')).toBe(0);
});

test("of a key that attributes repeat, the first one counts", async () => {
  const events = [buildEvent({ attributesJson: '{"a":1,"b":{"a":3},"\\u0061":2}' })];
  const { events: queries } = await openQueries(folder, { events });
  const countOf = async (filter: string) => {
    const request = {
      filter: { ...everyEvent, expression: parseFilter("events", filter) },
      sort: "",
      paging: page(10),
    };
    return (await queries.listEvents(request)).events.length;
  };
  expect(await countOf('attributes["a"] = 1 AND attributes["b"]["a"] = 3')).toBe(1);
  expect(await countOf('attributes["a"] = 2')).toBe(0);
});
