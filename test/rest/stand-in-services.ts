import { createServiceImplSpec, type HandlerContext, type ServiceImplSpec } from "@connectrpc/connect";
import { AgentService } from "../../gen/cylestio/v1/agent_service_pb.ts";
import { AlertService } from "../../gen/cylestio/v1/alert_service_pb.ts";
import { DiagnosticsService } from "../../gen/cylestio/v1/diagnostics_service_pb.ts";
import { EventService } from "../../gen/cylestio/v1/event_service_pb.ts";
import { LlmCallService } from "../../gen/cylestio/v1/llm_call_service_pb.ts";
import { MetricsService } from "../../gen/cylestio/v1/metrics_service_pb.ts";
import { OtlpMetricService } from "../../gen/cylestio/v1/otlp_metric_service_pb.ts";
import { ReceiptSchema } from "../../gen/cylestio/v1/receipt_pb.ts";
import { SearchService } from "../../gen/cylestio/v1/search_service_pb.ts";
import { SessionService } from "../../gen/cylestio/v1/session_service_pb.ts";
import { StatusService } from "../../gen/cylestio/v1/status_service_pb.ts";
import { TelemetryService } from "../../gen/cylestio/v1/telemetry_service_pb.ts";
import { ToolCallService } from "../../gen/cylestio/v1/tool_call_service_pb.ts";
import { TraceService } from "../../gen/cylestio/v1/trace_service_pb.ts";
import { TelemetryError } from "../../src/model/error.ts";
import { connectErrorFrom } from "../../src/rpc/connect-error.ts";
import { freeFormBodyKey } from "../../src/rpc/free-form-body.ts";

/** A call that reached a handler. */
export interface Call {
  readonly rpc: string;
  readonly request: object;
  readonly body: string | undefined;
}

const time = { seconds: 1742289300n, nanos: 0 };

/** Stand-ins for all services of the contract; `calls` fills up with what lists and telemetry were asked. */
export function createServices(calls: Call[]): readonly ServiceImplSpec[] {
  const note = (request: object, { method, values }: HandlerContext): void => {
    calls.push({ rpc: method.name, request, body: values.get(freeFormBodyKey)?.text });
  };
  return [
    createServiceImplSpec<typeof AgentService>(AgentService, {
      listAgents(request, context) {
        note(request, context);
        return { agents: [{ agentId: "a", firstSeenTime: time, eventCount: 2n }], nextPageToken: "next" };
      },
      getAgent({ agentId }) {
        throw new TelemetryError("AGENT_NOT_FOUND", `Agent with ID '${agentId}' not found`);
      },
      getAgentSummary: (request) => ({ summary: { agentId: request.agentId, eventCountByName: { "": 3n } } }),
    }),
    createServiceImplSpec<typeof EventService>(EventService, {
      listEvents(request, context) {
        note(request, context);
        return {};
      },
      listAgentEvents(request, context) {
        note(request, context);
        return {};
      },
      listAgentEventsByName(request, context) {
        note(request, context);
        return {};
      },
      async *watchEvents(request, context) {
        note(request, context);
        yield { cursor: "c1" };
        yield { event: { eventId: "00", attributesValue: { case: "attributesJson", value: "[1]" } }, cursor: "c2" };
      },
      getEvent: ({ eventId }) => ({
        event: { eventId, attributesValue: { case: "attributesJson", value: "[1]" }, extensionsJson: '{"x":1}' },
      }),
    }),
    ...createCallServices(),
    createMetricsService(),
    createServiceImplSpec<typeof StatusService>(StatusService, { getStatus: () => ({ status: "healthy" }) }),
    createServiceImplSpec<typeof TelemetryService>(TelemetryService, {
      sendEvent(request, context) {
        note(request, context);
        return { eventId: "00", duplicate: false };
      },
      sendEvents(request, context) {
        note(request, context);
        if (context.values.get(freeFormBodyKey)?.text !== "[]") return { receipt: { acceptedCount: 1 } };
        const error = connectErrorFrom(new TelemetryError("ALL_EVENTS_REJECTED", "none"));
        error.details.push({ desc: ReceiptSchema, value: { rejectedCount: 1 } });
        throw error;
      },
    }),
  ];
}

