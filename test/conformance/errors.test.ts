import { describe, expect, test } from "vitest";
import { ErrorReasonSchema } from "../../gen/cylestio/v1/error_reason_pb.ts";
import { errorKinds } from "../../src/model/error.ts";
import { startServer } from "../running-server.ts";
import { callError, createClients, protocols } from "./clients.ts";
import { getJson, parseBody, restError, send, sendJson } from "./http.ts";
import { sendOverHttp2 } from "./raw.ts";
import { refusals } from "./refusals.ts";

const contractReasons = ErrorReasonSchema.values
  .map(({ name }) => name.replace("ERROR_REASON_", ""))
  .filter((name) => name !== "UNSPECIFIED");

test("the reasons of the server are those of the contract", () => {
  expect(Object.keys(errorKinds).sort()).toEqual([...contractReasons].sort());
});

/** What holds for each of these: trying again does not help. */
const always = {
  hasRetryInfo: false,
  metadata: expect.any(Object),
  requestId: expect.any(String),
  message: expect.stringMatching(/./),
};

describe("refuses", () => {
  test("unknown things and wrong fields, with one ErrorInfo each, over every protocol", async () => {
    const { url } = await startServer();

    for (const protocol of protocols) {
      const clients = createClients(protocol, url);
      const errors = await Promise.all(
        refusals.map(async ({ what, call }) => ({ what, ...(await callError(call(clients))) })),
      );
      expect({ protocol: protocol.name, errors }).toEqual({
        protocol: protocol.name,
        errors: refusals.map(({ what, code, reason, fields }) => ({
          what,
          code,
          reasons: [reason],
          fields,
          ...always,
        })),
      });
    }
  });

  test("the same over REST", async () => {
    const { url } = await startServer();

    const errors: unknown[] = [];
    for (const { what, path } of refusals) errors.push({ what, ...restError(await send(url, path)) });

    expect(errors).toEqual(
      refusals.map(({ what, status, code, reason, fields }) => {
        return { what, status, code, reasons: [reason], fields, ...always };
      }),
    );
  });

  test("the lack of a name, under what each protocol calls it", async () => {
    const { url } = await startServer();

    for (const protocol of protocols) {
      const { events, telemetry } = createClients(protocol, url);
      const errors = [
        await callError(events.listAgentEventsByName({ agentId: "a" })),
        await callError(telemetry.sendEvent({})),
      ];
      const fields = errors.map((error) => error.fields);
      expect([protocol.name, ...fields]).toEqual([protocol.name, ["name FIELD_REQUIRED"], ["event FIELD_REQUIRED"]]);
    }
    expect(restError(await send(url, "/api/events/a//")).fields).toEqual(["event_type FIELD_REQUIRED"]);
  });

  test("the bad dates of a query by their names", async () => {
    const { url } = await startServer();
    const bad = [
      "yesterday",
      "2025-02-30",
      "2025-13-01",
      "1742289300",
      "2025-03-18T25:00:00",
      "2025-03-18T09:15:00 2:00",
    ];

    for (const field of ["from_time", "to_time"]) {
      for (const text of bad) {
        for (const path of ["/api/events", "/api/events/a", "/api/events/a/b", "/api/metrics/a/latency"]) {
          const error = restError(await send(url, `${path}?${field}=${encodeURIComponent(text)}`));
          expect({ path, text, ...error }).toMatchObject({
            path,
            text,
            status: 400,
            fields: [`${field} TIME_INVALID`],
          });
        }
      }
    }
  });

  test("times that no message can hold by their names", async () => {
    const { url } = await startServer();
    const time = { seconds: 253_402_300_800n };

    for (const protocol of protocols.filter(({ name }) => !name.includes("JSON"))) {
      const { events, metrics } = createClients(protocol, url);
      const errors = [
        await callError(events.listEvents({ fromTime: time })),
        await callError(metrics.getLatency({ agentId: "a", toTime: time })),
      ];
      expect(errors.map(({ fields }) => fields)).toEqual([["from_time TIME_INVALID"], ["to_time TIME_INVALID"]]);
    }
  });

  test("what is no number in a query, under the name that was used", async () => {
    const { url } = await startServer();
    const numbers = ["page_size=x", "page_size=1.5", "page_size=2147483648", "limit=ten", "offset=1e3", "skip=-"];

    for (const query of [...numbers, "page_size=%20"]) {
      const error = restError(await send(url, `/api/events?${query}`));
      const field = query.split("=")[0] ?? "";
      expect({ query, ...error }).toMatchObject({ query, status: 400, fields: [`${field} FIELD_INVALID`] });
    }
  });

  test("an attributes format that is none", async () => {
    const { url } = await startServer();

    const error = restError(await send(url, "/api/events?attributes_format=XML"));

    expect(error).toMatchObject({ status: 400, fields: ["attributes_format FIELD_INVALID"] });
  });

  test("a page token that was changed in any place, and one of another query", async () => {
    const { url } = await startServer();
    const events = ["a", "b", "c"].map((agent_id, index) => ({
      timestamp: `2025-04-10T08:00:0${index}Z`,
      agent_id,
      name: "tick",
    }));
    await sendJson(url, "/v1/telemetry/batch", events);
    const link = (await send(url, "/api/events?limit=1")).headers.get("link") ?? "";
    const token = /page_token=([\w-]+)/.exec(link)?.[1] ?? "";
    expect(await getJson(url, `/api/events?page_token=${token}`)).toHaveLength(2);

    for (let index = 0; index < token.length; index += 1) {
      const changed = `${token.slice(0, index)}${token[index] === "A" ? "Q" : "A"}${token.slice(index + 1)}`;
      const error = restError(await send(url, `/api/events?page_token=${changed}`));
      expect({ changed, ...error }).toMatchObject({ changed, status: 400, reasons: ["PAGE_TOKEN_INVALID"] });
    }
    for (const changed of [`${token}A`, `${token}=`, ` ${token}`, token.slice(0, -1), token.toLowerCase()]) {
      const error = restError(await send(url, `/api/events?page_token=${changed}`));
      expect({ changed, ...error }).toMatchObject({ changed, status: 400, reasons: ["PAGE_TOKEN_INVALID"] });
    }
    for (const path of ["/api/events?sort=asc&", "/api/events?agent_id=a&", "/api/events/a?", "/api/agents?"]) {
      const error = restError(await send(url, `${path}page_token=${token}`));
      expect({ path, ...error }).toMatchObject({ path, status: 400, reasons: ["PAGE_TOKEN_INVALID"] });
    }
  });

  test("nothing for an agent that never reported where it is only a filter", async () => {
    const { url } = await startServer();

    expect(await getJson(url, "/api/events?agent_id=nobody")).toEqual([]);
    expect(await getJson(url, "/api/events?session_id=none")).toEqual([]);
    expect(await getJson(url, "/api/agents")).toEqual([]);
  });
});

