import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { describe, expect, test } from "vitest";
import { DiagnosticsService } from "../../gen/cylestio/v1/diagnostics_service_pb.ts";
import { TraceService } from "../../gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import { startServer } from "../running-server.ts";
import { buildSpans } from "./otlp-builder.ts";

describe("why something is missing", () => {
  test("is told by instrumentation over REST and RPC, and once to the exporter", async () => {
    const { url } = await startServer();
    const transport = createGrpcTransport({ baseUrl: url });
    const exporter = createClient(TraceService, transport);
    const request = buildSpans(
      [
        {
          spanId: "00f067aa0ba902b7",
          name: "chat",
          attributes: {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "openai",
            "gen_ai.usage.prompt_tokens": 5,
            "gen_ai.usage.completions": 7,
            "gen_ai.usage.cache_read.input_tokens": 9,
          },
        },
      ],
      { scopeName: "home-made", scopeVersion: "0.1" },
    );
    const { partialSuccess } = await exporter.export(request);
    expect(partialSuccess?.rejectedSpans).toBe(0n);
    expect(partialSuccess?.errorMessage).toContain("home-made: session: set gen_ai.conversation.id");
    expect((await exporter.export(request)).partialSuccess).toBeUndefined();

    const answer = await fetch(`${url}/api/v1/ingest/diagnostics`);
    const scope = {
      scope_name: "home-made",
      scope_version: "0.1",
      signal: "span",
      received_count: 2,
      examined_count: 2,
      deprecated_attributes: [
        { attribute: "gen_ai.system", count: 2 },
        { attribute: "gen_ai.usage.prompt_tokens", count: 2 },
      ],
      unknown_attributes: [{ attribute: "gen_ai.usage.completions", count: 2 }],
      token_counting: [{ part: "caches", counted: "apart", count: 2 }],
    };
    expect(await answer.json()).toMatchObject({ scopes: [scope] });
    const { scopes } = await createClient(DiagnosticsService, transport).getIngestDiagnostics({});
    expect(scopes[0]?.fields).toContainEqual(
      expect.objectContaining({ field: "inputTokens", attribute: "gen_ai.usage.prompt_tokens", count: 2n }),
    );
    expect(scopes[0]?.hints.map(({ text }) => text)).toContain("cost: no model told, set gen_ai.request.model");
  });

  test("is nothing before anything came", async () => {
    const { url } = await startServer();
    expect(await (await fetch(`${url}/api/v1/ingest/diagnostics`)).json()).toEqual({ scopes: [] });
  });
});