function createMetricsService(): ServiceImplSpec {
  const bucket = { startTime: time, endTime: time };
  return createServiceImplSpec<typeof MetricsService>(MetricsService, {
    getEventCounts: ({ agentId }) => ({ agentId, totalCount: 2n, countByLevel: { INFO: 2n } }),
    getEventTypes: ({ agentId }) => ({ agentId, eventTypes: [{ name: "llm.call", count: 1n, firstTime: time }] }),
    getLatency: ({ agentId }) => ({ agentId, operations: [{ kind: "llm", meanMs: 0.5 }] }),
    getOverview: () => ({}),
    queryEventMetrics: () => ({ series: [{ labels: { agentId: "a" }, buckets: [bucket, {}] }] }),
    queryLatency: () => ({ series: [{ labels: { model: "m" }, total: { p50Ms: 0.5 }, buckets: [bucket] }] }),
    queryTokens: () => ({ series: [{ total: {}, buckets: [bucket] }] }),
    queryCost: () => ({ series: [{ total: { costUsd: 0.25 }, buckets: [bucket] }] }),
    queryErrors: () => ({ callSeries: [{ total: {}, buckets: [bucket] }], eventSeries: [{ buckets: [bucket] }] }),
    queryTools: () => ({ series: [{ labels: { tool: "t" }, buckets: [bucket] }] }),
    querySessionMetrics: () => ({ series: [{ total: {}, buckets: [bucket] }] }),
    queryAlertMetrics: () => ({ series: [{ total: {}, buckets: [bucket] }] }),
  });
}

function createCallServices(): readonly ServiceImplSpec[] {
  const llmCall = { callId: "1", tokens: { input: 1n }, price: { prices: { input: 0.25 } }, startTime: time };
  const alert = { eventId: "00", keywords: ["k"], statusTime: time };
  return [
    createServiceImplSpec<typeof SessionService>(SessionService, {
      listSessions: () => ({ sessions: [{ sessionId: "s", slowestTool: { durationMs: 1 } }], nextPageToken: "next" }),
      getSession: () => ({ sessions: [{ tokens: {} }], timeline: [{ operationId: "1", tokens: { total: 1n } }] }),
    }),
    createServiceImplSpec<typeof TraceService>(TraceService, {
      listTraces: () => ({ traces: [{ traceId: "t" }] }),
      getTrace: () => ({ spans: [{ operation: { operationId: "1" }, parentIndex: 0, problems: ["cycle"] }] }),
    }),
    createServiceImplSpec<typeof LlmCallService>(LlmCallService, {
      listLlmCalls: () => ({ llmCalls: [llmCall, {}] }),
      getLlmCall: () => ({ llmCall, content: { inputMessages: [{ contentJson: '"x"' }], parametersJson: "{}" } }),
    }),
    createServiceImplSpec<typeof ToolCallService>(ToolCallService, {
      listToolCalls: () => ({ toolCalls: [{ callId: "1" }] }),
      getToolCall: () => ({ toolCall: {}, content: { argumentsJson: "[1]" } }),
    }),
    createServiceImplSpec<typeof AlertService>(AlertService, {
      listAlerts: () => ({ alerts: [alert] }),
      getAlert: () => ({ alert }),
      updateAlertStatus: () => ({ alert }),
    }),
    createServiceImplSpec<typeof SearchService>(SearchService, {
      search: () => ({ hits: [{ kind: "error", agentId: "a", eventId: "00", eventTime: time, text: "broken" }] }),
    }),
    createServiceImplSpec<typeof DiagnosticsService>(DiagnosticsService, {
      getIngestDiagnostics: () => ({
        scopes: [{ scopeName: "s", signal: "span", hints: [{ text: "why", count: 1n }] }],
      }),
    }),
    createServiceImplSpec<typeof OtlpMetricService>(OtlpMetricService, {
      listOtlpMetrics: () => ({ metrics: [{ name: "m", type: "gauge", agentIds: ["a"], firstTime: time }] }),
      queryOtlpMetric: ({ name }) => ({
        series: [{ name, attributesJson: "{}", points: [{ time, value: { case: "doubleValue", value: 0.5 } }] }],
      }),
    }),
  ];
}
