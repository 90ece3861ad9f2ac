import { setTimeout as sleep } from "node:timers/promises";
import { type ServiceError, status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { ExportMetricsServiceRequestSchema } from "../../gen/opentelemetry/proto/collector/metrics/v1/metrics_service_pb.ts";
import { ExportTraceServiceRequestSchema } from "../../gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import { getJson } from "../conformance/http.ts";
import { type Encoding, encode, encodings, type OtlpReply, postOtlp, statusOf } from "../otlp/http-exporter.ts";
import { buildSpans } from "../otlp/otlp-builder.ts";
import { buildPoints } from "../otlp/signals.ts";
import { detailsOf, GrpcJsClient } from "./grpc-js-client.ts";
import { killServer, openSite } from "./server-process.ts";

interface PointPage {
  readonly series: readonly { readonly points: readonly { readonly int_value: number }[] }[];
}

/** The numbers of the points that a server has, in their order. */
async function storedPoints(url: string): Promise<readonly number[]> {
  const { series } = await getJson<PointPage>(url, "/api/v1/otlp_metrics/m?page_size=1000");
  return series.flatMap(({ points }) => points.map((point) => point.int_value)).sort((one, other) => one - other);
}

/** Posts a point. Resolves to the reply where it was not taken. */
async function postPoint(url: string, number: number): Promise<OtlpReply | undefined> {
  const encoding = number % 2 === 0 ? "json" : "binary";
  const body = encode(ExportMetricsServiceRequestSchema, buildPoints([number]), encoding);
  const reply = await postOtlp(url, { path: "/v1/metrics", encoding, body });
  return reply.status === 200 ? undefined : reply;
}

/** Sends one item after the other, each until it is taken. Resolves to their number once there were refusals, and to these. */
async function sendUntilRefused<Refusal>(sendOne: (number: number) => Promise<Refusal | undefined>) {
  const refusals: Refusal[] = [];
  let number = 0;
  for (; refusals.length === 0; number += 1) {
    for (let refusal = await sendOne(number); refusal !== undefined; refusal = await sendOne(number)) {
      refusals.push(refusal);
      await sleep(20);
    }
  }
  return { number, refusals };
}

test("a database that cannot be written to makes exporters send again, and nothing is lost or doubled", async (context) => {
  const site = await openSite(context);
  const killable = { NODE_OPTIONS: `--import=${new URL("./kill-threads.ts", import.meta.url)}` };
  const server = await site.start({ environment: killable });
  const client = new GrpcJsClient(server.port);
  site.onEnd(() => client.close());
  const postOne = async (encoding: Encoding, number: number) => {
    const spanId = `${encoding === "json" ? "a" : "b"}${number}`.padStart(16, "0");
    const body = encode(ExportTraceServiceRequestSchema, buildSpans([{ spanId }]), encoding);
    const reply = await postOtlp(server.url, { encoding, body });
    return reply.status === 200 ? undefined : reply;
  };
  const callOne = async (number: number): Promise<ServiceError | undefined> => {
    const spanId = Buffer.alloc(8, 0xcc);
    spanId.writeUInt32BE(number);
    const span = { trace_id: Buffer.alloc(16, 1), span_id: spanId, name: "over gRPC" };
    const request = { resource_spans: [{ scope_spans: [{ spans: [span] }] }] };
    return client.call("opentelemetry.proto.collector.trace.v1.TraceService/Export", request).then(
      () => undefined,
      // The client says that it is one.
      (error: unknown) => error as ServiceError,
    );
  };

  const overHttp = encodings.map((encoding) => sendUntilRefused((number) => postOne(encoding, number)));
  const ofPoints = sendUntilRefused((number) => postPoint(server.url, number));
  const overGrpc = sendUntilRefused(callOne);
  await sleep(100);
  server.kill("SIGUSR2");
  const posted = await Promise.all(overHttp);
  const points = await ofPoints;
  const called = await overGrpc;

  for (const reply of [...posted, points].flatMap(({ refusals }) => refusals)) {
    expect([reply.status, reply.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(statusOf(reply)).toMatchObject({
      code: 14,
      details: [{ reason: "STORE_UNAVAILABLE" }, { retryDelay: "1s" }],
    });
  }
  for (const error of called.refusals) {
    expect(error.code).toBe(status.UNAVAILABLE);
    expect(detailsOf(error)).toMatchObject([
      { reason: "STORE_UNAVAILABLE" },
      { type: "google.rpc.RetryInfo", retry_delay: { seconds: 1 } },
    ]);
  }
  const sent = [...posted, called].reduce((sum, { number }) => sum + number, 0);
  const postedAgent = await getJson<{ event_count: number }>(server.url, "/api/agents/tester");
  const calledAgent = await getJson<{ event_count: number }>(server.url, "/api/agents/unknown_service");
  expect(postedAgent.event_count + calledAgent.event_count).toBe(sent);
  expect(await storedPoints(server.url)).toEqual(Array.from({ length: points.number }, (_, number) => number));
}, 30_000);

test("data points that were acknowledged are there when the server is killed, and once when all are sent again", async (context) => {
  const site = await openSite(context);
  const sent: number[] = [];
  const acknowledged: number[] = [];
  for (let round = 0; round < 2; round += 1) {
    const server = await site.start();
    const writers = Array.from({ length: 4 }, async () => {
      for (let number = sent.push(sent.length) - 1; ; number = sent.push(sent.length) - 1) {
        expect(await postPoint(server.url, number)).toBeUndefined();
        acknowledged.push(number);
      }
    });
    // One fails when the server is gone, and not before.
    const ended = Promise.allSettled(writers);
    const before = acknowledged.length;
    while (acknowledged.length < before + 50) await sleep(1);
    await killServer(server);
    await ended;
  }
  const { url } = await site.start();
  const found = new Set(await storedPoints(url));
  expect(acknowledged.filter((number) => !found.has(number))).toEqual([]);
  for (const number of sent) expect(await postPoint(url, number)).toBeUndefined();
  expect(await storedPoints(url)).toEqual(sent);
}, 60_000);
