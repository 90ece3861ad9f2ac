import { truncateSync } from "node:fs";
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { startServer } from "../running-server.ts";
import { callError, createClients, grpcClients, protocols, streamOf } from "./clients.ts";
import { restError, send, sendJson } from "./http.ts";
import { envelope, sendOverHttp2 } from "./raw.ts";

/*
 * Reasons that no request alone provokes: something has to happen to the server. One reason is left, CANCELLED: it is for a
 * client that has gone, and so never sees it; the tests of src/rest/request-body.ts and src/rpc/connect-error.ts know it.
 */

const event = { timestamp: "2025-06-01T08:00:00Z", agent_id: "agent", name: "tick" };

describe("STORE_UNAVAILABLE", () => {
  test("says over every protocol to try again, and when, while the database cannot be read", async () => {
    const { url, config } = await startServer();
    await sendJson(url, "/v1/telemetry", event);
    // As if the disk failed: what was written last is not there any more.
    truncateSync(`${config.databasePath}-wal`, 0);

    const reply = await send(url, "/api/agents");

    expect(restError(reply)).toMatchObject({
      status: 503,
      code: "unavailable",
      reasons: ["STORE_UNAVAILABLE"],
      hasRetryInfo: true,
    });
    expect(reply.headers.get("retry-after")).toBe("1");
    for (const protocol of protocols) {
      const error = await callError(createClients(protocol, url).agents.listAgents({}));
      expect({ protocol: protocol.name, ...error }).toMatchObject({
        protocol: protocol.name,
        code: "unavailable",
        reasons: ["STORE_UNAVAILABLE"],
        hasRetryInfo: true,
      });
    }
  });
});

describe("INTERNAL", () => {
  test("says nothing of the inside, on every protocol, where something is wrong that should not be", async () => {
    const { url, config } = await startServer();
    const database = new Database(config.databasePath);
    database.exec("alter table events rename to gone");
    database.close();
    const internal = { code: "internal", reasons: ["INTERNAL"], hasRetryInfo: false, message: "internal error" };

    for (const reply of [await send(url, "/api/events"), await sendJson(url, "/v1/telemetry", event)]) {
      expect(restError(reply)).toMatchObject({ status: 500, ...internal });
      expect(reply.text).not.toMatch(/sql|table|gone/i);
    }
    for (const protocol of protocols) {
      const error = await callError(createClients(protocol, url).events.listEvents({}));
      expect({ protocol: protocol.name, ...error }).toMatchObject({ protocol: protocol.name, ...internal });
    }
  });
});

describe("SHUTTING_DOWN", () => {
  test("ends a stream that waits for its client, so that it sends the rest elsewhere", async () => {
    const server = await startServer({ environment: { CYLESTIO_SHUTDOWN_TIMEOUT_MS: "100" } });
    const waiting = Promise.withResolvers<never>();
    async function* batches() {
      yield* streamOf({ batchNumber: 1n, events: [] });
      await waiting.promise;
    }
    const answers = grpcClients(server.url).telemetry.streamEvents(batches())[Symbol.asyncIterator]();
    expect((await answers.next()).value).toMatchObject({ batchNumber: 1n });

    const ended = callError(answers.next());
    await server.close();

    expect(await ended).toMatchObject({ code: "unavailable", reasons: ["SHUTTING_DOWN"], hasRetryInfo: true });
  });
});

describe("DEADLINE_EXCEEDED", () => {
  test.for([
    ["application/grpc", { "grpc-timeout": "20m" }],
    ["application/connect+proto", { "connect-timeout-ms": "20" }],
  ] as const)("ends a stream that outlasts its deadline: %s", async ([contentType, timeout]) => {
    const { url } = await startServer();
    const headers = {
      ":method": "POST",
      ":path": "/cylestio.v1.TelemetryService/StreamEvents",
      "content-type": contentType,
      te: "trailers",
      ...timeout,
    };

    const { text, trailers } = await sendOverHttp2(url, headers, { body: envelope(Buffer.alloc(0)), keepOpen: true });

    const details = Buffer.from(String(trailers["grpc-status-details-bin"]), "base64").toString();
    expect(text + details).toContain("DEADLINE_EXCEEDED");
    expect(`${text} ${trailers["grpc-status"]}`).toMatch(/"code":"deadline_exceeded"| 4$/);
  });
});
