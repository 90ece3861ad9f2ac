import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { describe, expect, test } from "vitest";
import { OtlpMetricService } from "../../gen/cylestio/v1/otlp_metric_service_pb.ts";
import { MetricsService } from "../../gen/opentelemetry/proto/collector/metrics/v1/metrics_service_pb.ts";
import { createPageToken } from "../../src/query/page-token.ts";
import { createClients, protocols } from "../conformance/clients.ts";
import { restError, send } from "../conformance/http.ts";
import { startServer } from "../running-server.ts";
import { everyType, expected, noValue, times } from "./every-metric.ts";
import { buildMetrics, keyValues, otlpFromNanos } from "./otlp-builder.ts";

interface Exporter {
  readonly url: string;
  readonly exporter: Client<typeof MetricsService>;
  readonly reader: Client<typeof OtlpMetricService>;
}

async function start(environment: Readonly<Record<string, string>> = {}): Promise<Exporter> {
  const { url } = await startServer({ environment: { CYLESTIO_DURABILITY: "normal", ...environment } });
  const transport = createGrpcTransport({ baseUrl: url });
  return { url, exporter: createClient(MetricsService, transport), reader: createClient(OtlpMetricService, transport) };
}

interface RestPoints {
  readonly series: readonly (Readonly<Record<string, unknown>> & { readonly points: readonly unknown[] })[];
  readonly next_page_token: string;
}

async function get<Body>(url: string): Promise<Body> {
  const response = await fetch(url);
  expect(response.status).toBe(200);
  return (await response.json()) as Body;
}

describe("data points of every type", () => {
  test("are read back over REST and RPC as they were sent, and are there once when they come again", async () => {
    const { url, exporter, reader } = await start();
    for (let time = 0; time < 2; time += 1) expect((await exporter.export(everyType)).partialSuccess).toBeUndefined();
    for (const [name, series, point, value] of expected) {
      const body = await get<RestPoints>(`${url}/api/v1/otlp_metrics/${encodeURIComponent(name)}`);
      expect(body.next_page_token).toBe("");
      expect(body.series).toMatchObject([
        {
          name,
          agent_id: "tester",
          scope_name: "test-scope",
          scope_version: "1.0.0",
          attributes: { "gen_ai.token.type": "input", part: 0.5, yes: true },
          resource: { attributes: { "service.name": "tester" } },
          ...series,
        },
      ]);
      expect(body.series[0]?.points).toEqual([{ ...noValue, ...times, ...point }]);
      const { series: overRpc } = await reader.queryOtlpMetric({ name });
      expect(overRpc.flatMap((one) => one.points.map((point) => point.value))).toMatchObject([value]);
      expect(overRpc[0]?.attributesJson).toContain('"big":1152921504606846976');
      // All kinds of numbers are in it.
      for (const protocol of name === "latency" ? protocols : []) {
        expect((await createClients(protocol, url).otlpMetrics.queryOtlpMetric({ name })).series).toEqual(overRpc);
      }
    }
  });

  test("are listed as metrics, page by page", async () => {
    const { url, exporter } = await start();
    await exporter.export(everyType);
    await exporter.export(
      buildMetrics(
        [{ name: "memory", unit: "By", data: { case: "gauge", value: { dataPoints: [valueAt(1), valueAt(2)] } } }],
        { resource: { "service.name": "another" } },
      ),
    );
    const seen: unknown[] = [];
    let token = "";
    do {
      const path = `${url}/api/v1/otlp_metrics?page_size=2&page_token=${token}`;
      const page = await get<{ readonly metrics: readonly unknown[]; readonly next_page_token: string }>(path);
      expect(page.metrics.length).toBeLessThanOrEqual(2);
      seen.push(...page.metrics);
      token = page.next_page_token;
    } while (token !== "");
    expect(seen).toMatchObject(
      [...expected]
        .sort(([one], [other]) => (one < other ? -1 : 1))
        .map(([name]) => ({ name, agent_ids: name === "memory" ? ["another", "tester"] : ["tester"] })),
    );
    expect(await get(`${url}/api/v1/otlp_metrics?agent_id=another`)).toMatchObject({
      metrics: [
        {
          name: "memory",
          agent_ids: ["another"],
          series_count: 1,
          first_time: "2026-11-20T10:00:01Z",
          last_time: "2026-11-20T10:00:02Z",
        },
      ],
    });
  });

  test("count neither as agents nor as tokens", async () => {
    const { url, exporter } = await start();
    await exporter.export(everyType);
    expect(await get(`${url}/api/agents`)).toEqual([]);
    expect(await get(`${url}/api/v1/metrics/overview`)).toMatchObject({
      agent_count: 0,
      tokens: { call_count: 0, tokens: { input: null } },
      costs: { call_count: 0 },
    });
  });
});

