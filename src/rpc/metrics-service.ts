import type { ServiceImpl } from "@connectrpc/connect";
import type { MetricsService } from "../../gen/cylestio/v1/metrics_service_pb.ts";
import type { AgentQueries } from "../query/agent-queries.ts";
import type { MetricQueries } from "../query/metric-queries.ts";
import { countsToProto } from "./convert/counts.ts";
import { callMetricRequestFrom, metricRequestFrom } from "./convert/metric-request.ts";
import {
  alertValuesToProto,
  callValuesToProto,
  costValuesToProto,
  eventValuesToProto,
  latencyValuesToProto,
  metricAnswerToProto,
  metricRangeToProto,
  outcomeValuesToProto,
  sessionValuesToProto,
  tokenValuesToProto,
} from "./convert/metric-values.ts";
import { required } from "./convert/request.ts";
import { timeRangeFrom, timestampFromMicros } from "./convert/time.ts";

/** `MetricsService` over the queries. */
export function createMetricsService(
  queries: AgentQueries,
  metrics: MetricQueries,
): ServiceImpl<typeof MetricsService> {
  return { ...agentMetrics(queries), ...overTime(metrics), ...ofCalls(metrics) };
}

type Implementation = ServiceImpl<typeof MetricsService>;

/** About one agent, from its events. */
function agentMetrics(queries: AgentQueries): Pick<Implementation, "getEventCounts" | "getEventTypes" | "getLatency"> {
  return {
    async getEventCounts(request) {
      const agentId = required("agent_id", request.agentId);
      const { total, countByLevel, countByChannel } = await queries.countEvents(agentId, timeRangeFrom(request));
      return {
        agentId,
        totalCount: BigInt(total),
        countByLevel: countsToProto(countByLevel),
        countByChannel: countsToProto(countByChannel),
      };
    },
    async getEventTypes(request) {
      const agentId = required("agent_id", request.agentId);
      const types = await queries.countEventTypes(agentId, timeRangeFrom(request));
      return {
        agentId,
        eventTypes: types.map(({ name, count, firstMicros, latestMicros }) => ({
          name,
          count: BigInt(count),
          firstTime: timestampFromMicros(firstMicros),
          latestTime: timestampFromMicros(latestMicros),
        })),
      };
    },
    async getLatency(request) {
      const agentId = required("agent_id", request.agentId);
      const kinds = await queries.measureLatency(agentId, timeRangeFrom(request));
      return {
        agentId,
        operations: kinds.map(({ count, errorCount, ...latency }) => ({
          ...latency,
          count: BigInt(count),
          errorCount: BigInt(errorCount),
        })),
      };
    },
  };
}

function overTime(
  metrics: MetricQueries,
): Pick<Implementation, "getOverview" | "queryEventMetrics" | "querySessionMetrics" | "queryAlertMetrics"> {
  return {
    async getOverview(request) {
      const overview = await metrics.getOverview(metricRequestFrom(request));
      return {
        events: eventValuesToProto(overview.events),
        agentCount: BigInt(overview.agentCount),
        sessions: sessionValuesToProto(overview.sessions),
        llmCalls: callValuesToProto(overview.llm),
        toolCalls: callValuesToProto(overview.tools),
        tokens: tokenValuesToProto(overview.tokens),
        costs: costValuesToProto(overview.costs),
        alertCount: BigInt(overview.alertCount),
        alertCountBySeverity: countsToProto(overview.alertCountBySeverity),
        ...metricRangeToProto(overview.range),
      };
    },
    async queryEventMetrics(request) {
      const { sessionId, name, level, channel } = request;
      const answer = await metrics.queryEvents({ ...metricRequestFrom(request), sessionId, name, level, channel });
      return metricAnswerToProto(answer, eventValuesToProto);
    },
    async querySessionMetrics(request) {
      return metricAnswerToProto(await metrics.querySessions(metricRequestFrom(request)), sessionValuesToProto);
    },
    async queryAlertMetrics(request) {
      const { severity, category } = request;
      const answer = await metrics.queryAlerts({ ...metricRequestFrom(request), severity, category });
      return metricAnswerToProto(answer, alertValuesToProto);
    },
  };
}

function ofCalls(
  metrics: MetricQueries,
): Pick<Implementation, "queryLatency" | "queryTokens" | "queryCost" | "queryErrors" | "queryTools"> {
  return {
    async queryLatency(request) {
      return metricAnswerToProto(await metrics.queryLatency(callMetricRequestFrom(request)), latencyValuesToProto);
    },
    async queryTokens(request) {
      return metricAnswerToProto(await metrics.queryTokens(callMetricRequestFrom(request)), tokenValuesToProto);
    },
    async queryCost(request) {
      return metricAnswerToProto(await metrics.queryCost(callMetricRequestFrom(request)), costValuesToProto);
    },
    async queryErrors(request) {
      const { calls, events } = await metrics.queryErrors(callMetricRequestFrom(request));
      const ofCalls = metricAnswerToProto(calls, outcomeValuesToProto);
      const ofEvents = metricAnswerToProto(events, eventValuesToProto);
      return {
        callSeries: ofCalls.series,
        ...(ofCalls.other !== undefined && { otherCalls: ofCalls.other }),
        otherCallGroupCount: ofCalls.otherGroupCount,
        eventSeries: ofEvents.series,
        ...(ofEvents.other !== undefined && { otherEvents: ofEvents.other }),
        otherEventGroupCount: ofEvents.otherGroupCount,
        ...metricRangeToProto(calls.range),
      };
    },
    async queryTools(request) {
      return metricAnswerToProto(await metrics.queryTools(callMetricRequestFrom(request)), callValuesToProto);
    },
  };
}
