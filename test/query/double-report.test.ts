import { join } from "node:path";
import { sample, shuffledSubarray } from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { normaliseBatch } from "../../src/ingest/batch.ts";
import { eventFieldsFromJson } from "../../src/ingest/cylestio/json-event.ts";
import { limitsDefault } from "../../src/model/limits.ts";
import { createAgentQueries } from "../../src/query/agent-queries.ts";
import { createCallQueries } from "../../src/query/call-queries.ts";
import { createMetricQueries } from "../../src/query/metric-queries.ts";
import { createSessionQueries } from "../../src/query/session-queries.ts";
import { createSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import expected from "../samples/double-report.expected.json" with { type: "json" };
import prices from "../samples/prices.json" with { type: "json" };
import { readSampleEvents } from "../samples.ts";
import { createTemporaryFolder } from "../store/sqlite/temporary-folder.ts";
import { page } from "./open-queries.ts";

/*
 * LangChain's reports of calls over those of the vendors' clients. The expected numbers are worked out by hand, session by session:
 *
 * direct   Two wrappers with the vendor's call directly under each: only the vendors' count. 611 + 412 in, 42 + 58 out.
 * alone    A wrapper without a vendor's call, and one that failed and tells no tokens: both count. 100 in, 20 out.
 * leaked   OpenAI's client leaks its span, so that Anthropic's call lies under it: both count. 1480 + 1000 in, 220 + 100 out.
 * between  One chain, and two chains, between a wrapper and the vendor's call: only the vendors' count. 300 + 200 in, 30 + 10 out.
 * outside  A vendor's call under the wrapper's span, but three seconds after its end: both count. 50 + 50 in, 5 + 5 out.
 * nested   The second wrapper lies under the leaked span of the first one's call: the two vendors' calls count. 80 + 90 in, 8 + 9 out.
 * twice    A wrapper around a wrapper around the vendor's call: only the vendor's counts. 500 in, 50 out.
 * legacy   Legacy events have no spans, so nothing says that the two are one call: both count. 211 + 211 in, 9 + 9 out.
 * untold   The span between the two has an event, but no operation, so what it lies in is not known: both count. 70 + 70 in, 7 + 7 out.
 *
 * 8 wrappers are covered: two each in `direct`, `between`, `nested` and `twice`.
 */

const folder = createTemporaryFolder();
let opened = 0;

const priceTable = JSON.stringify({
  version: "samples",
  unit: prices.unit,
  prices: prices.models.map((entry) => ({ ...entry, source: "samples" })),
});

const picoFrom = (usd: number) => Math.round(usd * 1e12);
const reported = readSampleEvents("double-report.json");

type Reported = typeof reported;

const options = { nowMicros: Date.UTC(2025, 5, 1) * 1000, limits: limitsDefault, readFields: eventFieldsFromJson };
const eventsFrom = (raws: Reported) =>
  normaliseBatch(raws, options).flatMap((result) => (result.ok ? [result.event] : []));

const shuffled = sample(shuffledSubarray([...reported], { minLength: reported.length }), { seed: 5, numRuns: 12 });
const half = Math.ceil(reported.length / 2);
const halves = [reported.slice(half), reported.slice(0, half)];
const oneByOne = (raws: Reported) => raws.map((raw) => [raw]);

const arrivals: readonly (readonly [string, readonly Reported[]])[] = [
  ["as sent", [reported]],
  ["one by one", oneByOne(reported)],
  ["backwards", [reported.toReversed()]],
  ["one by one, backwards", oneByOne(reported.toReversed())],
  ["the second half first", halves],
  ["twice", [reported, reported]],
  ["one by one, twice, the second time backwards", [...oneByOne(reported), ...oneByOne(reported.toReversed())]],
  ["finishes first", [reported.filter((_, place) => place % 2 === 1), reported.filter((_, place) => place % 2 === 0)]],
  ...shuffled.map((raws, place) => [`shuffled ${place}`, place % 2 === 0 ? [raws] : oneByOne(raws)] as const),
];

test.for(arrivals)("what two layers report counts once: %s", async ([, calls]) => {
  opened += 1;
  const databasePath = join(folder, `${opened}.db`);
  const store = await createSqliteStore({ databasePath, durability: "normal", priceTables: [priceTable] });
  onTestFinished(() => store.close());
  for (const raws of calls) await store.append(eventsFrom(raws));
  const { getAgent } = createAgentQueries(store);
  const metrics = createMetricQueries({ store, getAgent, nowMs: () => 0 });
  const anything = { agentId: null, sessionId: null, fromMicros: null, toMicros: null };
  const { items } = await createCallQueries(store, "llm").listCalls({ ...anything, status: "" }, page(1000));
  const ask = {
    agentIds: [],
    fromMicros: null,
    toMicros: null,
    interval: "",
    timeZone: "",
    sessionId: "",
    kind: "",
    vendor: "",
    model: "",
    tool: "",
  };

  const counted = items.filter(({ llm }) => llm?.isCovered === false);
  expect([items.length, counted.length]).toEqual([expected.calls + expected.covered, expected.calls]);
  expect(items.filter(({ llm }) => llm?.isCovered === true && !llm.isWrapper)).toEqual([]);
  expect(counted.filter(({ outcome }) => outcome === "error")).toHaveLength(expected.failed);

  const { items: sessions } = await createSessionQueries(store).listSessions(anything, page(1000));
  const known = expected.sessions.map(({ costUsd, ...session }) => ({ ...session, cost: picoFrom(costUsd) }));
  const told = sessions.map(({ sessionId, llmCallCount, tokens, costPicoUsd }) => ({
    session: sessionId,
    calls: llmCallCount,
    input: tokens.input,
    output: tokens.output,
    cost: costPicoUsd,
  }));
  expect(new Set(told)).toEqual(new Set(known));

  for (const [groupBy, name, groups] of [
    ["session", "session", expected.sessions.map(({ session: value, ...rest }) => ({ value, ...rest }))],
    ["model", "model", expected.models.map(({ model: value, ...rest }) => ({ value, ...rest }))],
  ] as const) {
    const tokens = await metrics.queryTokens({ ...ask, groupBy: [groupBy] });
    const costs = await metrics.queryCost({ ...ask, groupBy: [groupBy] });
    const costOf = new Map(costs.series.map(({ labels, total }) => [labels[name], total.costPicoUsd]));
    expect(
      new Set(
        tokens.series.map(({ labels, total }) => ({
          value: labels[name],
          calls: total.callCount,
          input: total.tokens.input,
          output: total.tokens.output,
          cost: costOf.get(labels[name]),
        })),
      ),
    ).toEqual(new Set(groups.map(({ costUsd, ...rest }) => ({ ...rest, cost: picoFrom(costUsd) }))));
  }
  const { tokens, costs, llm } = await metrics.getOverview({ ...ask, groupBy: [] });
  expect([llm.callCount, llm.failedCount]).toEqual([expected.calls, expected.failed]);
  expect(tokens.tokens).toMatchObject({ input: expected.tokens.input, output: expected.tokens.output });
  expect(costs.costPicoUsd).toBe(picoFrom(expected.costUsd));
});
