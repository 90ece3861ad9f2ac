import { join } from "node:path";
import Database from "better-sqlite3";
import * as fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import type { Event } from "../../../src/model/event.ts";
import { createSqliteStore } from "../../../src/store/sqlite/sqlite-store.ts";
import type { TelemetryStore } from "../../../src/store/store.ts";
import { anyArrival, buildArrival } from "../arrival.ts";
import { buildEvent, builtFromMicros } from "../event-builder.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

interface SessionRow {
  readonly agentId: string;
  readonly sessionId: string;
  readonly startMicros: number;
  readonly endMicros: number;
  readonly eventCount: number;
}

const folder = createTemporaryFolder();
let opened = 0;

/** A store and what its table of sessions holds. */
async function openWithSessions(): Promise<{ store: TelemetryStore; readSessions: () => readonly SessionRow[] }> {
  opened += 1;
  const databasePath = join(folder, `${opened}.db`);
  const store = await createSqliteStore({ databasePath, durability: "normal" });
  onTestFinished(() => store.close());
  const database = new Database(databasePath, { readonly: true });
  onTestFinished(() => void database.close());
  const sessions = database.prepare<[], SessionRow>(
    `select a.agent_id as agentId, s.session_id as sessionId, s.start_micros as startMicros, s.end_micros as endMicros,
      s.event_count as eventCount
    from sessions s join agents a on a.id = s.agent_key order by a.agent_id, s.session_id`,
  );
  return { store, readSessions: () => sessions.all() };
}

/** What sessions are by definition. */
function sessionsFrom(events: readonly Event[]): readonly SessionRow[] {
  const groups = Map.groupBy(events, ({ agentId, sessionId }) => JSON.stringify([agentId, sessionId]));
  return [...groups.values()]
    .map((group) => ({
      agentId: group[0]?.agentId ?? "",
      sessionId: group[0]?.sessionId ?? "",
      startMicros: Math.min(...group.map(({ timeMicros }) => timeMicros)),
      endMicros: Math.max(...group.map(({ timeMicros }) => timeMicros)),
      eventCount: group.length,
    }))
    .sort((a, b) => (a.agentId + a.sessionId < b.agentId + b.sessionId ? -1 : 1));
}

test("a session starts with its earliest event, ends with its latest, and counts all, in any order of arrival", async () => {
  const anyFields = fc.record({
    agentId: fc.constantFrom("1", "2"),
    sessionId: fc.constantFrom("s1", "s2", "s3"),
    timeMicros: fc.integer({ min: 0, max: 1e6 }).map((micros) => builtFromMicros + micros),
  });
  const { store, readSessions } = await openWithSessions();
  await fc.assert(
    fc.asyncProperty(anyArrival(fc.array(anyFields, { minLength: 1, maxLength: 15 })), async (arrival) => {
      const { events, calls, agentIds } = buildArrival(arrival);
      for (const call of calls) await store.append(call);
      // Retries change nothing.
      await store.append(events);
      expect(readSessions().filter(({ agentId }) => agentIds.includes(agentId))).toEqual(sessionsFrom(events));
    }),
  );
});

test("an event that is refused has no part in the session that it names", async () => {
  const { store, readSessions } = await openWithSessions();
  const event = buildEvent({ sessionId: "first" });
  const conflict = { ...event, sessionId: "second" };
  await store.append([event, conflict]);
  expect(readSessions().map(({ sessionId }) => sessionId)).toEqual(["first"]);
  const later = buildEvent({ sessionId: "second" });
  await store.append([conflict, later]);
  expect(readSessions()).toMatchObject([
    { sessionId: "first", eventCount: 1 },
    { sessionId: "second", eventCount: 1, startMicros: later.timeMicros, endMicros: later.timeMicros },
  ]);
});

test("more agents and sessions than the cache holds keys for are told apart all the same", async () => {
  const { store, readSessions } = await openWithSessions();
  const count = 20_050;
  const round = () => Array.from({ length: count }, (_, index) => buildEvent({ agentId: `agent ${index}` }));
  await store.append(round());
  await store.append(round().slice(0, 100));
  expect(await store.findAgent("agent 0")).toMatchObject({ eventCount: 2, sessionCount: 1 });
  expect(await store.findAgent(`agent ${count - 1}`)).toMatchObject({ eventCount: 1, sessionCount: 1 });
  expect(readSessions()).toHaveLength(count);
});
