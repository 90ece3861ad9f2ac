import type { DescService } from "@bufbuild/protobuf";
import { type ConnectRouter, createServiceImplSpec, type ServiceImpl, type ServiceImplSpec } from "@connectrpc/connect";
import { AgentService } from "../../gen/cylestio/v1/agent_service_pb.ts";
import { AlertService } from "../../gen/cylestio/v1/alert_service_pb.ts";
import { DiagnosticsService } from "../../gen/cylestio/v1/diagnostics_service_pb.ts";
import { EventService } from "../../gen/cylestio/v1/event_service_pb.ts";
import { LlmCallService } from "../../gen/cylestio/v1/llm_call_service_pb.ts";
import { MetricsService } from "../../gen/cylestio/v1/metrics_service_pb.ts";
import { OtlpMetricService } from "../../gen/cylestio/v1/otlp_metric_service_pb.ts";
import { SearchService } from "../../gen/cylestio/v1/search_service_pb.ts";
import { SessionService } from "../../gen/cylestio/v1/session_service_pb.ts";
import { StatusService } from "../../gen/cylestio/v1/status_service_pb.ts";
import { TelemetryService } from "../../gen/cylestio/v1/telemetry_service_pb.ts";
import { ToolCallService } from "../../gen/cylestio/v1/tool_call_service_pb.ts";
import { TraceService } from "../../gen/cylestio/v1/trace_service_pb.ts";
import { LogsService } from "../../gen/opentelemetry/proto/collector/logs/v1/logs_service_pb.ts";
import { MetricsService as OtlpMetricsService } from "../../gen/opentelemetry/proto/collector/metrics/v1/metrics_service_pb.ts";
import { TraceService as OtlpTraceService } from "../../gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import type { Limits } from "../model/limits.ts";
import { withDrainedBody } from "./drained-body.ts";
import { takeAnyText } from "./otlp/any-text.ts";
import { messageLevelsMax } from "./otlp/message-levels.ts";

/** The implementation of every service of the contract. */
export interface Implementations {
  readonly telemetry: ServiceImpl<typeof TelemetryService>;
  readonly agents: ServiceImpl<typeof AgentService>;
  readonly events: ServiceImpl<typeof EventService>;
  readonly sessions: ServiceImpl<typeof SessionService>;
  readonly traces: ServiceImpl<typeof TraceService>;
  readonly llmCalls: ServiceImpl<typeof LlmCallService>;
  readonly toolCalls: ServiceImpl<typeof ToolCallService>;
  readonly alerts: ServiceImpl<typeof AlertService>;
  readonly search: ServiceImpl<typeof SearchService>;
  readonly metrics: ServiceImpl<typeof MetricsService>;
  readonly status: ServiceImpl<typeof StatusService>;
  readonly diagnostics: ServiceImpl<typeof DiagnosticsService>;
  readonly otlpTraces: ServiceImpl<typeof OtlpTraceService>;
  readonly otlpLogs: ServiceImpl<typeof LogsService>;
  readonly otlpMetrics: ServiceImpl<typeof OtlpMetricsService>;
  readonly otlpMetricPoints: ServiceImpl<typeof OtlpMetricService>;
}

/** Registers every service with Connect, which then serves gRPC, gRPC-Web and Connect. */
export function registerServices(
  router: ConnectRouter,
  implementations: Implementations,
  limits: Pick<Limits, "otlpBodyMaxBytes">,
): void {
  // A misspelt field of an event would be lost without a word.
  router.service(TelemetryService, implementations.telemetry, { jsonOptions: { ignoreUnknownFields: false } });
  router.service(AgentService, implementations.agents);
  router.service(EventService, implementations.events);
  router.service(SessionService, implementations.sessions);
  router.service(TraceService, implementations.traces);
  router.service(LlmCallService, implementations.llmCalls);
  router.service(ToolCallService, implementations.toolCalls);
  router.service(AlertService, implementations.alerts);
  router.service(SearchService, implementations.search);
  router.service(MetricsService, implementations.metrics);
  router.service(StatusService, implementations.status);
  router.service(DiagnosticsService, implementations.diagnostics);
  router.service(OtlpMetricService, implementations.otlpMetricPoints);
  takeAnyText();
  const otlpOptions = {
    readMaxBytes: limits.otlpBodyMaxBytes,
    binaryOptions: { recursionLimit: messageLevelsMax },
  };
  router.service(OtlpTraceService, implementations.otlpTraces, otlpOptions);
  router.service(LogsService, implementations.otlpLogs, otlpOptions);
  router.service(OtlpMetricsService, implementations.otlpMetrics, otlpOptions);
  for (const [index, handler] of router.handlers.entries()) router.handlers[index] = withDrainedBody(handler);
}

/** The same implementations for the REST routes. */
export function restServices(implementations: Implementations): readonly ServiceImplSpec[] {
  return [
    specOf(TelemetryService, implementations.telemetry),
    specOf(AgentService, implementations.agents),
    specOf(EventService, implementations.events),
    specOf(SessionService, implementations.sessions),
    specOf(TraceService, implementations.traces),
    specOf(LlmCallService, implementations.llmCalls),
    specOf(ToolCallService, implementations.toolCalls),
    specOf(AlertService, implementations.alerts),
    specOf(SearchService, implementations.search),
    specOf(MetricsService, implementations.metrics),
    specOf(StatusService, implementations.status),
    specOf(DiagnosticsService, implementations.diagnostics),
    specOf(OtlpMetricService, implementations.otlpMetricPoints),
  ];
}

/** The same implementations of OpenTelemetry's services for OTLP/HTTP, by the path of each. */
export function otlpSignals(implementations: Implementations) {
  return [
    { path: "/v1/traces", service: specOf(OtlpTraceService, implementations.otlpTraces) },
    { path: "/v1/logs", service: specOf(LogsService, implementations.otlpLogs) },
    { path: "/v1/metrics", service: specOf(OtlpMetricsService, implementations.otlpMetrics) },
  ] as const;
}

function specOf<Service extends DescService>(service: Service, implementation: ServiceImpl<Service>): ServiceImplSpec {
  // Connect's function does not tie the two types together, and so takes an implementation of no service in particular only.
  return createServiceImplSpec(service, implementation as Partial<ServiceImpl<DescService>>);
}
