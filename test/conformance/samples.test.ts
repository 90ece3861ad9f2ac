import { sample, shuffledSubarray } from "fast-check";
import { describe, expect, test } from "vitest";
import { startServer } from "../running-server.ts";
import expected from "../samples/expected.json" with { type: "json" };
import { readSampleEvents } from "../samples.ts";
import { type Dump, type DumpedEvent, dumpServer, microsFrom, type RestEvent } from "./dump.ts";
import { getJson } from "./http.ts";
import { type SampleEvent, type Sender, senders, type Tally } from "./senders.ts";

const files = ["legacy-events.json", "v1-events.json"] as const;

/** What survives a power cut is not looked at here, and a test waits for many commits. */
const environment = { CYLESTIO_DURABILITY: "normal" };

const [firstSender = never()] = senders;
const allEvents = files.flatMap((file) => readSampleEvents(file));

/** What a server has after the first sender sent these events to it, in their order. Every other way must lead to the same. */
const referenceDumps = new Map<readonly SampleEvent[], Dump>();

async function referenceDump(events: readonly SampleEvent[]): Promise<Dump> {
  const known = referenceDumps.get(events);
  if (known !== undefined) return known;
  const { url } = await startServer({ environment });
  expect(await firstSender.send(url, events)).toEqual(tally({ accepted: events.length }));
  const dump = await dumpServer(url);
  referenceDumps.set(events, dump);
  return dump;
}

describe("both samples", () => {
  const ways = senders.map((sender, index) => {
    const again = senderAt(index + 1);
    return { names: `${sender.name}, then ${again.name}`, sender, again };
  });

  test.for(ways)("are there once, and stay so when sent again: $names", async ({ sender, again }) => {
    const { url } = await startServer({ environment });

    expect(await sender.send(url, allEvents)).toEqual(tally({ accepted: allEvents.length }));
    expect(await dumpServer(url)).toEqual(await referenceDump(allEvents));

    expect(await again.send(url, allEvents)).toEqual(tally({ duplicate: allEvents.length }));
    expect(await dumpServer(url)).toEqual(await referenceDump(allEvents));
  });

  const shuffled = sample(shuffledSubarray([...allEvents], { minLength: allEvents.length }), { seed: 27, numRuns: 5 });
  test.for(shuffled.map((events, index) => ({ events, index, sender: senderAt(index * 3 + 1) })))(
    "end up the same in the wrong order: $index, $sender.name",
    async ({ events, sender }) => {
      const { url } = await startServer({ environment });

      expect(await sender.send(url, events)).toEqual(tally({ accepted: events.length }));

      expect(await dumpServer(url)).toEqual(await referenceDump(allEvents));
    },
  );

  test("end up the same when dealt out to every protocol, all at the same time", async () => {
    const { url } = await startServer({ environment });

    const tallies = await Promise.all(senders.map(async (sender, index) => sender.send(url, dealt(allEvents, index))));

    expect(sum(tallies.map(({ accepted }) => accepted))).toBe(allEvents.length);
    expect(await dumpServer(url)).toEqual(await referenceDump(allEvents));
  });
});

