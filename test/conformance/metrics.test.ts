import { describe, expect, test } from "vitest";
import { startServer } from "../running-server.ts";
import expected from "../samples/expected.json" with { type: "json" };
import { readSampleEvents } from "../samples.ts";
import { grpcClients } from "./clients.ts";
import { getJson, parseBody, send, sendJson } from "./http.ts";

const sample = expected["v1-events.json"];

/** Starts a server with the sample of today's SDK: 108 events of 3 agents from 10 to 12 April 2025. */
async function startFilledServer(): Promise<string> {
  const { url } = await startServer({ environment: { CYLESTIO_DURABILITY: "normal" } });
  expect((await sendJson(url, "/v1/telemetry/batch", readSampleEvents("v1-events.json"))).status).toBe(201);
  return url;
}

const sumOf = (numbers: readonly (bigint | undefined)[]) =>
  numbers.reduce<number>((total, number) => total + Number(number ?? 0n), 0);

interface Series {
  readonly labels: Readonly<Record<string, string | null>>;
  readonly total: Readonly<Record<string, unknown>>;
  readonly buckets: readonly { readonly start_time: string; readonly end_time: string; readonly values: unknown }[];
}

interface Answer {
  readonly series: readonly Series[];
  readonly other: Series | null;
  readonly other_group_count: number;
  readonly from_time: string | null;
  readonly to_time: string | null;
}

const tokensOf = ({ labels, total }: Series) => [
  labels["agent_id"],
  labels["session_id"],
  (total["tokens"] as { readonly total: number | null }).total,
];

const byId = (a: unknown[], b: unknown[]) => (String(a[1]) < String(b[1]) ? -1 : 1);

