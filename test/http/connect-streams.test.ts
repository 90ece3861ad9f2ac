import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createWritableIterable } from "@connectrpc/connect/protocol";
import { fastifyConnectPlugin } from "@connectrpc/connect-fastify";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import type { FastifyInstance } from "fastify";
import { describe, expect, test } from "vitest";
import { TelemetryService } from "../../gen/cylestio/v1/telemetry_service_pb.ts";
import { createRequestIdGenerator, sendRequestId } from "../../src/http/request-id.ts";
import { createApp, listen } from "./one-port-app.ts";

/** A telemetry service that answers each batch of a stream as it comes. */
async function registerService(app: FastifyInstance): Promise<void> {
  await app.register(fastifyConnectPlugin, {
    routes: (router) => {
      router.service(TelemetryService, {
        sendEvent: (request) => {
          if (request.event === undefined) {
            throw new ConnectError("event is missing", Code.InvalidArgument);
          }
          return { eventId: request.event.agentId };
        },
        async *streamEvents(requests) {
          for await (const { batchNumber } of requests) {
            yield { batchNumber };
          }
        },
      });
    },
  });
}

describe("Connect on the one port", () => {
  test("answers each message of a gRPC bidirectional stream before the next is sent, between HTTP/1.1 requests", async () => {
    const app = createApp();
    await registerService(app);
    const baseUrl = `http://127.0.0.1:${await listen(app)}`;
    const client = createClient(TelemetryService, createGrpcTransport({ baseUrl }));
    const http1 = createClient(TelemetryService, createConnectTransport({ baseUrl, httpVersion: "1.1" }));
    const batches = createWritableIterable<{ batchNumber: bigint }>();
    const answers = client.streamEvents(batches)[Symbol.asyncIterator]();

    for (const batchNumber of [1n, 2n, 3n]) {
      const [, answer, event] = await Promise.all([
        batches.write({ batchNumber }),
        answers.next(),
        http1.sendEvent({ event: { agentId: `agent-${batchNumber}` } }),
      ]);
      expect([answer.value?.batchNumber, event.eventId]).toEqual([batchNumber, `agent-${batchNumber}`]);
    }
    batches.close();

    expect((await answers.next()).done).toBe(true);
  });

  test("carries more calls of one gRPC client than its session takes at a time", async () => {
    const app = createApp({ sessionStreamsMax: 100 });
    await registerService(app);
    const baseUrl = `http://127.0.0.1:${await listen(app)}`;
    const client = createClient(TelemetryService, createGrpcTransport({ baseUrl }));

    const answers = await Promise.all(
      Array.from({ length: 400 }, (_, index) => client.sendEvent({ event: { agentId: `agent-${index}` } })),
    );

    expect(answers.map((answer) => answer.eventId)).toEqual(
      Array.from({ length: 400 }, (_, index) => `agent-${index}`),
    );
  });

  test("cuts a gRPC stream that does not end, so that the client sees an error and not an end", async () => {
    const app = createApp({ shutdownTimeoutMs: 50 });
    await registerService(app);
    const baseUrl = `http://127.0.0.1:${await listen(app)}`;
    const client = createClient(TelemetryService, createGrpcTransport({ baseUrl }));
    const batches = createWritableIterable<{ batchNumber: bigint }>();
    const answers = client.streamEvents(batches)[Symbol.asyncIterator]();
    await Promise.all([batches.write({ batchNumber: 1n }), answers.next()]);

    const next = answers.next();
    await Promise.all([expect(next).rejects.toThrow(ConnectError), app.close()]);
  });

  test("puts the request's id on replies and errors of Connect's routes", async () => {
    const app = createApp();
    app.setGenReqId(createRequestIdGenerator(() => "fresh"));
    app.addHook("onRequest", sendRequestId);
    await registerService(app);
    const baseUrl = `http://127.0.0.1:${await listen(app)}`;
    const client = createClient(TelemetryService, createGrpcTransport({ baseUrl }));

    let replied: string | null = null;
    const onHeader = (headers: Headers): void => {
      replied = headers.get("x-request-id");
    };
    await client.sendEvent({ event: { agentId: "a" } }, { headers: { "x-request-id": "mine" }, onHeader });
    const failed = await client.sendEvent({}, { headers: { "x-request-id": "mine-too" } }).catch(ConnectError.from);

    expect(replied).toBe("mine");
    expect(failed).toBeInstanceOf(ConnectError);
    expect(failed instanceof ConnectError && failed.metadata.get("x-request-id")).toBe("mine-too");
  });
});