function valueAt(second: number, value = second) {
  return { timeUnixNano: otlpFromNanos + BigInt(second) * 10n ** 9n, value: { case: "asDouble", value } as const };
}

describe("a bad point", () => {
  test("is rejected alone, and the first fault is named", async () => {
    const { url, exporter } = await start();
    const request = buildMetrics([
      { name: "", data: { case: "gauge", value: { dataPoints: [valueAt(1)] } } },
      {
        name: "good",
        data: {
          case: "gauge",
          value: { dataPoints: [valueAt(1), { timeUnixNano: 1n }, { timeUnixNano: 1n, flags: 1 }] },
        },
      },
      {
        name: "wide",
        data: {
          case: "histogram",
          value: {
            dataPoints: [
              { ...valueAt(1), bucketCounts: [1n], explicitBounds: [1] },
              { ...valueAt(1), bucketCounts: [1n, 1n], explicitBounds: [1] },
            ],
          },
        },
      },
      {
        name: "late",
        data: { case: "gauge", value: { dataPoints: [{ ...valueAt(1), timeUnixNano: 2n ** 64n - 1n }] } },
      },
    ]);
    expect((await exporter.export(request)).partialSuccess).toMatchObject({
      rejectedDataPoints: 4n,
      errorMessage: 'number 0 (""): name is required',
    });
    const { metrics } = await get<{ readonly metrics: readonly unknown[] }>(`${url}/api/v1/otlp_metrics`);
    expect(metrics).toMatchObject([{ name: "good" }, { name: "wide" }]);
    const good = await get<RestPoints>(`${url}/api/v1/otlp_metrics/good`);
    expect(good.series.flatMap(({ points }) => points)).toHaveLength(2);
    expect(await get(`${url}/`)).toMatchObject({
      ingest: { received_count: 0 },
      metric_points: { received_count: 7, stored_count: 3, rejected_count: 4, duplicate_count: 0, refused_count: 0 },
    });
  });
});

async function startFilled(): Promise<Exporter> {
  const started = await start();
  for (const [index, agent] of ["a", "b"].entries()) {
    for (const model of ["m1", "m2"]) {
      const dataPoints = [3, 1, 2].map((second) => ({
        ...valueAt(second, second + index * 10),
        attributes: keyValues({ model, turn: index, first: index === 0 }),
      }));
      await started.exporter.export(
        buildMetrics([{ name: "turns", data: { case: "gauge", value: { dataPoints } } }], {
          resource: { "service.name": agent },
          scopeName: `scope ${agent}`,
        }),
      );
    }
  }
  return started;
}
const secondsOf = ({ series }: RestPoints) =>
  series.flatMap(({ agent_id, points }) =>
    points.map((one) => `${String(agent_id)} ${(one as { readonly time: string }).time.slice(17, 19)}`),
  );

