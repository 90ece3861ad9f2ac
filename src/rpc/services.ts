import type { DescService } from "@bufbuild/protobuf";
import { type ConnectRouter, createServiceImplSpec, type ServiceImpl, type ServiceImplSpec } from "@connectrpc/connect";
import { AgentService } from "../../gen/cylestio/v1/agent_service_pb.ts";
import { EventService } from "../../gen/cylestio/v1/event_service_pb.ts";
import { MetricsService } from "../../gen/cylestio/v1/metrics_service_pb.ts";
import { StatusService } from "../../gen/cylestio/v1/status_service_pb.ts";
import { TelemetryService } from "../../gen/cylestio/v1/telemetry_service_pb.ts";
import { withDrainedBody } from "./drained-body.ts";

/** The implementation of every service of the contract. */
export interface Implementations {
  readonly telemetry: ServiceImpl<typeof TelemetryService>;
  readonly agents: ServiceImpl<typeof AgentService>;
  readonly events: ServiceImpl<typeof EventService>;
  readonly metrics: ServiceImpl<typeof MetricsService>;
  readonly status: ServiceImpl<typeof StatusService>;
}

/** Registers every service with Connect, which then serves gRPC, gRPC-Web and Connect. */
export function registerServices(router: ConnectRouter, implementations: Implementations): void {
  // A misspelt field of an event would be lost without a word.
  router.service(TelemetryService, implementations.telemetry, { jsonOptions: { ignoreUnknownFields: false } });
  router.service(AgentService, implementations.agents);
  router.service(EventService, implementations.events);
  router.service(MetricsService, implementations.metrics);
  router.service(StatusService, implementations.status);
  for (const [index, handler] of router.handlers.entries()) router.handlers[index] = withDrainedBody(handler);
}

/** The same implementations for the REST routes. */
export function restServices(implementations: Implementations): readonly ServiceImplSpec[] {
  return [
    specOf(TelemetryService, implementations.telemetry),
    specOf(AgentService, implementations.agents),
    specOf(EventService, implementations.events),
    specOf(MetricsService, implementations.metrics),
    specOf(StatusService, implementations.status),
  ];
}

function specOf<Service extends DescService>(service: Service, implementation: ServiceImpl<Service>): ServiceImplSpec {
  // Connect's function does not tie the two types together, and so takes an implementation of no service in particular only.
  return createServiceImplSpec(service, implementation as Partial<ServiceImpl<DescService>>);
}
