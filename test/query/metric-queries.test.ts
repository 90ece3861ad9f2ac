import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { createAgentQueries } from "../../src/query/agent-queries.ts";
import { createMetricQueries, type MetricQueries } from "../../src/query/metric-queries.ts";
import { createSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import type { OperationRecord, SessionRecord, TelemetryStore } from "../../src/store/store.ts";
import { anyTelemetry } from "../store/any-telemetry.ts";
import { anyArrival, buildArrival } from "../store/arrival.ts";
import { builtFromMicros } from "../store/event-builder.ts";
import { createTemporaryFolder } from "../store/sqlite/temporary-folder.ts";
import {
  costsOf,
  eventsOf,
  expectAnswer,
  latencyOf,
  outcomesOf,
  readTelemetry,
  sessionsOf,
  tokensOf,
} from "./metric-model.ts";

const folder = createTemporaryFolder();
const minuteMicros = 60_000_000;
const nowMs = () => builtFromMicros / 1000 + 3 * 86_400_000;

const prices = JSON.stringify({
  version: "test",
  unit: "USD per 1,000,000 tokens",
  prices: ["openai", "anthropic"].map((vendor) => ({
    vendor,
    model: "priced",
    input: 0.25,
    output: 1.25,
    cacheRead: 0.1,
    source: "test",
  })),
});

async function open(name: string): Promise<{ readonly store: TelemetryStore; readonly metrics: MetricQueries }> {
  const store = await createSqliteStore({
    databasePath: join(folder, name),
    durability: "normal",
    priceTables: [prices],
  });
  onTestFinished(() => store.close());
  const { getAgent } = createAgentQueries(store);
  return { store, metrics: createMetricQueries({ store, getAgent, nowMs }) };
}

/** At and around the times of the telemetry, not only at full minutes. */
const anyEdge = fc
  .tuple(
    fc.constantFrom(-2880, -1440, -60, -15, -1, 0, 1, 15, 60, 1440, 2880, 4000),
    fc.constantFrom(0, 0, 1, 31_000_000),
  )
  .map(([minute, micros]) => builtFromMicros + minute * minuteMicros + micros);

const anyRequest = fc
  .record({
    edges: fc.uniqueArray(anyEdge, { minLength: 2, maxLength: 2 }),
    isOpen: fc.tuple(fc.boolean(), fc.boolean()),
    interval: fc.constantFrom("", "hour", "day", "week"),
    timeZone: fc.constantFrom("", "UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns"),
    groupBy: fc.subarray([
      "agent",
      "kind",
      "vendor",
      "model",
      "tool",
      "name",
      "level",
      "channel",
      "severity",
      "category",
    ]),
  })
  .map(({ edges, isOpen: [isFromOpen, isToOpen], ...request }) => {
    const [from = 0, to = 0] = edges.toSorted((a, b) => a - b);
    const isWhole = request.interval === "";
    return {
      ...request,
      fromMicros: isWhole && isFromOpen ? null : from,
      toMicros: isWhole && isToOpen ? null : to,
    };
  });

const callLabels = ({ agentId, kind, llm, name, toolName }: OperationRecord) => ({
  agent: agentId,
  kind,
  vendor: llm?.vendor ?? null,
  model: llm?.usedModel ?? llm?.requestedModel ?? null,
  tool: toolName,
  name: kind === "tool" ? toolName : name,
});

const isError = (level: string) => ["ERROR", "CRITICAL", "FATAL"].includes(level.toUpperCase());

describe("metrics", () => {
  test("are what the events, calls, sessions and alerts come to one by one, in every range, zone and grouping", async () => {
    const { store, metrics } = await open("any.db");
    let calls = 0;
    await fc.assert(
      fc.asyncProperty(anyArrival(anyTelemetry), anyRequest, async (arrival, { groupBy, ...asked }) => {
        const built = buildArrival(arrival);
        for (const call of built.calls) await store.append(call);
        const { agentIds } = built;
        const { events, operations, alerts, sessions } = await readTelemetry(store, agentIds);
        const by = (...names: readonly string[]) => groupBy.filter((name) => names.includes(name));
        const ask = (names: readonly string[]) => ({ agentIds, ...asked, groupBy: names });
        const none = { sessionId: "", kind: "", vendor: "", model: "", tool: "" };
        const llm = operations.filter(({ kind }) => kind === "llm");
        const tools = operations.filter(({ kind }) => kind === "tool");
        const ofCalls = { microsOf: ({ atMicros }: OperationRecord) => atMicros, labelsOf: callLabels };
        calls += operations.length;

        const ofEvents = {
          microsOf: ({ timeMicros }: (typeof events)[number]) => timeMicros,
          labelsOf: ({ agentId, name, level, channel }: (typeof events)[number]) => ({
            agent: agentId,
            name,
            level,
            channel,
          }),
          valuesOf: eventsOf,
        };
        const eventsBy = by("agent", "name", "level", "channel");
        const noFilter = { sessionId: "", name: "", level: "", channel: "" };
        expectAnswer(await metrics.queryEvents({ ...ask(eventsBy), ...noFilter }), asked, eventsBy, {
          items: events,
          ...ofEvents,
        });

        const llmBy = by("agent", "vendor", "model");
        expectAnswer(await metrics.queryTokens({ ...ask(llmBy), ...none }), asked, llmBy, {
          items: llm,
          ...ofCalls,
          valuesOf: tokensOf,
        });
        expectAnswer(await metrics.queryCost({ ...ask(llmBy), ...none }), asked, llmBy, {
          items: llm,
          ...ofCalls,
          valuesOf: costsOf,
        });
        expectAnswer(await metrics.queryLatency({ ...ask(llmBy), ...none, kind: "llm" }), asked, llmBy, {
          items: llm,
          ...ofCalls,
          valuesOf: latencyOf,
        });
        const kindBy = ["kind", ...by("name")];
        expectAnswer(await metrics.queryLatency({ ...ask(kindBy), ...none }), asked, kindBy, {
          items: operations,
          ...ofCalls,
          valuesOf: latencyOf,
        });
        const toolBy = ["tool", ...by("agent")];
        expectAnswer(await metrics.queryTools({ ...ask(toolBy), ...none }), asked, toolBy, {
          items: tools,
          ...ofCalls,
          valuesOf: (items) => ({ ...outcomesOf(items), latency: latencyOf(items) }),
        });

        const errorsBy = by("agent", "level");
        const errors = await metrics.queryErrors({ ...ask(errorsBy), ...none });
        expectAnswer(errors.calls, asked, by("agent"), {
          items: [...llm, ...tools],
          ...ofCalls,
          valuesOf: outcomesOf,
        });
        expectAnswer(errors.events, asked, errorsBy, {
          items: events.filter(({ level }) => isError(level)),
          ...ofEvents,
        });

        const alertsBy = by("agent", "severity", "category");
        expectAnswer(await metrics.queryAlerts({ ...ask(alertsBy), severity: "", category: "" }), asked, alertsBy, {
          items: alerts,
          microsOf: ({ timeMicros }) => timeMicros,
          labelsOf: ({ agentId, severity, category }) => ({ agent: agentId, severity, category }),
          valuesOf: ({ length }) => ({ count: length }),
        });
        expectAnswer(await metrics.querySessions(ask(by("agent"))), asked, by("agent"), {
          items: sessions,
          microsOf: ({ startMicros }) => startMicros,
          labelsOf: ({ agentId }) => ({ agent: agentId }),
          valuesOf: sessionsOf,
        });
      }),
      { numRuns: 60 },
    );
    expect(calls).toBeGreaterThan(60);
  });

  test("of sessions are what lies in those that started in the range, and in the one that is named", async () => {
    const { store, metrics } = await open("sessions.db");
    let calls = 0;
    await fc.assert(
      fc.asyncProperty(
        anyArrival(anyTelemetry),
        anyRequest,
        fc.constantFrom("", "", "s1", "s1", "none"),
        async (arrival, { groupBy, ...asked }, sessionId) => {
          const built = buildArrival(arrival);
          for (const call of built.calls) await store.append(call);
          const { agentIds } = built;
          const { events, operations, sessions } = await readTelemetry(store, agentIds);
          const isAsked = isOfSessionsIn(asked, sessions, sessionId);
          const llm = operations.filter(({ kind, ...place }) => kind === "llm" && isAsked(place));
          const tools = operations.filter(({ kind, ...place }) => kind === "tool" && isAsked(place));
          const some = events.filter(isAsked);
          const bySession = ["agent", "session"];
          const by = sessionId === "" ? bySession : groupBy.filter((name) => name === "agent" || name === "vendor");
          const ask = {
            agentIds,
            ...asked,
            groupBy: sessionId === "" ? ["session"] : by,
            sessionId,
            kind: "",
            vendor: "",
            model: "",
            tool: "",
          };
          const ofCalls = {
            microsOf: ({ atMicros }: OperationRecord) => atMicros,
            labelsOf: (call: OperationRecord) => ({ ...callLabels(call), session: call.sessionId }),
          };
          const ofEvents = {
            microsOf: ({ timeMicros }: (typeof events)[number]) => timeMicros,
            labelsOf: ({ agentId, level, ...event }: (typeof events)[number]) => ({
              agent: agentId,
              session: event.sessionId,
              level,
            }),
            valuesOf: eventsOf,
          };
          calls += llm.length + tools.length;

          const ofLlm = { items: llm, ...ofCalls };
          expectAnswer(await metrics.queryTokens(ask), asked, by, { ...ofLlm, valuesOf: tokensOf });
          expectAnswer(await metrics.queryCost(ask), asked, by, { ...ofLlm, valuesOf: costsOf });
          expectAnswer(await metrics.queryLatency({ ...ask, kind: "llm" }), asked, by, {
            ...ofLlm,
            valuesOf: latencyOf,
          });
          const toolBy = sessionId === "" ? by : ["tool"];
          expectAnswer(
            await metrics.queryTools({ ...ask, groupBy: sessionId === "" ? ["session"] : [] }),
            asked,
            toolBy,
            { items: tools, ...ofCalls, valuesOf: (items) => ({ ...outcomesOf(items), latency: latencyOf(items) }) },
          );
          const errorsBy = sessionId === "" ? by : ["agent"];
          const errors = await metrics.queryErrors({ ...ask, groupBy: sessionId === "" ? ["session"] : ["agent"] });
          expectAnswer(errors.calls, asked, errorsBy, { items: [...llm, ...tools], ...ofCalls, valuesOf: outcomesOf });
          expectAnswer(errors.events, asked, errorsBy, {
            items: some.filter(({ level }) => isError(level)),
            ...ofEvents,
          });
          const levelBy = sessionId === "" ? by : ["level"];
          const filter = { name: "", level: "", channel: "" };
          const counted = await metrics.queryEvents({
            ...ask,
            ...filter,
            groupBy: sessionId === "" ? ["session"] : ["level"],
          });
          expectAnswer(counted, asked, levelBy, { items: some, ...ofEvents });
        },
      ),
      { numRuns: 60 },
    );
    expect(calls).toBeGreaterThan(20);
  });
});

/** Whether something lies in a session of this id; without an id in one that started in the range, which has full minutes. */
function isOfSessionsIn(
  { fromMicros, toMicros }: { readonly fromMicros: number | null; readonly toMicros: number | null },
  sessions: readonly SessionRecord[],
  wanted: string,
) {
  const from = fromMicros === null ? Number.NEGATIVE_INFINITY : fromMicros - (fromMicros % minuteMicros);
  const to = toMicros === null ? Number.POSITIVE_INFINITY : Math.ceil(toMicros / minuteMicros) * minuteMicros;
  return ({ agentId, sessionId }: { readonly agentId: string; readonly sessionId: string | null }) =>
    wanted === ""
      ? sessions.some(
          (session) =>
            session.agentId === agentId &&
            session.sessionId === sessionId &&
            session.startMicros >= from &&
            session.startMicros < to,
        )
      : sessionId === wanted;
}