describe("the metrics of the sample", () => {
  test("are what is known of it, over REST", async () => {
    const url = await startFilledServer();
    const read = (path: string) => getJson<Answer>(url, `/api/v1/metrics/${path}`);

    const tokens = await read("tokens?group_by=model");
    const told = tokens.series.filter(({ total }) => total["told_count"] !== 0);
    expect(
      told.map(({ labels, total }) => ({
        model: labels["model"],
        calls: total["told_count"],
        tokens: total["tokens"],
      })),
    ).toEqual(
      sample.models
        .map(({ model, calls, input, output }) => ({
          model,
          calls,
          tokens: expect.objectContaining({ input, output, total: input + output }),
        }))
        .toSorted((a, b) => b.tokens.sample.total - a.tokens.sample.total),
    );
    expect(tokens).toMatchObject({ other: null, other_group_count: 0, from_time: null, to_time: null });

    const everything = await read("tokens");
    const { input, output, total } = sample.totals;
    expect(everything.series).toMatchObject([
      {
        labels: { model: null, agent_id: null },
        total: { tokens: { input, output, total, reasoning: null } },
        buckets: [],
      },
    ]);

    const levels = await read("events?group_by=level");
    expect(
      Object.fromEntries(levels.series.map(({ labels, total }) => [labels["level"], total["event_count"]])),
    ).toEqual(sample.levels);

    const alerts = await read("alerts?group_by=category&group_by=severity");
    expect(
      Object.fromEntries(
        alerts.series.map(({ labels, total }) => [`${labels["category"]}/${labels["severity"]}`, total["alert_count"]]),
      ),
    ).toEqual(sample.alerts);

    const sessions = await read("sessions?group_by=agent&interval=day&from_time=2025-04-10&to_time=2025-04-13");
    expect(
      sessions.series.map(({ labels, buckets }) => [
        labels["agent_id"],
        ...buckets.map(({ start_time, values }) => [start_time, values]),
      ]),
    ).toMatchObject([
      [
        "inventory-helper",
        ["2025-04-10T00:00:00Z", { session_count: 1, event_count: 19 }],
        ["2025-04-11T00:00:00Z", { session_count: 1, event_count: 11 }],
        ["2025-04-12T00:00:00Z", { session_count: 0, mean_duration_ms: null, mean_event_count: null }],
      ],
      [
        "docs-rag",
        ["2025-04-10T00:00:00Z", {}],
        ["2025-04-11T00:00:00Z", { session_count: 1 }],
        [expect.any(String), {}],
      ],
      ["ops_watch", [expect.any(String), {}], [expect.any(String), {}], ["2025-04-12T00:00:00Z", { event_count: 47 }]],
    ]);
  });

  test("tell how long calls took, what failed and what it cost", async () => {
    const url = await startFilledServer();
    const read = <Body>(path: string) => getJson<Body>(url, `/api/v1/metrics/${path}`);

    const latency = await read<Answer>("latency?group_by=model&model=claude-3-5-sonnet-20241022");
    const [, sonnet] = sample.models;
    expect(latency.series).toMatchObject([
      { labels: { model: "claude-3-5-sonnet-20241022" }, total: { count: 2, mean_ms: (sonnet?.durationMs ?? 0) / 2 } },
    ]);
    const none = await read<Answer>("latency?model=unheard-of&interval=hour&from_time=2025-04-10&to_time=2025-04-11");
    const noLatency = { count: 0, mean_ms: null, min_ms: null, max_ms: null, p50_ms: null, p99_ms: null };
    expect(none.series[0]?.total).toMatchObject(noLatency);
    expect(none.series[0]?.buckets).toHaveLength(24);
    expect(none.series[0]?.buckets[3]).toMatchObject({ start_time: "2025-04-10T03:00:00Z", values: noLatency });

    const errors = await read<{ readonly call_series: readonly Series[]; readonly event_series: readonly Series[] }>(
      "errors?group_by=agent&group_by=level",
    );
    expect(
      errors.event_series.map(({ labels, total }) => [labels["agent_id"], labels["level"], total["error_count"]]),
    ).toEqual([
      ["ops_watch", "ERROR", 10],
      ["docs-rag", "ERROR", 5],
      ["inventory-helper", "ERROR", 4],
    ]);
    expect(errors.call_series.length).toBe(3);
    const nothing = await read<{ readonly call_series: readonly Series[] }>("errors?tool=unheard-of");
    expect(nothing.call_series[0]?.total).toMatchObject({ call_count: 0, failed_count: 0, error_rate: null });

    const tools = await read<Answer>("tools");
    expect(tools.series.length).toBeGreaterThan(0);
    expect(tools.series.every(({ labels }) => "tool" in labels)).toBe(true);

    const cost = await read<Answer>("cost?group_by=vendor");
    expect(cost.series.map(({ labels }) => labels["vendor"]).toSorted()).toEqual(
      expect.arrayContaining(["anthropic", "openai"]),
    );

    const overview = await read<Readonly<Record<string, unknown>>>("overview");
    expect(overview).toMatchObject({
      events: { event_count: 108, error_count: 19 },
      agent_count: 3,
      sessions: { session_count: 4, event_count: 108 },
      tokens: { tokens: { input: sample.totals.input, output: sample.totals.output } },
      alert_count: 4,
      alert_count_by_severity: { low: 0, medium: 3, high: 1, critical: 0 },
      from_time: null,
    });
    const ofAgent = await read<Readonly<Record<string, unknown>>>(
      "overview?agent_id=docs-rag&to_time=2025-04-11T09:30:05Z",
    );
    expect(ofAgent).toMatchObject({ agent_count: 1, to_time: "2025-04-11T09:31:00Z" });
  });

  test("are the same over Connect", async () => {
    const url = await startFilledServer();
    const reply = await sendJson(url, "/cylestio.v1.MetricsService/QueryTokens", {
      agentIds: ["docs-rag", "ops_watch"],
    });
    const rest = await getJson<Answer>(url, "/api/v1/metrics/tokens?agent_id=docs-rag&agent_id=ops_watch");
    const { series } = parseBody<{
      readonly series: readonly { readonly total: { readonly tokens: { readonly input: string } } }[];
    }>(reply);
    expect(series.map(({ total }) => Number(total.tokens.input))).toEqual(
      rest.series.map(({ total }) => (total["tokens"] as { readonly input: number }).input),
    );
  });

  test("are told by session, alike over REST and gRPC", async () => {
    const url = await startFilledServer();
    const { metrics, sessions } = grpcClients(url);
    const listed = (await sessions.listSessions({})).sessions;

    const overRest = await getJson<Answer>(url, "/api/v1/metrics/tokens?group_by=session");
    const overGrpc = await metrics.queryTokens({ groupBy: ["session"] });

    // Every session of the sample has calls of models.
    const known = listed.map(({ agentId, sessionId, tokens }) => [agentId, sessionId, Number(tokens?.total)]);
    expect(overRest).toMatchObject({ other: null, other_group_count: 0 });
    expect(overRest.series.map(tokensOf).toSorted(byId)).toEqual(known.toSorted(byId));
    expect(
      overGrpc.series.map(({ labels, total }) => [labels?.agentId, labels?.sessionId, Number(total?.tokens?.total)]),
    ).toEqual(overRest.series.map(tokensOf));

    const [session] = listed;
    const query = `session_id=${encodeURIComponent(session?.sessionId ?? "")}`;
    const cost = await getJson<Answer>(url, `/api/v1/metrics/cost?${query}&group_by=model`);
    const sum = cost.series.reduce((total, { total: values }) => total + Number(values["cost_usd"] ?? 0), 0);
    expect(sum).toBeCloseTo(session?.costUsd ?? 0, 12);
    expect(cost.series.reduce((total, { total: values }) => total + Number(values["unpriced_count"]), 0)).toBe(
      Number(session?.unpricedCallCount),
    );
    const events = await getJson<Answer>(url, `/api/v1/metrics/events?${query}`);
    expect(events.series[0]?.total).toMatchObject({ event_count: Number(session?.eventCount) });
    const tools = await getJson<Answer>(
      url,
      "/api/v1/metrics/tools?group_by=session&interval=day&from_time=2025-04-10&to_time=2025-04-13",
    );
    expect(
      tools.series.map(({ labels, total, buckets }) => [labels["tool"], total["outcomes"], buckets.length]),
    ).toContainEqual([null, expect.objectContaining({ call_count: expect.any(Number) }), 3]);
    const latency = await metrics.queryLatency({ groupBy: ["session"], sessionId: session?.sessionId ?? "" });
    expect(latency.series).toMatchObject([{ labels: { sessionId: session?.sessionId } }]);
    const errors = await metrics.queryErrors({ groupBy: ["session"] });
    expect(sumOf(errors.eventSeries.map(({ total }) => total?.errorCount))).toBe(sample.levels.ERROR);
    expect((await metrics.queryErrors({ sessionId: "unheard-of" })).eventSeries).toMatchObject([
      { total: { errorCount: 0n } },
    ]);
  });

  test("say which field is wrong, and which agent is not there", async () => {
    const { url } = await startServer();
    const wrong = await send(url, "/api/v1/metrics/tokens?group_by=level");
    expect(wrong.status).toBe(400);
    expect(parseBody<{ readonly message: string }>(wrong).message).toBe(
      "group_by: must be one of agent, vendor, model, session",
    );
    const mixed = await send(url, "/api/v1/metrics/cost?group_by=session&group_by=model");
    expect([mixed.status, parseBody<{ readonly message: string }>(mixed).message]).toEqual([
      400,
      "group_by: session cannot be combined with another group",
    ]);
    const missing = await send(url, "/api/v1/metrics/overview?agent_id=nobody");
    expect([missing.status, parseBody<{ readonly message: string }>(missing).message]).toEqual([
      404,
      "Agent with ID 'nobody' not found",
    ]);
  });
});
