import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openWriterConnection } from "../../../src/store/sqlite/database-file.ts";
import { createSqliteStore } from "../../../src/store/sqlite/sqlite-store.ts";
import { createStoredNotices } from "../../../src/store/sqlite/stored-notices.ts";
import { buildEvent } from "../event-builder.ts";
import { everyEvent } from "../open-store.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

const folder = createTemporaryFolder();
const query = { filter: everyEvent, limit: 100, bytesMax: 1_000_000, examinedRowsMax: 10 } as const;

/** A store with 30 events, and a way to delete some of them behind its back. */
async function openWithDeletions(name: string) {
  const databasePath = join(folder, name);
  const store = await createSqliteStore({ databasePath, durability: "normal" });
  onTestFinished(() => store.close());
  await store.append(Array.from({ length: 30 }, () => buildEvent()));
  const remove = (where: string) => {
    const database = openWriterConnection(databasePath, "normal");
    database.exec(`delete from events where ${where}`);
    database.close();
  };
  return { store, remove };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("a place whose event was deleted is as good as any other, and a gap is passed over in one step", async () => {
  const { store, remove } = await openWithDeletions("gap.db");
  remove("sequence between 5 and 28");
  const { events, throughSequence, hasMore } = await store.listEventsAfter({ ...query, afterSequence: 6 });
  expect([events.map(({ sequence }) => sequence), throughSequence, hasMore]).toEqual([[29, 30], 30, false]);
});

test("no sequence comes twice when the newest events are deleted, and whoever waits behind them sees the next one", async () => {
  const { store, remove } = await openWithDeletions("newest.db");
  remove("sequence > 20");
  expect(await store.getLastSequence()).toBe(30);
  expect(await store.listEventsAfter({ ...query, afterSequence: 30 })).toEqual({
    events: [],
    throughSequence: 30,
    hasMore: false,
  });
  expect(await store.listEventsAfter({ ...query, afterSequence: 25 })).toEqual({
    events: [],
    throughSequence: 30,
    hasMore: false,
  });
  await store.append([buildEvent()]);
  const { events } = await store.listEventsAfter({ ...query, afterSequence: 30 });
  expect(events.map(({ sequence }) => sequence)).toEqual([31]);
});

test("everything may be deleted", async () => {
  const { store, remove } = await openWithDeletions("all.db");
  remove("true");
  expect(await store.listEventsAfter({ ...query, afterSequence: 0 })).toEqual({
    events: [],
    throughSequence: 30,
    hasMore: false,
  });
});

test("commits of one turn are one notice, of the greatest sequence; a function may listen twice, and to no one after close", async () => {
  const notices = createStoredNotices();
  const told: number[] = [];
  const listener = (sequence: number) => void told.push(sequence);
  const end = notices.onStored(listener);
  notices.onStored(listener);
  notices.stored([{ status: "stored", sequence: 1 }, { status: "duplicate" }]);
  notices.stored([{ status: "stored", sequence: 2 }]);
  notices.stored([{ status: "conflict" }]);
  expect(told).toEqual([]);
  await turn();
  expect(told).toEqual([2, 2]);
  end();
  end();
  notices.stored([{ status: "stored", sequence: 3 }]);
  await turn();
  expect(told).toEqual([2, 2, 3]);
  notices.stored([{ status: "stored", sequence: 4 }]);
  notices.close();
  await turn();
  expect(told).toEqual([2, 2, 3]);
});
