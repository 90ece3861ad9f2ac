import { describe, expect, test } from "vitest";
import { buildOperation, eventAt } from "../store/call-builder.ts";
import { createTemporaryFolder } from "../store/sqlite/temporary-folder.ts";
import { openQueries, page } from "./open-queries.ts";

const folder = createTemporaryFolder();
const anything = { agentId: null, sessionId: null, fromMicros: null, toMicros: null };
const noPages = page(0);

describe("a session", () => {
  test("comes with its operations in order of time, page by page", async () => {
    const { sessions } = await openQueries(folder, {
      events: [30, 10, 20].flatMap((atMs) => buildOperation({ atMs, ms: 1 }, { family: `at ${atMs}` })),
    });
    const first = await sessions.getSession({ sessionId: "session", agentId: null, paging: page(2) });
    const token = first.timeline.nextPageToken;
    const second = await sessions.getSession({ sessionId: "session", agentId: null, paging: page(2, token) });
    expect([first, second].map(({ timeline }) => timeline.items.map(({ name }) => name))).toEqual([
      ["at 10", "at 20"],
      ["at 30"],
    ]);
    expect(second.timeline.nextPageToken).toBe("");
    expect([first.sessions, second.sessions]).toMatchObject([[{ eventCount: 6 }], [{ eventCount: 6 }]]);
  });

  test("without operations is there all the same", async () => {
    const { sessions } = await openQueries(folder, { events: [eventAt(0)] });
    const { timeline, ...found } = await sessions.getSession({
      sessionId: "session",
      agentId: "agent",
      paging: noPages,
    });
    expect([found.sessions.length, timeline]).toEqual([1, { items: [], nextPageToken: "" }]);
  });

  test("that several agents share is one session of each, with one timeline", async () => {
    const { sessions } = await openQueries(folder, {
      events: ["one", "two"].flatMap((agentId, index) => buildOperation({ agentId, atMs: index, ms: 1 })),
    });
    const all = await sessions.getSession({ sessionId: "session", agentId: null, paging: noPages });
    expect(all.sessions.map(({ agentId }) => agentId)).toEqual(["two", "one"]);
    expect(all.timeline.items.map(({ agentId }) => agentId)).toEqual(["one", "two"]);
    const own = await sessions.getSession({ sessionId: "session", agentId: "one", paging: noPages });
    expect([own.sessions.length, own.timeline.items.length]).toEqual([1, 1]);
  });

  test.for([
    ["none", null, { session_id: "none" }],
    ["session", "nobody", { session_id: "session", agent_id: "nobody" }],
  ] as const)("that is not there is not found: %s of %s", async ([sessionId, agentId, metadata]) => {
    const { sessions } = await openQueries(folder, { events: [eventAt(0)] });
    const asked = sessions.getSession({ sessionId, agentId, paging: noPages });
    await expect(asked).rejects.toMatchObject({ reason: "SESSION_NOT_FOUND", metadata });
  });
});

describe("a list of sessions", () => {
  test("goes on by its tokens, which hold for its filter alone", async () => {
    const { sessions } = await openQueries(folder, {
      events: [0, 1, 2].map((step) => eventAt(step, { sessionId: `s${step}` })),
    });
    const first = await sessions.listSessions(anything, page(2));
    const second = await sessions.listSessions(anything, page(2, first.nextPageToken));
    expect([first, second].map(({ items }) => items.map(({ sessionId }) => sessionId))).toEqual([["s2", "s1"], ["s0"]]);
    expect(second.nextPageToken).toBe("");
    const elsewhere = sessions.listSessions({ ...anything, agentId: "agent" }, page(2, first.nextPageToken));
    await expect(elsewhere).rejects.toMatchObject({ reason: "PAGE_TOKEN_INVALID" });
  });
});
