import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Event } from "../../../src/model/event.ts";
import type { AgentCursor, AgentRecord, TelemetryStore } from "../../../src/store/store.ts";
import { anyArrival, buildArrival } from "../arrival.ts";
import { buildEvent, builtFromMicros } from "../event-builder.ts";
import { type CreateStore, everyEvent, openStore, readPages } from "../open-store.ts";

/** Lists all agents, page by page. */
async function readAgents(store: TelemetryStore, limit: number): Promise<readonly (readonly AgentRecord[])[]> {
  const pages: (readonly AgentRecord[])[] = [];
  let after: AgentCursor | null = null;
  for (;;) {
    const page: readonly AgentRecord[] = await store.listAgents({ after, offset: 0, limit });
    const last = page.at(-1);
    if (last === undefined) return pages;
    pages.push(page);
    after = last;
  }
}

const byTimeThenId = (a: Event, b: Event) => a.timeMicros - b.timeMicros || (a.id < b.id ? -1 : 1);

/** What an agent's record is by definition. */
function agentFrom(events: readonly Event[]): AgentRecord | null {
  const ordered = [...events].sort(byTimeThenId);
  const [first] = ordered;
  const last = ordered.at(-1);
  if (first === undefined || last === undefined) return null;
  return {
    agentId: first.agentId,
    firstSeenMicros: first.timeMicros,
    firstEventName: first.name,
    lastSeenMicros: last.timeMicros,
    lastEventName: last.name,
    llmProvider: ordered.find(({ llmProvider }) => llmProvider !== null)?.llmProvider ?? null,
    eventCount: ordered.length,
    sessionCount: new Set(ordered.flatMap(({ sessionId }) => (sessionId === null ? [] : [sessionId]))).size,
  };
}

/** What the store says of agents and their sessions. */
export function testAgents(createStore: CreateStore): void {
  test("an agent that never reported is null, and a store without agents lists none", async () => {
    const store = await openStore(createStore);
    expect(await store.findAgent("nobody")).toBeNull();
    expect(await store.listAgents({ after: null, offset: 0, limit: 10 })).toEqual([]);
  });

  test("ids of agents are told apart to the last byte", async () => {
    const store = await openStore(createStore);
    const agentIds = ["a", "A", "a ", "a\0", "a\0b", "é", "e\u0301"];
    await store.append(agentIds.map((agentId) => buildEvent({ agentId })));
    for (const agentId of agentIds) expect(await store.findAgent(agentId)).toMatchObject({ agentId, eventCount: 1 });
    expect(await store.findAgent("Á")).toBeNull();
  });

  test("an agent's record depends on its events alone, not on their order or on the calls that they came in", async () => {
    const anyAgentEvent = fc.record({
      agentId: fc.constantFrom("one", "two"),
      sessionId: fc.constantFrom(null, "s1", "s2", "s3"),
      timeMicros: fc.integer({ min: 0, max: 3 }).map((step) => builtFromMicros + step),
      llmProvider: fc.constantFrom(null, null, "anthropic", "openai"),
      name: fc.constantFrom("a", "b", "c"),
    });
    const store = await openStore(createStore);
    await fc.assert(
      fc.asyncProperty(anyArrival(fc.array(anyAgentEvent, { minLength: 1, maxLength: 12 })), async (arrival) => {
        const { events, calls, agentIds } = buildArrival(arrival);
        for (const call of calls) await store.append(call);
        // Retries count once.
        await store.append(events);
        for (const agentId of agentIds) {
          const expected = agentFrom(events.filter((event) => event.agentId === agentId));
          expect(await store.findAgent(agentId)).toEqual(expected);
        }
      }),
    );
  });

  test("a session id that two agents use is a session of each", async () => {
    const store = await openStore(createStore);
    const [one, two, alone] = [
      buildEvent({ agentId: "one", sessionId: "shared" }),
      buildEvent({ agentId: "two", sessionId: "shared" }),
      buildEvent({ agentId: "two", sessionId: null }),
    ];
    await store.append([one, two, alone]);
    expect(await store.findAgent("one")).toMatchObject({ eventCount: 1, sessionCount: 1 });
    expect(await store.findAgent("two")).toMatchObject({ eventCount: 2, sessionCount: 1 });
    const idsOf = async (agentId: string | null) => {
      const filter = { ...everyEvent, agentId, sessionId: "shared" };
      return (await readPages(store, { filter, ascending: true, offset: 0, limit: 10 })).flat().map(({ id }) => id);
    };
    expect(await idsOf(null)).toEqual([one.id, two.id]);
    expect(await idsOf("one")).toEqual([one.id]);
    expect(await idsOf("two")).toEqual([two.id]);
    expect(await idsOf("three")).toEqual([]);
  });

  describe("the list of agents", () => {
    test("is in descending order of last seen and id, and its pages are the whole list once", async () => {
      const store = await openStore(createStore);
      const agents = Array.from({ length: 30 }, (_, index) => ({
        agentId: `agent ${(index * 7) % 30}`,
        // Three agents were seen last at each time.
        timeMicros: builtFromMicros + Math.floor(index / 3),
      }));
      await store.append(agents.map((agent) => buildEvent(agent)));
      const expected = [...agents]
        .sort((a, b) => b.timeMicros - a.timeMicros || (a.agentId < b.agentId ? 1 : -1))
        .map(({ agentId }) => agentId);
      for (const limit of [1, 2, 3, 7, 29, 30, 31]) {
        const pages = await readAgents(store, limit);
        expect(pages.flat().map(({ agentId }) => agentId)).toEqual(expected);
        expect(pages.slice(0, -1).every((page) => page.length === limit)).toBe(true);
      }
    });

    test("passes over `offset` agents first, after the cursor where there is one", async () => {
      const store = await openStore(createStore);
      await store.append(["a", "b", "c", "d", "e"].map((agentId) => buildEvent({ agentId })));
      const idsOf = async (query: Parameters<TelemetryStore["listAgents"]>[0]) =>
        (await store.listAgents(query)).map(({ agentId }) => agentId);
      expect(await idsOf({ after: null, offset: 1, limit: 2 })).toEqual(["d", "c"]);
      expect(await idsOf({ after: null, offset: 4, limit: 2 })).toEqual(["a"]);
      expect(await idsOf({ after: null, offset: 5, limit: 2 })).toEqual([]);
      const [first] = await store.listAgents({ after: null, offset: 0, limit: 1 });
      if (first === undefined) throw new Error("no agent is listed");
      expect(await idsOf({ after: first, offset: 1, limit: 2 })).toEqual(["c", "b"]);
    });
  });
}