describe("points", () => {
  const questions: readonly (readonly [query: string, found: readonly string[]])[] = [
    ["agent_id=a&attribute=model%3Dm1", ["a 01", "a 02", "a 03"]],
    ["attribute=model=m2&attribute=turn=1", ["b 01", "b 02", "b 03"]],
    ["attribute=model=m2&attribute=first=true", ["a 01", "a 02", "a 03"]],
    ["attribute=model=m3", []],
    ["agent_id=nobody", []],
    ["scope_name=scope%20b&attribute=model=m1", ["b 01", "b 02", "b 03"]],
    ["attribute=model=m1&from_time=2026-11-20T10:00:02Z", ["a 02", "a 03", "b 02", "b 03"]],
    ["agent_id=b&to_time=2026-11-20T10:00:01Z", ["b 01", "b 01"]],
    ["from_time=9999-01-01T00:00:00Z", []],
    ["to_time=0001-01-01T00:00:00Z", []],
  ];

  test("are those that every filter lets through, series by series and the newest last", async () => {
    const { url } = await startFilled();
    for (const [query, found] of questions) {
      expect([query, secondsOf(await get(`${url}/api/v1/otlp_metrics/turns?${query}`))]).toEqual([query, found]);
      expect(secondsOf(await get(`${url}/api/v1/otlp_metrics/nothing?${query}`))).toEqual([]);
    }
  });

  test("come in pages without a gap or a repetition", async () => {
    const { reader } = await startFilled();
    for (const pageSize of [1, 2, 3, 5, 11, 12, 13]) {
      const values: unknown[] = [];
      let pages = 0;
      let pageToken = "";
      do {
        const page = await reader.queryOtlpMetric({ name: "turns", pageSize, pageToken });
        const points = page.series.flatMap((series) => series.points);
        expect(points.length).toBeLessThanOrEqual(pageSize);
        values.push(...points.map(({ value }) => value.value));
        pages += 1;
        pageToken = page.nextPageToken;
      } while (pageToken !== "");
      expect(values).toEqual([1, 2, 3, 1, 2, 3, 11, 12, 13, 11, 12, 13]);
      expect(pages).toBe(Math.ceil(12 / pageSize));
    }
  });

  test("are refused where the question is wrong, which names the field", async () => {
    const { url } = await startFilled();
    const { next_page_token: token } = await get<RestPoints>(`${url}/api/v1/otlp_metrics/turns?page_size=1`);
    expect(token).not.toBe("");
    const anything = {
      name: "turns",
      agentId: null,
      scopeName: null,
      fromMicros: null,
      toMicros: null,
      attributes: [],
    };
    const forged = createPageToken([1, "soon", "00"], ["otlp_metric_points", anything]);
    for (const [query, violation] of [
      ["attribute=model", "attributes FIELD_INVALID"],
      ["attribute==model", "attributes FIELD_INVALID"],
      [Array(21).fill("attribute=a=b").join("&"), "attributes FIELD_INVALID"],
      ["page_token=x", "page_token PAGE_TOKEN_INVALID"],
      [`page_token=${forged}`, "page_token PAGE_TOKEN_INVALID"],
      [`page_token=${token}&agent_id=a`, "page_token PAGE_TOKEN_INVALID"],
      ["page_size=-1", "page_size FIELD_INVALID"],
    ]) {
      const { status, fields } = restError(await send(url, `/api/v1/otlp_metrics/turns?${query}`));
      expect([query, status, fields]).toEqual([query, 400, [violation]]);
    }
  });
});

test("more points than the server may hold are refused for now", async () => {
  const { exporter } = await start({ CYLESTIO_IN_FLIGHT_MAX_EVENTS: "1" });
  const exportOne = (second: number) =>
    exporter.export(buildMetrics([{ name: "m", data: { case: "gauge", value: { dataPoints: [valueAt(second)] } } }]));
  const results = await Promise.allSettled(Array.from({ length: 20 }, (_, index) => exportOne(index)));
  const refused = results.filter(({ status }) => status === "rejected");
  expect(refused.length).toBeGreaterThan(0);
  expect(refused).toMatchObject(
    refused.map(() => ({ reason: { message: expect.stringContaining("[resource_exhausted]") } })),
  );
});
