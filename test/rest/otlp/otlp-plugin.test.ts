import { createClient, createServiceImplSpec, type ServiceImpl } from "@connectrpc/connect";
import { fastifyConnectPlugin } from "@connectrpc/connect-fastify";
import { createGrpcTransport } from "@connectrpc/connect-node";
import type { FastifyInstance } from "fastify";
import { describe, expect, test } from "vitest";
import { StatusService } from "../../../gen/cylestio/v1/status_service_pb.ts";
import {
  ExportTraceServiceRequestSchema,
  TraceService,
} from "../../../gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import { createOnePortServer } from "../../../src/http/one-port-server.ts";
import { type ErrorReason, errorKinds, TelemetryError } from "../../../src/model/error.ts";
import { otlpPlugin } from "../../../src/rest/otlp/otlp-plugin.ts";
import { createErrorInterceptor } from "../../../src/rpc/connect-error.ts";
import { callError } from "../../conformance/clients.ts";
import { encode, encodings, postOtlp, statusOf } from "../../otlp/http-exporter.ts";
import { buildSpans } from "../../otlp/otlp-builder.ts";
import { startTestServer } from "../test-server.ts";

type Implementation = ServiceImpl<typeof TraceService>;

/** A server that has traces over HTTP and gRPC, as the composition root would put them together. */
async function start(implementation: Implementation, addHooks: (app: FastifyInstance) => void = () => undefined) {
  const interceptors = [createErrorInterceptor({ onInternalError: () => undefined })];
  const service = createServiceImplSpec<typeof TraceService>(TraceService, implementation);
  return startTestServer(
    async (app) => {
      addHooks(app);
      await app.register(fastifyConnectPlugin, {
        routes: (router) => router.service(TraceService, implementation),
        interceptors,
      });
      await app.register(otlpPlugin, {
        signals: [{ path: "/v1/traces", service }],
        interceptors,
        bodyMaxBytes: 10_000,
      });
    },
    { serverFactory: (handler) => createOnePortServer(handler) },
  );
}

function refusing(refusal: () => unknown): Implementation {
  return {
    export() {
      throw refusal();
    },
  };
}

const spans = buildSpans([{ spanId: "00f067aa0ba902b7" }]);
const bodies = encodings.map((encoding) => ({
  encoding,
  body: encode(ExportTraceServiceRequestSchema, spans, encoding),
}));

/** What the specification lets clients send again, by HTTP status. */
const retryableStatuses: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** The codes of gRPC likewise; `resource_exhausted` only with RetryInfo. */
const retryableCodes: ReadonlySet<string> = new Set(["canceled", "deadline_exceeded", "unavailable"]);

describe("an error", () => {
  test.each(Object.entries(errorKinds))("%s tells clients by HTTP whether to try again", async (reason, kind) => {
    const { url } = await start(
      refusing(() => new TelemetryError(reason as ErrorReason, "no", { retryDelayMs: 2_500 })),
    );
    for (const { encoding, body } of bodies) {
      const reply = await postOtlp(url, { encoding, body });
      const status = statusOf(reply);
      expect(reply.status).toBe(kind.httpStatus);
      expect(status).toMatchObject({ code: expect.any(Number), message: "no" });
      expect(status.details[0]).toMatchObject({ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason });
      expect(retryableStatuses.has(reply.status)).toBe(kind.retryable);
      expect(reply.headers.get("retry-after")).toBe(kind.retryable ? "3" : null);
      const retryInfo = { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "2.500s" };
      expect(status.details.filter((detail) => detail["@type"].endsWith("RetryInfo"))).toEqual(
        kind.retryable ? [retryInfo] : [],
      );
    }
  });

  test.each(Object.entries(errorKinds))("%s tells clients by gRPC likewise", async (reason, kind) => {
    const { url } = await start(refusing(() => new TelemetryError(reason as ErrorReason, "no")));
    const error = await callError(createClient(TraceService, createGrpcTransport({ baseUrl: url })).export(spans));
    expect(error).toMatchObject({ reasons: [reason], message: "no", hasRetryInfo: kind.retryable });
    const isRetried = retryableCodes.has(error.code) || (error.code === "resource_exhausted" && error.hasRetryInfo);
    // Who cancels does not wait for an answer.
    expect(isRetried).toBe(kind.retryable || reason === "CANCELLED");
  });

  test("that nobody foresaw says nothing of the inside", async () => {
    const { url } = await start(refusing(() => new Error("secret")));
    for (const { encoding, body } of bodies) {
      const reply = await postOtlp(url, { encoding, body });
      expect([reply.status, statusOf(reply).message]).toEqual([500, "internal error"]);
    }
  });

  test("of a field names it", async () => {
    const violation = { field: "name", reason: "FIELD_REQUIRED", message: "is missing" } as const;
    const { url } = await start(
      refusing(() => new TelemetryError("FIELD_REQUIRED", "no", { violations: [violation] })),
    );
    for (const { encoding, body } of bodies) {
      expect(statusOf(await postOtlp(url, { encoding, body })).details).toMatchObject([
        { reason: "FIELD_REQUIRED" },
        { fieldViolations: [{ field: "name", description: "is missing", reason: "FIELD_REQUIRED" }] },
      ]);
    }
  });
});

test("what comes in while the server closes is to be sent again, also where a hook of the root refuses it", async () => {
  const holding = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const { app, url } = await start({ export: () => ({}) }, (app) => {
    // After the hook that begins to refuse, and before the port is closed.
    app.addHook("preClose", async () => {
      holding.resolve();
      await released.promise;
    });
  });
  const closed = app.close();
  await holding.promise;
  for (const { encoding, body } of bodies) {
    const reply = await postOtlp(url, { encoding, body });
    expect([reply.status, reply.headers.get("retry-after"), statusOf(reply).code]).toEqual([503, "1", 14]);
  }
  released.resolve();
  await closed;
});

test("a service without a method for telemetry is refused at the start", async () => {
  const service = createServiceImplSpec<typeof StatusService>(StatusService, {});
  await expect(
    startTestServer((app) =>
      app.register(otlpPlugin, { signals: [{ path: "/x", service }], interceptors: [], bodyMaxBytes: 1 }),
    ),
  ).rejects.toThrow("cylestio.v1.StatusService has no method");
});
