import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type AlertValuesSchema,
  type CallValuesSchema,
  type CostValuesSchema,
  type EventValuesSchema,
  type LatencyValuesSchema,
  type MetricLabels,
  MetricLabelsSchema,
  type OutcomeValuesSchema,
  type SessionValuesSchema,
  type TokenValuesSchema,
} from "../../../gen/cylestio/v1/metrics_pb.ts";
import type { MetricLabels as Labels, MetricAnswer, MetricSeries } from "../../query/metric-series.ts";
import type {
  AlertValues,
  CostValues,
  EventValues,
  OutcomeValues,
  SessionValues,
  TokenValues,
  ToolValues,
} from "../../query/metric-values.ts";
import { present } from "./event.ts";
import { timestampFromMicros } from "./time.ts";
import { costToUsd, tokensToProto } from "./tokens.ts";

/** The ends of a range → fields; an open one is absent. */
export function metricRangeToProto({ startMicros, endMicros }: MetricAnswer<unknown>["range"]) {
  return present({ fromTime: timeOrNull(startMicros), toTime: timeOrNull(endMicros) });
}

/** An answer → fields of a response. */
export function metricAnswerToProto<Values, Message>(
  { series, other, range }: MetricAnswer<Values>,
  valuesToProto: (values: Values) => Message,
) {
  return {
    series: series.map((one) => metricSeriesToProto(one, valuesToProto)),
    ...(other !== null && { other: metricSeriesToProto(other, valuesToProto) }),
    otherGroupCount: BigInt(other?.groupCount ?? 0),
    ...metricRangeToProto(range),
  };
}

/** A series → message. */
export function metricSeriesToProto<Values, Message>(
  { labels, total, buckets }: MetricSeries<Values>,
  valuesToProto: (values: Values) => Message,
) {
  return {
    labels: labelsToProto(labels),
    total: valuesToProto(total),
    buckets: buckets.map(({ startMicros, endMicros, values }) => ({
      startTime: timestampFromMicros(startMicros),
      endTime: timestampFromMicros(endMicros),
      values: valuesToProto(values),
    })),
  };
}

function labelsToProto({ agent, session, ...labels }: Labels): MetricLabels {
  return create(MetricLabelsSchema, present({ agentId: agent, sessionId: session, ...labels }));
}

export function eventValuesToProto(values: EventValues): MessageInitShape<typeof EventValuesSchema> {
  const { count, errorCount, firstMicros, latestMicros } = values;
  return {
    eventCount: BigInt(count),
    errorCount: BigInt(errorCount),
    ...present({ firstTime: timeOrNull(firstMicros), latestTime: timeOrNull(latestMicros) }),
  };
}

/** Null: there is none whose duration is known. */
export function latencyValuesToProto(values: ToolValues["latency"]): MessageInitShape<typeof LatencyValuesSchema> {
  if (values === null) return { count: 0n };
  return { ...values, count: BigInt(values.count) };
}

export function tokenValuesToProto(values: TokenValues): MessageInitShape<typeof TokenValuesSchema> {
  const { callCount, toldCount, tokens, meanInput, meanOutput } = values;
  return {
    callCount: BigInt(callCount),
    toldCount: BigInt(toldCount),
    tokens: tokensToProto(tokens),
    ...present({ meanInput, meanOutput }),
  };
}

export function costValuesToProto(values: CostValues): MessageInitShape<typeof CostValuesSchema> {
  const { callCount, costPicoUsd, pricedCount, unpricedCount, meanCostPicoUsd } = values;
  return {
    callCount: BigInt(callCount),
    pricedCount: BigInt(pricedCount),
    unpricedCount: BigInt(unpricedCount),
    ...present({ costUsd: costToUsd(costPicoUsd), meanCostUsd: costToUsd(meanCostPicoUsd) }),
  };
}

export function outcomeValuesToProto(values: OutcomeValues): MessageInitShape<typeof OutcomeValuesSchema> {
  return {
    callCount: BigInt(values.callCount),
    runningCount: BigInt(values.runningCount),
    failedCount: BigInt(values.failedCount),
    blockedCount: BigInt(values.blockedCount),
    ...present({ errorRate: values.errorRate }),
  };
}

export function callValuesToProto(values: ToolValues): MessageInitShape<typeof CallValuesSchema> {
  return { outcomes: outcomeValuesToProto(values), latency: latencyValuesToProto(values.latency) };
}

export function sessionValuesToProto(values: SessionValues): MessageInitShape<typeof SessionValuesSchema> {
  const { sessionCount, errorSessionCount, eventCount, meanDurationMs, meanEventCount } = values;
  return {
    sessionCount: BigInt(sessionCount),
    errorSessionCount: BigInt(errorSessionCount),
    eventCount: BigInt(eventCount),
    ...present({ meanDurationMs, meanEventCount }),
  };
}

export function alertValuesToProto({ count }: AlertValues): MessageInitShape<typeof AlertValuesSchema> {
  return { alertCount: BigInt(count) };
}

function timeOrNull(micros: number | null) {
  return micros === null ? null : timestampFromMicros(micros);
}
