import { expect, test } from "vitest";
import { normaliseBatch } from "../../src/ingest/batch.ts";
import { eventFieldsFromJson } from "../../src/ingest/cylestio/json-event.ts";
import { limitsDefault } from "../../src/model/limits.ts";
import expected from "../samples/expected.json" with { type: "json" };
import prices from "../samples/prices.json" with { type: "json" };
import { readSampleEvents } from "../samples.ts";
import { createTemporaryFolder } from "../store/sqlite/temporary-folder.ts";
import { openQueries, page } from "./open-queries.ts";

const folder = createTemporaryFolder();

/** The prices that the known costs of the samples were reckoned with. */
const priceTable = JSON.stringify({
  version: "samples",
  unit: prices.unit,
  prices: prices.models.map((entry) => ({ ...entry, source: "samples" })),
});

const picoFrom = (usd: number) => Math.round(usd * 1e12);

function readEvents(file: Parameters<typeof readSampleEvents>[0]) {
  const options = { nowMicros: Date.UTC(2025, 5, 1) * 1000, limits: limitsDefault, readFields: eventFieldsFromJson };
  return normaliseBatch(readSampleEvents(file), options).flatMap((result) => (result.ok ? [result.event] : []));
}

test.for(["legacy-events.json", "v1-events.json"] as const)(
  "%s: the calls cost what is known, by model",
  async (file) => {
    const events = readEvents(file);
    const { llmCalls, sessions } = await openQueries(folder, { events, priceTables: [priceTable] });
    const anything = { agentId: null, sessionId: null, fromMicros: null, toMicros: null };
    const { items: calls } = await llmCalls.listCalls({ ...anything, status: "" }, page(1000));
    const { items: all } = await sessions.listSessions(anything, page(1000));

    const byModel: Record<string, number> = {};
    for (const { llm } of calls) {
      const model = llm?.usedModel ?? llm?.requestedModel;
      if (model == null || llm?.costPicoUsd == null || llm.isCovered) continue;
      byModel[model] = (byModel[model] ?? 0) + llm.costPicoUsd;
    }

    const { models, totals } = expected[file];
    expect(events).toHaveLength(expected[file].events);
    expect(byModel).toEqual(Object.fromEntries(models.map(({ model, costUsd }) => [model, picoFrom(costUsd)])));
    expect(all.reduce((sum, { costPicoUsd }) => sum + (costPicoUsd ?? 0), 0)).toBe(picoFrom(totals.costUsd));
  },
);
