import { describe, expect, test } from "vitest";
import type { AgentQueries } from "../../src/query/agent-queries.ts";
import { buildEvent, buildPart, builtFromMicros } from "../store/event-builder.ts";
import { createTemporaryFolder } from "../store/sqlite/temporary-folder.ts";
import { openQueries, page } from "./open-queries.ts";

const folder = createTemporaryFolder();
const at = (ms: number) => builtFromMicros + ms * 1000;
const allTime = { fromMicros: null, toMicros: null } as const;

const finish = (durationMs: number, kind: "llm" | "tool" = "llm") =>
  buildEvent({
    name: `${kind}.call.finish`,
    channel: null,
    durationMs,
    operation: buildPart({ kind, family: kind, outcome: "ok" }),
  });

const agentNotFound = expect.objectContaining({
  reason: "AGENT_NOT_FOUND",
  message: "Agent with ID 'nobody' not found",
  metadata: { agent_id: "nobody" },
});

const questions: Readonly<Record<string, (agents: AgentQueries, agentId: string) => Promise<unknown>>> = {
  getAgent: (agents, agentId) => agents.getAgent(agentId),
  summariseAgent: (agents, agentId) => agents.summariseAgent(agentId),
  countEvents: (agents, agentId) => agents.countEvents(agentId, allTime),
  countEventTypes: (agents, agentId) => agents.countEventTypes(agentId, allTime),
  measureLatency: (agents, agentId) => agents.measureLatency(agentId, allTime),
};

describe("queries about an agent", () => {
  test.for(Object.entries(questions))(
    "%s rejects for an agent that never reported, and answers for one that did",
    async ([, ask]) => {
      const { agents } = await openQueries(folder, { events: [buildEvent()] });
      await expect(ask(agents, "nobody")).rejects.toEqual(agentNotFound);
      await expect(ask(agents, "agent")).resolves.toBeDefined();
    },
  );

  test("its record is that of the store", async () => {
    const event = buildEvent({ llmProvider: "anthropic" });
    const { agents } = await openQueries(folder, { events: [event] });
    expect(await agents.getAgent("agent")).toEqual({
      agentId: "agent",
      firstSeenMicros: event.timeMicros,
      firstEventName: event.name,
      lastSeenMicros: event.timeMicros,
      lastEventName: event.name,
      llmProvider: "anthropic",
      eventCount: 1,
      sessionCount: 1,
    });
  });

  test("its summary counts by name and channel, and tells the mean of its LLM calls alone", async () => {
    const { agents } = await openQueries(folder, {
      events: [
        buildEvent({ name: "__proto__" }),
        finish(10),
        finish(20),
        finish(1_000, "tool"),
        buildEvent({ agentId: "other" }),
      ],
    });
    const summary = await agents.summariseAgent("agent");
    expect(summary.agent).toMatchObject({ agentId: "agent", eventCount: 4 });
    expect(Object.entries(summary.countByName).sort()).toEqual([
      ["__proto__", 1],
      ["llm.call.finish", 2],
      ["tool.call.finish", 1],
    ]);
    expect({ ...summary.countByChannel }).toEqual({ SYSTEM: 1, "": 3 });
    expect(summary.meanLlmMs).toBe(15);
  });

  test("the mean of no LLM calls is unknown, not 0", async () => {
    const { agents } = await openQueries(folder, { events: [finish(5, "tool")] });
    expect((await agents.summariseAgent("agent")).meanLlmMs).toBeNull();
  });

  test("its events are counted by level and channel within a range", async () => {
    const { agents } = await openQueries(folder, {
      events: [
        buildEvent({ timeMicros: at(0), level: "INFO" }),
        buildEvent({ timeMicros: at(1), level: "ERROR", channel: null }),
        buildEvent({ timeMicros: at(2), level: "ERROR", channel: "" }),
        buildEvent({ timeMicros: at(3), level: "INFO" }),
      ],
    });
    const counts = await agents.countEvents("agent", { fromMicros: at(1), toMicros: at(3) });
    expect({ ...counts.countByLevel }).toEqual({ ERROR: 2, INFO: 1 });
    // Events without a channel and those whose channel is empty are counted as one.
    expect({ ...counts.countByChannel }).toEqual({ "": 2, SYSTEM: 1 });
    expect(counts.total).toBe(3);
    expect(await agents.countEvents("agent", { fromMicros: at(9), toMicros: null })).toMatchObject({ total: 0 });
  });

  test("its event types come with the most frequent first, and by name where they are equally frequent", async () => {
    const names = ["b", "c", "a", "c", "d"];
    const { agents } = await openQueries(folder, { events: names.map((name) => buildEvent({ name })) });
    const types = await agents.countEventTypes("agent", allTime);
    expect(types.map(({ name, count }) => [name, count])).toEqual([
      ["c", 2],
      ["a", 1],
      ["b", 1],
      ["d", 1],
    ]);
    const { firstMicros, latestMicros } = types[0] ?? {};
    expect(latestMicros).toBe((firstMicros ?? 0) + 2_000);
  });

  test("its latency is that of the store", async () => {
    const { agents } = await openQueries(folder, { events: [finish(10), finish(30)] });
    expect(await agents.measureLatency("agent", allTime)).toMatchObject([
      { kind: "llm", count: 2, meanMs: 20, p50Ms: 10, maxMs: 30 },
    ]);
  });
});

describe("the list of agents", () => {
  const events = ["a", "b", "c", "d", "e"].map((agentId) => buildEvent({ agentId }));

  test("goes on with the token of its page, until a page has none", async () => {
    const { agents } = await openQueries(folder, { events });
    const ids: string[] = [];
    const sizes: number[] = [];
    let pageToken = "";
    do {
      const found = await agents.listAgents(page(2, pageToken));
      ids.push(...found.agents.map(({ agentId }) => agentId));
      sizes.push(found.agents.length);
      pageToken = found.nextPageToken;
    } while (pageToken !== "");
    expect(ids).toEqual(["e", "d", "c", "b", "a"]);
    expect(sizes).toEqual([2, 2, 1]);
  });

  test("has no token where the page holds all that is left", async () => {
    const { agents } = await openQueries(folder, { events });
    expect((await agents.listAgents(page(5))).nextPageToken).toBe("");
    expect((await agents.listAgents(page(4))).nextPageToken).not.toBe("");
    const { agents: none } = await openQueries(folder, { events: [] });
    expect(await none.listAgents(page(5))).toEqual({ agents: [], nextPageToken: "" });
  });

  test("passes over an offset", async () => {
    const { agents } = await openQueries(folder, { events });
    const found = await agents.listAgents({ ...page(2), offset: 3 });
    expect(found.agents.map(({ agentId }) => agentId)).toEqual(["b", "a"]);
  });

  test("refuses a token that is not its own, and pages that cannot be", async () => {
    const { agents } = await openQueries(folder, { events });
    await expect(agents.listAgents(page(2, "garbage"))).rejects.toMatchObject({ reason: "PAGE_TOKEN_INVALID" });
    await expect(agents.listAgents(page(-1))).rejects.toMatchObject({ reason: "FIELD_INVALID" });
  });
});
