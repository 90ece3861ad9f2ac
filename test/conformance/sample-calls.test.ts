import { describe, expect, test } from "vitest";
import type { LlmCall } from "../../gen/cylestio/v1/llm_call_pb.ts";
import { startServer } from "../running-server.ts";
import expected from "../samples/expected.json" with { type: "json" };
import { readSampleEvents } from "../samples.ts";
import { type Clients, grpcClients } from "./clients.ts";
import { microsFrom } from "./dump.ts";
import { getJson, parseBody, restError, send, sendJson } from "./http.ts";

/*
 * Sessions, traces, calls and alerts of both samples, over gRPC and over REST.
 */

const files = ["legacy-events.json", "v1-events.json"] as const;

async function startFilledServer(...names: readonly (typeof files)[number][]) {
  const { url } = await startServer({ environment: { CYLESTIO_DURABILITY: "normal" } });
  for (const name of names) {
    expect((await sendJson(url, "/api/v1/telemetry/batch", readSampleEvents(name))).status).toBe(202);
  }
  return { url, clients: grpcClients(url) };
}

interface RestSession extends Readonly<Record<string, unknown>> {
  readonly agent_id: string;
  readonly session_id: string;
  readonly event_count: number;
  readonly start_time: string;
  readonly end_time: string;
}

interface RestList<Item> extends Readonly<Record<string, unknown>> {
  readonly next_page_token: string;
  readonly items: readonly Item[];
}

/** All items of a list over REST, in pages that are much smaller than the whole. */
async function restList<Item>(url: string, name: string, query = ""): Promise<readonly Item[]> {
  const items: Item[] = [];
  let token = "";
  do {
    const page = await getJson<RestList<Item>>(url, `/api/v1/${name}?page_size=4&page_token=${token}${query}`);
    // The items are the member that the list is named for.
    items.push(...(page[name] as readonly Item[]));
    token = page.next_page_token;
  } while (token !== "");
  return items;
}

async function allLlmCalls({ llmCalls }: Clients): Promise<readonly LlmCall[]> {
  return (await llmCalls.listLlmCalls({ pageSize: 1000 })).llmCalls;
}

const microsOf = (time: { readonly seconds: bigint; readonly nanos: number } | undefined) =>
  time === undefined ? null : Number(time.seconds) * 1e6 + time.nanos / 1000;

const bySession = (a: { readonly session: string }, b: { readonly session: string }) =>
  a.session < b.session ? -1 : 1;

const sum = (numbers: readonly (number | bigint | undefined)[]) =>
  numbers.reduce<number>((total, number) => total + Number(number ?? 0), 0);

