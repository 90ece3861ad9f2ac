import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { sample, shuffledSubarray } from "fast-check";
import { expect, test } from "vitest";
import { startServer } from "../running-server.ts";
import expected from "../samples/double-report.expected.json" with { type: "json" };
import prices from "../samples/prices.json" with { type: "json" };
import { readSampleEvents } from "../samples.ts";
import { createTemporaryFolder } from "../store/sqlite/temporary-folder.ts";
import { grpcClients } from "./clients.ts";
import { getJson } from "./http.ts";
import { senders } from "./senders.ts";

/*
 * Calls that LangChain and the vendors' clients both report, by every way in and in another order each. What is expected, and why, is
 * told in test/query/double-report.test.ts.
 */

const reported = readSampleEvents("double-report.json");
const orders = sample(shuffledSubarray([...reported], { minLength: reported.length }), {
  seed: 11,
  numRuns: senders.length,
});

const pricesPath = join(createTemporaryFolder(), "prices.json");
writeFileSync(
  pricesPath,
  JSON.stringify({
    version: "samples",
    unit: prices.unit,
    prices: prices.models.map((entry) => ({ ...entry, source: "samples" })),
  }),
);
const environment = { CYLESTIO_DURABILITY: "normal", CYLESTIO_PRICES_PATH: pricesPath };

interface Totals {
  readonly llm_calls: { readonly outcomes: Readonly<Record<string, unknown>> };
  readonly costs: { readonly cost_usd: number; readonly unpriced_count: number };
  readonly tokens: { readonly tokens: Readonly<Record<string, unknown>> };
}

test.for(senders.map((sender, place) => ({ name: sender.name, sender, shuffled: orders[place] ?? [] })))(
  "what two layers report counts once, sent twice and in any order: $name",
  async ({ sender, shuffled }) => {
    const { url } = await startServer({ environment });
    for (const events of [shuffled, reported]) await sender.send(url, events);

    const { llmCalls } = await grpcClients(url).llmCalls.listLlmCalls({ pageSize: 1000 });
    expect(llmCalls.filter(({ counted }) => counted)).toHaveLength(expected.calls);
    expect(llmCalls.filter(({ counted, isWrapper }) => !counted && isWrapper)).toHaveLength(expected.covered);
    expect(llmCalls).toHaveLength(expected.calls + expected.covered);

    const overview = await getJson<Totals>(url, "/api/v1/metrics/overview");
    expect(overview.llm_calls.outcomes).toMatchObject({ call_count: expected.calls, failed_count: expected.failed });
    expect(overview.tokens.tokens).toMatchObject(expected.tokens);
    expect(overview.costs).toMatchObject({ cost_usd: expected.costUsd, unpriced_count: 0 });

    const { sessions } = await getJson<{ readonly sessions: readonly Readonly<Record<string, unknown>>[] }>(
      url,
      "/api/v1/sessions",
    );
    const told = sessions.map((session) => [session["session_id"], session["llm_call_count"], session["tokens"]]);
    expect(new Set(told)).toEqual(
      new Set(
        expected.sessions.map(({ session, calls, input, output }) => [
          session,
          calls,
          { input, output, total: input + output, cache_read: null, cache_write: null, reasoning: null },
        ]),
      ),
    );
  },
);
