import { type Client, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { AgentService } from "../../gen/cylestio/v1/agent_service_pb.ts";
import { AlertService } from "../../gen/cylestio/v1/alert_service_pb.ts";
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
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";

/** A protocol with its encoding and version of HTTP. */
export interface Protocol {
  readonly name: string;
  readonly createTransport: (baseUrl: string) => Transport;
}

/** Every protocol of the RPCs, on every version of HTTP that it allows. */
export const protocols: readonly Protocol[] = [
  ...(["1.1", "2"] as const).flatMap((httpVersion): readonly Protocol[] => [
    {
      name: `Connect JSON, HTTP/${httpVersion}`,
      createTransport: (baseUrl) => createConnectTransport({ baseUrl, httpVersion, useBinaryFormat: false }),
    },
    {
      name: `Connect JSON by GET, HTTP/${httpVersion}`,
      createTransport: (baseUrl) =>
        createConnectTransport({ baseUrl, httpVersion, useBinaryFormat: false, useHttpGet: true }),
    },
    {
      name: `Connect binary, HTTP/${httpVersion}`,
      createTransport: (baseUrl) => createConnectTransport({ baseUrl, httpVersion }),
    },
    {
      name: `Connect binary by GET, HTTP/${httpVersion}`,
      createTransport: (baseUrl) => createConnectTransport({ baseUrl, httpVersion, useHttpGet: true }),
    },
    {
      name: `gRPC-Web, HTTP/${httpVersion}`,
      createTransport: (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion }),
    },
    {
      name: `gRPC-Web JSON, HTTP/${httpVersion}`,
      createTransport: (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion, useBinaryFormat: false }),
    },
  ]),
  { name: "gRPC", createTransport: (baseUrl) => createGrpcTransport({ baseUrl }) },
  { name: "gRPC JSON", createTransport: (baseUrl) => createGrpcTransport({ baseUrl, useBinaryFormat: false }) },
];

/** A client for every service of the contract. */
export interface Clients {
  readonly agents: Client<typeof AgentService>;
  readonly events: Client<typeof EventService>;
  readonly sessions: Client<typeof SessionService>;
  readonly traces: Client<typeof TraceService>;
  readonly llmCalls: Client<typeof LlmCallService>;
  readonly toolCalls: Client<typeof ToolCallService>;
  readonly alerts: Client<typeof AlertService>;
  readonly search: Client<typeof SearchService>;
  readonly metrics: Client<typeof MetricsService>;
  readonly status: Client<typeof StatusService>;
  readonly telemetry: Client<typeof TelemetryService>;
  readonly otlpMetrics: Client<typeof OtlpMetricService>;
}

/** Clients for every service, over one protocol. */
export function createClients({ createTransport }: Protocol, url: string): Clients {
  const transport = createTransport(url);
  return {
    agents: createClient(AgentService, transport),
    events: createClient(EventService, transport),
    sessions: createClient(SessionService, transport),
    traces: createClient(TraceService, transport),
    llmCalls: createClient(LlmCallService, transport),
    toolCalls: createClient(ToolCallService, transport),
    alerts: createClient(AlertService, transport),
    search: createClient(SearchService, transport),
    metrics: createClient(MetricsService, transport),
    status: createClient(StatusService, transport),
    telemetry: createClient(TelemetryService, transport),
    otlpMetrics: createClient(OtlpMetricService, transport),
  };
}

/** Clients over gRPC, for what does not depend on the protocol. */
export function grpcClients(url: string): Clients {
  return createClients({ name: "gRPC", createTransport: (baseUrl) => createGrpcTransport({ baseUrl }) }, url);
}

/** What a failed call says, over any protocol. */
export interface CallError {
  readonly code: string;
  /** Every reason: there must be exactly one. */
  readonly reasons: readonly string[];
  /** Fields of BadRequest with their reasons, as `page_size FIELD_INVALID`. */
  readonly fields: readonly string[];
  readonly hasRetryInfo: boolean;
  /** Facts for programs, as ErrorInfo has them. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly requestId: string | null;
  readonly message: string;
}

/** Waits for a call to fail. A call that does not fail is an error. */
export async function callError(call: Promise<unknown>): Promise<CallError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ConnectError)) throw new Error("the call did not fail", { cause: error });
  return {
    code: codeName(error),
    reasons: error.findDetails(ErrorInfoSchema).map(({ reason }) => reason),
    fields: error
      .findDetails(BadRequestSchema)
      .flatMap(({ fieldViolations }) => fieldViolations.map(({ field, reason }) => `${field} ${reason}`)),
    hasRetryInfo: error.findDetails(RetryInfoSchema).length > 0,
    metadata: error.findDetails(ErrorInfoSchema)[0]?.metadata ?? {},
    requestId: error.metadata.get("x-request-id"),
    message: error.rawMessage,
  };
}

/** The code as `not_found`: Connect's message begins with it. */
function codeName(error: ConnectError): string {
  return /^\[(\w+)\]/.exec(error.message)?.[1] ?? "";
}

/** The messages of a stream that ends by itself. */
export async function* streamOf<Message>(...messages: readonly Message[]): AsyncGenerator<Message> {
  yield* messages;
}