describe("a REST error", () => {
  test("has the fields that every existing client reads", async () => {
    const { url } = await startServer();

    const reply = await send(url, "/api/agents/nobody", { headers: { "x-request-id": "mine" } });

    const message = "Agent with ID 'nobody' not found";
    expect(reply.headers.get("content-type")).toBe("application/json; charset=utf-8");
    expect(parseBody(reply)).toEqual({
      error: {
        code: "not_found",
        message,
        reason: "AGENT_NOT_FOUND",
        request_id: "mine",
        details: [
          {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            reason: "AGENT_NOT_FOUND",
            domain: "cylestio.dev",
            metadata: { agent_id: "nobody" },
          },
        ],
      },
      message,
      detail: message,
    });
  });
});

describe("the request id", () => {
  test("of the client comes back on answers and errors over every protocol, else there is a new one", async () => {
    const { url } = await startServer();
    const generated: unknown[] = [];

    for (const protocol of protocols) {
      const { agents, status } = createClients(protocol, url);
      const ids: (string | null)[] = [];
      const onHeader = (headers: Headers) => ids.push(headers.get("x-request-id"));
      await status.getStatus({}, { headers: { "x-request-id": "req-1.a:b_C" }, onHeader });
      await status.getStatus({}, { headers: { "x-request-id": "not sane" }, onHeader });
      await status.getStatus({}, { onHeader });
      const known = await callError(agents.getAgent({ agentId: "x" }, { headers: { "x-request-id": "req-2" } }));
      const fresh = await callError(agents.getAgent({ agentId: "x" }));
      expect([protocol.name, ids[0], known.requestId]).toEqual([protocol.name, "req-1.a:b_C", "req-2"]);
      generated.push(ids[1], ids[2], fresh.requestId);
    }

    expect(new Set(generated).size).toBe(3 * protocols.length);
    expect(generated.filter((id) => !/^[0-9a-f-]{36}$/.test(String(id)))).toEqual([]);
  });

  test("comes back over REST and on what is refused before any handler", async () => {
    const { url } = await startServer();
    const headers = { "x-request-id": "mine" };
    const connectPath = "/cylestio.v1.TelemetryService/SendEvents";

    const replies = [
      await send(url, "/api/agents", { headers }),
      await send(url, "/nowhere", { headers }),
      await send(url, "/api/agents", { headers, method: "DELETE" }),
      await sendJson(url, "/v1/telemetry", "{", { headers }),
      await send(url, "/v1/telemetry", { headers, method: "POST", body: "text" }),
      await sendJson(url, connectPath, "{", { headers }),
      await send(url, connectPath, { headers }),
      await send(url, connectPath, { headers, method: "POST", body: "text" }),
    ];

    expect(replies.map((reply) => [reply.status, reply.headers.get("x-request-id")])).toEqual(
      [200, 404, 405, 400, 415, 400, 405, 415].map((status) => [status, "mine"]),
    );
    const { headers: answered } = await sendOverHttp2(url, { ":path": "/", ...headers });
    expect(answered["x-request-id"]).toBe("mine");
  });
});
