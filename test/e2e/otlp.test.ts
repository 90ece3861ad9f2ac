import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { ExportTraceServiceRequestSchema } from "../../gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import { encode, encodings, postOtlp, statusOf } from "../otlp/http-exporter.ts";
import { buildSpans } from "../otlp/otlp-builder.ts";
import { detailsOf, GrpcJsClient } from "./grpc-js-client.ts";
import { openSite } from "./server-process.ts";
import { holdWriteLock } from "./write-lock.ts";

test("a database that cannot be written to makes exporters send again, and nothing is lost or doubled", async (context) => {
  const site = await openSite(context);
  const server = await site.start();
  const client = new GrpcJsClient(server.port);
  site.onEnd(() => client.close());
  const bodies = encodings.map((encoding, index) => {
    const request = buildSpans([{ spanId: `00f067aa0ba902b${index}` }]);
    return { encoding, body: encode(ExportTraceServiceRequestSchema, request, encoding) };
  });
  const span = { trace_id: Buffer.alloc(16, 1), span_id: Buffer.alloc(8, 1), name: "over gRPC" };
  const request = { resource_spans: [{ scope_spans: [{ spans: [span] }] }] };
  const callOver = () => client.call("opentelemetry.proto.collector.trace.v1.TraceService/Export", request);

  const release = await holdWriteLock(site);
  const [error, ...replies] = await Promise.all([
    callOver().catch((error: unknown) => error),
    ...bodies.map((body) => postOtlp(server.url, body)),
  ]);
  await release();

  expect(error).toMatchObject({ code: status.UNAVAILABLE });
  // It is grpc-js's own error: the line above has seen its code.
  expect(detailsOf(error as Parameters<typeof detailsOf>[0])).toMatchObject([
    { reason: "STORE_UNAVAILABLE" },
    { type: "google.rpc.RetryInfo", retry_delay: { seconds: 1 } },
  ]);
  for (const reply of replies) {
    expect([reply.status, reply.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(statusOf(reply)).toMatchObject({
      code: 14,
      details: [{ reason: "STORE_UNAVAILABLE" }, { retryDelay: "1s" }],
    });
  }
  await server.logged("events can be stored again");
  for (let time = 0; time < 2; time += 1) {
    await callOver();
    for (const body of bodies) expect((await postOtlp(server.url, body)).status).toBe(200);
  }
  expect(await (await fetch(`${server.url}/api/events`)).json()).toHaveLength(3);
});