describe.each(files)("%s", (file) => {
  const events = readSampleEvents(file);

  test("gives the known numbers of events: by agent, level and session", async () => {
    const { url } = await startServer({ environment });
    await senderAt(1).send(url, events);
    const { answers, ...dump } = await dumpServer(url);
    const known = expected[file];

    expect(dump.events).toHaveLength(known.events);
    expect(counts(dump.events, "agent_id")).toEqual(known.eventsByAgent);
    expect(counts(dump.events, "level")).toEqual("levels" in known ? known.levels : known.levelsAsSent);
    for (const [
      agent,
      {
        eventCounts,
        agent: { event_count },
      },
    ] of Object.entries(answers)) {
      const ofAgent = dump.events.filter(({ agent_id }) => agent_id === agent);
      expect([agent, eventCounts.total_count, event_count]).toEqual([agent, ofAgent.length, ofAgent.length]);
      expect(eventCounts.count_by_level).toEqual(counts(ofAgent, "level"));
    }
    for (const { agent, session, events, first, last } of known.sessions) {
      const query = new URLSearchParams({ agent_id: agent, session_id: session, sort: "asc", limit: "1000" });
      const found = await getJson<readonly RestEvent[]>(url, `/api/events?${query}`);
      const ends = [found.at(0), found.at(-1)].map((event) => microsFrom(event?.timestamp ?? ""));
      expect({ session, events: found.length, ends }).toEqual({
        session,
        events,
        ends: [microsFrom(first), microsFrom(last)],
      });
    }
    expect(new Set(dump.events.map(({ agent_id, session_id }) => `${agent_id} ${session_id}`)).size).toBe(
      known.sessions.length,
    );
  });
});

test("the legacy sample has the known durations of LLM and tool calls, each once", async () => {
  const { events, answers } = await referenceDump(readSampleEvents("legacy-events.json"));
  const { llmDurationsMs, toolCalls } = expected["legacy-events.json"];
  const durations = (agent: string, name: string) => durationsOf(events, agent, [name]);

  expect(durations("inventory-helper", "LLM_call_finish")).toEqual([
    llmDurationsMs["inventory-helper LLM_call_finish"],
  ]);
  expect(durations("trip-planner", "LLM_call_finish")).toEqual([
    llmDurationsMs["trip-planner LLM_call_finish (from its start)"],
  ]);
  // The call of 09:18:20 ends in this error, and not in the finish before it.
  expect(durations("inventory-helper", "LLM_call_error")).toEqual([1250]);
  expect(durations("inventory-helper", "call_finish")).toEqual(toolCalls.map(({ durationMs }) => durationMs));
  expect(answers["inventory-helper"]?.latency.operations).toMatchObject([
    { kind: "llm", count: 2, error_count: 1, min_ms: 1250, max_ms: 1412.345, mean_ms: 1331.1725 },
    { kind: "tool", count: 2, error_count: 1, min_ms: 231.5, max_ms: 451, mean_ms: (231.5 + 451) / 2 },
  ]);
});

test("the v1 sample has the known durations of the vendors' calls", async () => {
  const { events } = await referenceDump(readSampleEvents("v1-events.json"));
  const vendorModels = expected["v1-events.json"].models.filter((model) => model.durationMs !== undefined);
  const agents = Object.keys(expected["v1-events.json"].eventsByAgent);

  const durations = agents.flatMap((agent) => durationsOf(events, agent, ["llm.call.finish", "llm.call.end"]));

  expect(durations).toHaveLength(expected["v1-events.json"].vendorCallsFinished);
  expect(sum(durations)).toBe(sum(vendorModels.map((model) => model.durationMs ?? 0)));
});

/** The cards of one player. */
function dealt(events: readonly SampleEvent[], player: number): readonly SampleEvent[] {
  return events.filter((_event, index) => index % senders.length === player);
}

function tally(counted: Partial<Tally>): Tally {
  return { accepted: 0, duplicate: 0, rejected: 0, ...counted };
}

function counts(events: readonly DumpedEvent[], member: "agent_id" | "level"): Record<string, number> {
  const result: Record<string, number> = {};
  for (const event of events) result[event[member]] = (result[event[member]] ?? 0) + 1;
  return result;
}

function durationsOf(
  events: readonly DumpedEvent[],
  agent: string,
  names: readonly string[],
): readonly (number | null)[] {
  return events
    .filter((event) => event.agent_id === agent && names.includes(event.event_type))
    .map(({ duration_ms }) => duration_ms);
}

function sum(numbers: readonly (number | null)[]): number {
  return numbers.reduce<number>((total, number) => total + (number ?? 0), 0);
}

function senderAt(index: number): Sender {
  return senders[index % senders.length] ?? never();
}

function never(): never {
  throw new Error("there is no sender");
}
