import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { sample, shuffledSubarray } from "fast-check";
import { expect, test } from "vitest";
import { LogsService } from "../../gen/opentelemetry/proto/collector/logs/v1/logs_service_pb.ts";
import { TraceService } from "../../gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import { getJson } from "../conformance/http.ts";
import { startServer } from "../running-server.ts";
import { createTemporaryFolder } from "../store/sqlite/temporary-folder.ts";
import { type ExpectedCall, fixturePrices, type OtlpFixture } from "./fixtures/fixture.ts";
import { otlpFixtures } from "./fixtures/index.ts";
import { buildLogs, buildSpans } from "./otlp-builder.ts";

/*
 * What instrumentations export, and what REST answers about it: the same in any order of arrival, and when all of it comes twice.
 */

const pricesPath = join(createTemporaryFolder(), "prices.json");
writeFileSync(pricesPath, JSON.stringify(fixturePrices));
const environment = { CYLESTIO_DURABILITY: "normal", CYLESTIO_PRICES_PATH: pricesPath };

/** One request each, so that spans of one trace arrive in any order. */
const requests = otlpFixtures.flatMap(({ origin, spans = [], logs = [] }) => [
  ...spans.map((span) => ({ spans: buildSpans([span], origin) })),
  ...logs.map((log) => ({ logs: buildLogs([log], origin) })),
]);

const [first = [], second = []] = sample(shuffledSubarray([...requests], { minLength: requests.length }), {
  seed: 5,
  numRuns: 2,
});

interface Calls {
  readonly llm_calls?: readonly Call[];
  readonly tool_calls?: readonly Call[];
}

type Call = Readonly<Record<string, unknown>>;

test.for([
  ["as they were made", requests],
  ["the last first", requests.toReversed()],
  ["in some order", first],
  ["in another order", second],
] as const)("telemetry of every convention is read alike, twice and %s", async ([, ordered]) => {
  const { url } = await startServer({ environment });
  const transport = createGrpcTransport({ baseUrl: url });
  const traces = createClient(TraceService, transport);
  const logs = createClient(LogsService, transport);
  for (const request of [...ordered, ...ordered]) {
    const rejectedCount =
      "spans" in request
        ? (await traces.export(request.spans)).partialSuccess?.rejectedSpans
        : (await logs.export(request.logs)).partialSuccess?.rejectedLogRecords;
    // A warning rejects nothing.
    expect(rejectedCount ?? 0n).toBe(0n);
  }
  for (const fixture of otlpFixtures) await expectFixture(url, fixture);
});

async function expectFixture(url: string, fixture: OtlpFixture): Promise<void> {
  const { name, agents, spans = [], kinds = {}, llmCalls = [], toolCalls = [], eventNames } = fixture;
  await expectCalls(url, fixture, { list: "llm_calls", item: "llm_call", expected: llmCalls });
  await expectCalls(url, fixture, { list: "tool_calls", item: "tool_call", expected: toolCalls });

  const told = new Map<unknown, unknown>();
  for (const traceId of new Set(spans.map((span) => span.traceId))) {
    const trace = await getJson<{ readonly spans: readonly { readonly operation: Call }[] }>(
      url,
      `/api/v1/traces/${traceId}`,
    );
    for (const { operation } of trace.spans) told.set(operation["span_id"], operation["kind"]);
  }
  const spanKinds = Object.keys(kinds).map((spanId) => [spanId, told.get(spanId)]);
  expect({ name, kinds: Object.fromEntries(spanKinds) }).toEqual({ name, kinds });

  if (eventNames === undefined) return;
  const names: unknown[] = [];
  for (const agent of agents) {
    const events = await getJson<readonly Call[]>(url, `/api/events?agent_id=${encodeURIComponent(agent)}`);
    names.push(...events.map((event) => event["event_type"]));
  }
  expect({ name, names: names.toSorted() }).toEqual({ name, names: eventNames });
}

async function expectCalls(
  url: string,
  { name, agents }: OtlpFixture,
  { list, item, expected }: { list: keyof Calls; item: string; expected: readonly ExpectedCall[] },
): Promise<void> {
  const calls: Call[] = [];
  for (const agent of agents) {
    const path = `/api/v1/${list}?page_size=1000&agent_id=${encodeURIComponent(agent)}`;
    calls.push(...((await getJson<Calls>(url, path))[list] ?? []));
  }
  const ordered = calls.toSorted((a, b) => timeOf(a) - timeOf(b));
  expect({ name, calls: ordered }).toMatchObject({ name, calls: expected.map(({ call }) => call) });
  for (const [index, { content }] of expected.entries()) {
    const detail = await getJson<Call>(url, `/api/v1/${list}/${String(ordered[index]?.["call_id"])}`);
    expect(detail[item]).toEqual(ordered[index]);
    expect({ name, content: detail["content"] }).toMatchObject({ name, content });
  }
}

function timeOf(call: Call): number {
  return Date.parse(String(call["start_time"] ?? call["finish_time"]));
}
