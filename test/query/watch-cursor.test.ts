import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseFilter } from "../../src/query/filter/filter-parser.ts";
import { createPageToken } from "../../src/query/page-token.ts";
import { createWatchCursor, parseWatchCursor } from "../../src/query/watch-cursor.ts";
import { createTemporaryFolder } from "../store/sqlite/temporary-folder.ts";
import { anyEvent, numbered, openWatchedStore, watchAs, watchesOf } from "./open-watches.ts";

const folder = createTemporaryFolder();

describe("a cursor", () => {
  const filter = { ...anyEvent, agentId: "a" };

  test("holds for its filter only, and only as it was made", () => {
    fc.assert(
      fc.property(
        fc.maxSafeInteger().map(Math.abs),
        fc.record({
          agentId: fc.option(fc.string()),
          sessionId: fc.option(fc.string()),
          name: fc.option(fc.string()),
          channel: fc.option(fc.string()),
          level: fc.option(fc.string()),
        }),
        (sequence, own) => {
          const cursor = createWatchCursor(sequence, own);
          expect(parseWatchCursor(cursor, own, sequence)).toBe(sequence);
          const { level, channel, name, sessionId, agentId } = own;
          expect(parseWatchCursor(cursor, { level, channel, name, sessionId, agentId }, sequence)).toBe(sequence);
          for (const [field, value] of Object.entries(own)) {
            expect(() => parseWatchCursor(cursor, { ...own, [field]: `${value}x` }, sequence)).toThrow("cursor");
          }
        },
      ),
    );
  });

  test.for([
    ["no cursor at all", "abc"],
    ["the cursor of another filter", createWatchCursor(1, { ...filter, level: "INFO" })],
    [
      "the cursor of another expression",
      createWatchCursor(1, { ...filter, expression: parseFilter("events", "name:a") }),
    ],
    ["a changed cursor", `${createWatchCursor(1, filter)}A`],
    ["a page token", createPageToken([1, 1, 0], [{ ...filter, fromMicros: null, toMicros: null }, false])],
    ["the cursor of a database that has stored more", createWatchCursor(3, filter)],
  ] as const)("is refused if it is %s, and then nobody's place is taken", async ([, cursor]) => {
    const store = await openWatchedStore(folder);
    await store.append(numbered(1, 2));
    const watches = watchesOf(store, { limits: { watchMaxWatchers: 1 } });
    await expect(watchAs(watches, { filter, cursor }).next()).rejects.toMatchObject({
      reason: "CURSOR_INVALID",
      violations: [{ field: "cursor", reason: "CURSOR_INVALID" }],
    });
    await watchAs(watches, { filter, cursor: createWatchCursor(2, filter) }).next();
  });
});
