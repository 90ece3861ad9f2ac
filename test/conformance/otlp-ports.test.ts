import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { type AddressInfo, createServer } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { ExportTraceServiceRequestSchema } from "../../gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import { freePorts } from "../http/one-port-app.ts";
import { exporters } from "../otlp/exporters.ts";
import { encode, postOtlp } from "../otlp/http-exporter.ts";
import { buildSpans } from "../otlp/otlp-builder.ts";
import { signals } from "../otlp/signals.ts";
import { startServer } from "../running-server.ts";
import { getJson, send } from "./http.ts";
import { sendOverSocket } from "./raw.ts";

const body = encode(ExportTraceServiceRequestSchema, buildSpans([{ spanId: "00f067aa0ba902b7" }]), "json");

async function startWithPorts(environment: Record<string, string> = {}) {
  const [grpc, http] = await freePorts(2);
  const server = await startServer({
    environment: { CYLESTIO_OTLP_GRPC_PORT: String(grpc), CYLESTIO_OTLP_HTTP_PORT: String(http), ...environment },
  });
  return { ...server, others: [`http://127.0.0.1:${grpc}`, `http://127.0.0.1:${http}`] };
}

describe("the ports of OpenTelemetry", () => {
  test("answer all that the one port answers, each", async () => {
    const { url, others } = await startWithPorts();
    for (const other of others) {
      for (const [index, exporter] of exporters.entries()) {
        const spanId = `${index + 1}${new URL(other).port}`.padStart(16, "0");
        expect([exporter.name, await exporter.exportSpans(other, buildSpans([{ spanId }]))]).toEqual([
          exporter.name,
          {},
        ]);
      }
      expect(await getJson(other, "/api/agents")).toHaveLength(1);
    }
    expect(await getJson(url, "/api/events?limit=100")).toHaveLength(2 * exporters.length);
  });

  test("refuse foreign hosts", async () => {
    const { others } = await startWithPorts();
    for (const other of others) {
      const answer = await sendOverSocket(
        other,
        "GET /api/agents HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
      );
      expect(answer).toMatch(/^HTTP\/1\.1 403 /);
    }
  });

  test("are closed with the server, and what is in flight on them is answered first", async () => {
    const { others, close } = await startWithPorts({ CYLESTIO_SHUTDOWN_TIMEOUT_MS: "60000" });
    const [grpc = "", http = ""] = others;
    const idle = connectHttp2(grpc);
    onTestFinished(() => idle.destroy());
    await once(idle, "remoteSettings");
    const session = connectHttp2(http);
    onTestFinished(() => session.destroy());
    const headers = { ":method": "POST", ":path": "/v1/traces", "content-type": "application/json" };
    const stream = session.request(headers, { endStream: false });
    stream.write(body.slice(0, 10));
    await once(session, "remoteSettings");
    // An answer to a later request shows that the server has the first.
    const ping = session.request({ ":path": "/api/agents" });
    ping.resume();
    await once(ping, "response");

    const closed = close();
    await once(idle, "close");
    stream.end(body.slice(10));
    const [answer] = await once(stream, "response");

    expect(answer[":status"]).toBe(200);
    stream.resume();
    await closed;
    for (const other of others) await expect(fetch(other)).rejects.toThrow("fetch failed");
  });

  test("are cut at the deadline like the other", async () => {
    const { others, close } = await startWithPorts({ CYLESTIO_SHUTDOWN_TIMEOUT_MS: "100" });
    const session = connectHttp2(others[0] ?? "");
    session.on("error", () => undefined);
    const stream = session.request({ ":method": "POST", ":path": "/v1/traces", "content-type": "application/json" });
    stream.on("error", () => undefined);
    stream.write("{");
    await once(session, "remoteSettings");
    const cut = once(session, "close");
    await close();
    await cut;
    expect(session.destroyed).toBe(true);
  });

  test.each(["CYLESTIO_OTLP_GRPC_PORT", "CYLESTIO_OTLP_HTTP_PORT"])("are said where %s is taken", async (name) => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    onTestFinished(() => void taken.close());
    const { port } = taken.address() as AddressInfo;
    await expect(startServer({ environment: { [name]: String(port) } })).rejects.toThrow(
      `cannot listen on port ${port} of 127.0.0.1: another program listens there`,
    );
  });

  test("are on every address of `localhost`", async () => {
    const [port = 0] = await freePorts(1);
    const environment = { CYLESTIO_HOST: "localhost", CYLESTIO_OTLP_HTTP_PORT: String(port) };
    await startServer({ environment });
    expect((await postOtlp(`http://127.0.0.1:${port}`, { encoding: "json", body })).status).toBe(200);
    expect((await postOtlp(`http://localhost:${port}`, { encoding: "json", body })).status).toBe(200);
  });
});

describe("a page of another origin", () => {
  const origin = "http://localhost:3000";
  const preflight = (url: string, path: string, headers: string) =>
    send(url, path, {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": headers },
    });
  const exporterHeaders = "content-type,content-encoding,authorization,x-api-key,x-otlp-api-key,traceparent,tracestate";

  test("may send telemetry where its origin is set, with the headers of exporters", async () => {
    const { url } = await startServer({ environment: { CYLESTIO_CORS_ORIGINS: origin } });
    for (const { path } of signals) {
      const { status, headers } = await preflight(url, path, exporterHeaders);
      expect([status, headers.get("access-control-allow-origin")]).toEqual([204, origin]);
      const allowed = headers.get("access-control-allow-headers")?.split(", ");
      expect(allowed).toEqual(expect.arrayContaining(exporterHeaders.split(",")));
      expect(headers.get("access-control-allow-methods")).toContain("POST");
    }
    const reply = await postOtlp(url, { encoding: "json", headers: { origin }, body });
    expect([reply.status, reply.headers.get("access-control-allow-origin")]).toEqual([200, origin]);
    // It can also read why it was refused, and when to come again.
    const refused = await postOtlp(url, { encoding: "json", headers: { origin }, body: "{" });
    expect([refused.status, refused.headers.get("access-control-allow-origin")]).toEqual([400, origin]);
    expect(refused.headers.get("access-control-expose-headers")).toContain("retry-after");
  });

  test("may not where no origin is set", async () => {
    const { url } = await startServer();
    const { status, headers } = await preflight(url, "/v1/traces", exporterHeaders);
    expect([status, headers.get("access-control-allow-origin")]).toEqual([405, null]);
  });
});
