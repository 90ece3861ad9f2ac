import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { keyOf, post, type SentEvent, SentLedger, writers } from "./crash-writers.ts";
import { killServer, openSite, type ServerProcess, type Site } from "./server-process.ts";
import { expectBalanced, getStatus, healthy } from "./server-status.ts";

/** Servers at a time, each with a database of its own, on which it is killed again and again. */
const lanes = 3;

/** How often a server is killed in all; `npm run test:crash` sets more. */
const rounds = Number(process.env["CYLESTIO_CRASH_ROUNDS"] ?? 12);
const roundsPerLane = Math.ceil(rounds / lanes);

/** Far more than a round takes. */
const roundMaxMs = 15_000;

/** Events that are sent again in one request. */
const resendBatch = 1000;

test("keeps every acknowledged event exactly once when it is killed, and stores none twice when all are sent again", {
  timeout: roundsPerLane * roundMaxMs,
}, async (context) => {
  const stored = await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => runLane(lane, await openSite(context))),
  );
  expect(stored.map((events) => events > 0)).toEqual(stored.map(() => true));
});

/** Resolves to the number of events that were stored. */
async function runLane(lane: number, site: Site): Promise<number> {
  let stored = 0;
  let server = await site.start();
  for (let round = 0; round < roundsPerLane; round++) {
    const ledger = new SentLedger(`crash-${lane}-${round}`);
    await writeUntilKilled(server, ledger);
    server = await site.start();
    const found = await expectAcknowledged(server.url, ledger);
    await sendAgain(server.url, ledger);
    const status = await getStatus(server.url);
    expect(status).toMatchObject(healthy);
    expectBalanced(status, { stored_count: ledger.sent.length - found, duplicate_count: found });
    await expectEachOnce(server.url, ledger);
    stored += ledger.sent.length;
  }
  return stored;
}

async function writeUntilKilled(server: ServerProcess, ledger: SentLedger): Promise<void> {
  let isKilled = false;
  const writing = Object.values(writers).map(async (write) => {
    try {
      await write(server.url, ledger);
    } catch (error) {
      // From here on a failure is what the test is about; before, it is a fault.
      if (!isKilled) throw error;
    }
  });
  const kill = async () => {
    await ledger.firstAcknowledged;
    await delay(50 + Math.random() * 350);
    isKilled = true;
    await killServer(server);
  };
  await Promise.all([kill(), ...writing]);
}

/** What was acknowledged is there once; what was not, at most once; and nothing else. Resolves to the number that is there. */
async function expectAcknowledged(url: string, ledger: SentLedger): Promise<number> {
  const counts = await countStored(url, ledger.agentId);
  const sent = new Set(ledger.sent.map(keyOf));
  expect([...ledger.acknowledged].filter((key) => counts.get(key) !== 1)).toEqual([]);
  expect([...counts].filter(([key, count]) => count !== 1 || !sent.has(key))).toEqual([]);
  return counts.size;
}

/** Over one protocol, whichever each event came in by first: it is the same event. */
async function sendAgain(url: string, { sent }: SentLedger): Promise<void> {
  for (let from = 0; from < sent.length; from += resendBatch) {
    const receipt = await post(`${url}/v1/telemetry/batch`, sent.slice(from, from + resendBatch));
    expect(receipt).toMatchObject({ rejected_count: 0 });
  }
}

/** Every event is there once, and what is derived from the events agrees with them. */
async function expectEachOnce(url: string, { agentId, sent }: SentLedger): Promise<void> {
  const counts = await countStored(url, agentId);
  expect(counts.size).toBe(sent.length);
  expect([...counts].filter(([, count]) => count !== 1)).toEqual([]);
  expect(await getJson(`${url}/api/agents/${agentId}`)).toMatchObject({
    event_count: sent.length,
    session_count: new Set(sent.map((event) => event.session_id)).size,
  });
  const operations = Map.groupBy(sent, (event) => event.span_id);
  expect(await getJson(`${url}/api/metrics/${agentId}/latency`)).toMatchObject({
    operations: [{ kind: "llm", count: [...operations.values()].filter(({ length }) => length === 2).length }],
  });
}

/** How often each event of an agent is stored, read page by page. */
async function countStored(url: string, agentId: string): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  let next: string | undefined = `/api/events/${agentId}?page_size=1000`;
  while (next !== undefined) {
    const response: Response = await fetch(url + next);
    expect(response.status).toBe(200);
    // The fields of an event that the test reads, under their REST names.
    const page = (await response.json()) as readonly (Pick<SentEvent, "span_id"> & { readonly event_type: string })[];
    for (const event of page) {
      const key = keyOf({ span_id: event.span_id, name: event.event_type });
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    next = /^<([^>]+)>; rel="next"$/.exec(response.headers.get("link") ?? "")?.[1];
  }
  return counts;
}

async function getJson(url: string): Promise<unknown> {
  return (await fetch(url)).json();
}