describe.each(files)("%s", (file) => {
  const known = expected[file];

  test("gives the known sessions", async () => {
    const { url, clients } = await startFilledServer(file);
    const sessions = known.sessions
      .map(({ first, last, ...rest }) => ({ ...rest, first: microsFrom(first), last: microsFrom(last) }))
      .sort(bySession);

    const overRest = (await restList<RestSession>(url, "sessions")).map((session) => ({
      agent: session.agent_id,
      session: session.session_id,
      events: session.event_count,
      first: microsFrom(session.start_time),
      last: microsFrom(session.end_time),
    }));
    const overGrpc = (await clients.sessions.listSessions({})).sessions.map((session) => ({
      agent: session.agentId,
      session: session.sessionId,
      events: Number(session.eventCount),
      first: microsOf(session.startTime),
      last: microsOf(session.endTime),
    }));

    const starts = overRest.map(({ first }) => first);
    expect(starts).toEqual([...starts].sort((a, b) => b - a));
    expect(overRest.sort(bySession)).toEqual(sessions);
    expect(overGrpc.sort(bySession)).toEqual(sessions);
  });

  test("gives the known calls and tokens by model, each call once", async () => {
    const { clients } = await startFilledServer(file);
    const counted = (await allLlmCalls(clients)).filter(({ counted, status }) => counted && status === "ok");

    const byModel = Map.groupBy(counted, ({ usedModel, requestedModel }) => usedModel ?? requestedModel);
    byModel.delete(undefined);

    const found = [...byModel].map(([model, calls]) => ({
      model,
      calls: calls.length,
      input: sum(calls.map(({ tokens }) => tokens?.input)),
      output: sum(calls.map(({ tokens }) => tokens?.output)),
    }));
    const wanted = known.models.map(({ model, calls, input, output }) => ({ model, calls, input, output }));
    expect(new Set(found)).toEqual(new Set(wanted));
    const { sessions } = await clients.sessions.listSessions({ pageSize: 1000 });
    const tokens = sessions.map((session) => session.tokens);
    expect({
      input: sum(tokens.map((usage) => usage?.input)),
      output: sum(tokens.map((usage) => usage?.output)),
      total: sum(tokens.map((usage) => usage?.total)),
    }).toEqual({ input: known.totals.input, output: known.totals.output, total: known.totals.total });
  });

  test("says of every cost what it was reckoned with", async () => {
    const { clients } = await startFilledServer(file);
    const priced = (await allLlmCalls(clients)).filter(({ costUsd }) => costUsd !== undefined);

    expect(priced.length).toBeGreaterThan(0);
    for (const { price, tokens, costUsd } of priced) {
      const { prices, source, tableVersion } = price ?? {};
      expect([source, tableVersion]).toEqual([expect.stringMatching(/./), expect.stringMatching(/./)]);
      const cost = Number(tokens?.input) * (prices?.input ?? 0) + Number(tokens?.output) * (prices?.output ?? 0);
      expect(costUsd).toBeCloseTo(cost / 1e6, 12);
    }
  });

  test("has every session with its timeline, every call by its id, and every trace with its operations", async () => {
    const { url, clients } = await startFilledServer(file);

    const sessions = await restList<RestSession>(url, "sessions");
    const timelines: unknown[] = [];
    for (const { agent_id, session_id } of sessions) {
      const { timeline } = await clients.sessions.getSession({
        sessionId: session_id,
        agentId: agent_id,
        pageSize: 1000,
      });
      const times = timeline.map(({ startTime, finishTime }) => microsOf(startTime ?? finishTime) ?? 0);
      expect(times).toEqual([...times].sort((a, b) => a - b));
      timelines.push(...timeline.map(({ operationId }) => operationId));
    }
    for (const name of ["llm_calls", "tool_calls"] as const) {
      const calls = await restList<{ readonly call_id: string; readonly session_id: string }>(url, name);
      expect(calls.length).toBeGreaterThan(0);
      for (const call of calls) {
        const found = await getJson<object>(url, `/api/v1/${name}/${call.call_id}`);
        expect(found).toMatchObject({ [name.slice(0, -1)]: call, content: expect.any(Object) });
        expect(timelines).toContain(call.call_id);
      }
    }
    for (const { trace_id } of await restList<{ readonly trace_id: string }>(url, "traces")) {
      const { spans, truncated } = await clients.traces.getTrace({ traceId: trace_id });
      expect(truncated).toBe(false);
      for (const [index, { operation, parentIndex, depth }] of spans.entries()) {
        expect(timelines).toContain(operation?.operationId);
        const parent = parentIndex === undefined ? undefined : spans[parentIndex];
        expect(depth).toBe(parent === undefined ? 0 : parent.depth + 1);
        expect(parentIndex ?? -1).toBeLessThan(index);
        expect(parent?.operation?.spanId).toBe(parent && operation?.parentSpanId);
      }
    }
  });
});

