import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, test, vi } from "vitest";
import { getJson, sendJson } from "../conformance/http.ts";
import { killServer, openSite } from "./server-process.ts";

/*
 * The index of a server that is killed, and of one that is told to have none for a while.
 */

interface Found {
  readonly hits: readonly { readonly text: string }[];
  readonly pending_event_count: number;
}

const search = (url: string, query: string) => getJson<Found>(url, `/api/v1/search?query=${query}`);

const settled = (url: string) =>
  vi.waitFor(async () => expect((await search(url, "x")).pending_event_count).toBe(0), { timeout: 20_000 });

function callsOf(session: string, count: number) {
  const messages = Array.from({ length: count }, (_, turn) => ({
    role: "user",
    content: `turn ${turn} of ${session}`,
  }));
  return messages.map((_, turn) => ({
    timestamp: new Date(Date.UTC(2026, 0, 15) + turn).toISOString(),
    agent_id: "agent",
    session_id: session,
    name: "llm.call.start",
    attributes: { "llm.request.data": { messages: messages.slice(0, turn + 1) } },
  }));
}

test("a server that is killed while it fills the index goes on with it, and has every text once", async (context) => {
  const { folder, start } = await openSite(context);
  const turns = 60;
  const sessions = ["one", "two", "three", "four"];
  for (const session of sessions) {
    const server = await start();
    expect((await sendJson(server.url, "/v1/telemetry/batch", callsOf(session, turns))).status).toBe(201);
    // Some are killed before it began, some in the midst of it.
    await vi.waitFor(async () => search(server.url, session));
    await killServer(server);
  }
  const { url } = await start();
  await settled(url);
  for (const session of sessions) expect((await search(url, `"turn 59 of ${session}"`)).hits).toHaveLength(1);
  const database = new Database(join(folder, "cylestio.db"));
  try {
    expect(database.prepare("select count(*) from search_texts").pluck().get()).toBe(turns * sessions.length);
    // Throws where the index and the texts do not agree.
    database.exec("insert into search_index (search_index, rank) values ('integrity-check', 1)");
  } finally {
    database.close();
  }
});

test("what was stored while CYLESTIO_SEARCH_ENABLED was false is found after it is true again", async (context) => {
  const { start } = await openSite(context);
  const off = await start({ environment: { CYLESTIO_SEARCH_ENABLED: "false" } });
  expect((await sendJson(off.url, "/v1/telemetry/batch", callsOf("one", 3))).status).toBe(201);
  expect(await search(off.url, "turn")).toMatchObject({ hits: [], pending_event_count: 3 });
  off.kill("SIGTERM");
  expect((await off.exited).code).toBe(0);

  const on = await start();
  await settled(on.url);
  expect((await search(on.url, "turn")).hits.map(({ text }) => text)).toEqual([2, 1, 0].map((n) => `turn ${n} of one`));
});