describe("the v1 sample", () => {
  test("has the known vendors' calls and those that only LangChain reports", async () => {
    const { clients } = await startFilledServer("v1-events.json");
    const { vendorCallsFinished, vendorCallsFailed, ...known } = expected["v1-events.json"];
    const calls = await allLlmCalls(clients);

    const count = (isWrapper: boolean, status: string) =>
      calls.filter((call) => call.isWrapper === isWrapper && call.counted && call.status === status).length;

    expect([count(false, "ok"), count(false, "error")]).toEqual([vendorCallsFinished, vendorCallsFailed]);
    expect([count(true, "ok"), count(true, "error")]).toEqual([
      known.standaloneLangChainCalls,
      known.standaloneLangChainErrors,
    ]);
  });

  test("tells what was asked and answered", async () => {
    const { url, clients } = await startFilledServer("v1-events.json");
    const query = "&model=gpt-3.5-turbo-instruct&vendor=openai&status=ok";

    const [listed, ...others] = await restList<{ readonly call_id: string }>(url, "llm_calls", query);
    const callId = listed?.call_id ?? "";

    expect(others).toEqual([]);
    expect(await getJson(url, `/api/v1/llm_calls/${callId}`)).toEqual({
      llm_call: listed,
      content: {
        input_messages: [{ role: null, content: "Finish: the refund form is" }],
        output_messages: [{ role: "assistant", content: " R-12." }],
        parameters: { temperature: 0 },
        response_id: "cmpl-1b2501a20fe1bcd82b48c8db",
      },
    });
    const { content } = await clients.llmCalls.getLlmCall({ callId });
    expect(content).toMatchObject({
      inputMessages: [{ contentJson: '"Finish: the refund form is"' }],
      parametersJson: '{"temperature":0}',
    });
  });

  test("shows a trace as a tree, with what lies in it without being a span", async () => {
    const { url } = await startFilledServer("v1-events.json");
    interface RestSpan {
      readonly operation: { readonly name: string };
      readonly depth: number;
      readonly problems: readonly string[];
    }

    const { spans } = await getJson<{ readonly spans: readonly RestSpan[] }>(
      url,
      "/api/v1/traces/26ec1433a9f27804524029fa5d921c26?agent_id=ops_watch",
    );

    expect(
      spans.map(({ operation, depth, problems }) => `${" ".repeat(depth)}${operation.name} ${problems.join()}`),
    ).toEqual([
      "agent.run ",
      " agent.invoke ",
      "  langgraph.invoke ",
      "   llm.call ",
      "langgraph.graph ",
      "langgraph.node ",
      "langgraph.graph missing_start",
      "langgraph.node missing_start",
      "tool missing_finish",
    ]);
  });

  test("has the known alerts, by category and severity", async () => {
    const { url, clients } = await startFilledServer("v1-events.json");
    const { alerts } = expected["v1-events.json"];

    for (const [name, count] of Object.entries(alerts)) {
      const [category = "", severity = ""] = name.split("/");
      const query = `&category=${category}&severity=${severity}&status=open`;
      expect([name, (await restList(url, "alerts", query)).length]).toEqual([name, count]);
    }
    expect((await clients.alerts.listAlerts({})).alerts).toHaveLength(sum(Object.values(alerts)));
  });
});

test("the legacy sample has the known tool calls, with arguments and results", async () => {
  const { url, clients } = await startFilledServer("legacy-events.json");
  const known = expected["legacy-events.json"].toolCalls;

  for (const { agent, tool, durationMs, error } of known) {
    const { toolCalls } = await clients.toolCalls.listToolCalls({ agentId: agent, toolName: tool });
    expect(toolCalls).toMatchObject([{ durationMs, status: error ? "error" : "ok" }]);
    const { content } = await getJson<{ readonly content: object }>(url, `/api/v1/tool_calls/${toolCalls[0]?.callId}`);
    expect(content).toMatchObject({ arguments: expect.stringContaining(tool), result: expect.stringMatching(/./) });
  }
});

describe("the status of an alert", () => {
  test("is set over REST, by POST or PUT, and over gRPC, and is there for everybody", async () => {
    const { url, clients } = await startFilledServer("v1-events.json");
    const [alert] = (await clients.alerts.listAlerts({ pageSize: 1 })).alerts;
    const path = `/api/v1/alerts/${alert?.eventId}`;

    for (const [method, status] of [
      ["POST", "resolved"],
      ["PUT", "false_positive"],
    ] as const) {
      const reply = await sendJson(url, `${path}/status`, { status }, { method });
      expect(reply.status).toBe(200);
      expect(parseBody(reply)).toMatchObject({
        event_id: alert?.eventId,
        status,
        status_time: expect.stringMatching(/Z$/),
      });
      expect(await getJson(url, path)).toEqual(parseBody(reply));
    }
    const updated = await clients.alerts.updateAlertStatus({ eventId: alert?.eventId ?? "", status: "open" });
    expect(updated.alert?.status).toBe("open");
    expect(await getJson(url, path)).toMatchObject({ status: "open" });
  });

  test("is refused where it is none, and from a web page's simple request", async () => {
    const { url } = await startFilledServer();
    const path = `/api/v1/alerts/${"0".repeat(32)}/status`;
    const answer = async (body: unknown, init?: RequestInit) => restError(await sendJson(url, path, body, init));

    expect(await answer({ status: "gone" })).toMatchObject({ status: 400, fields: ["status FIELD_INVALID"] });
    expect(await answer({})).toMatchObject({ status: 400, fields: ["status FIELD_REQUIRED"] });
    expect(await answer({ status: "open" })).toMatchObject({ status: 404, reasons: ["ALERT_NOT_FOUND"] });
    expect(await answer({ status: "open" }, { headers: { "content-type": "text/plain" } })).toMatchObject({
      status: 415,
    });
    expect((await send(url, path)).status).toBe(405);
  });
});
