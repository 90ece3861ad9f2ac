import type { ServiceImpl } from "@connectrpc/connect";
import type { LogsService } from "../../../gen/opentelemetry/proto/collector/logs/v1/logs_service_pb.ts";
import type { TraceService } from "../../../gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import type { CreateNormaliser } from "../../ingest/batch.ts";
import type { Intake } from "../../ingest/intake.ts";
import { createLogNormaliser } from "../../ingest/otlp/log-event.ts";
import { createSpanNormaliser } from "../../ingest/otlp/span-event.ts";
import { logRecordsFromProto } from "./log-records.ts";
import { spansFromProto } from "./spans.ts";

/** Spans of OpenTelemetry over the intake. Answers after the commit; what is rejected must not be sent again. */
export function createOtlpTraceService(intake: Intake): ServiceImpl<typeof TraceService> {
  return {
    async export({ resourceSpans }) {
      const { count, message } = await takeAll(intake, spansFromProto(resourceSpans), createSpanNormaliser);
      return count === 0 ? {} : { partialSuccess: { rejectedSpans: BigInt(count), errorMessage: message } };
    },
  };
}

/** Log records likewise. */
export function createOtlpLogsService(intake: Intake): ServiceImpl<typeof LogsService> {
  return {
    async export({ resourceLogs }) {
      const { count, message } = await takeAll(intake, logRecordsFromProto(resourceLogs), createLogNormaliser);
      return count === 0 ? {} : { partialSuccess: { rejectedLogRecords: BigInt(count), errorMessage: message } };
    },
  };
}

interface Rejected {
  readonly count: number;
  /** Of the first one. */
  readonly message: string;
}

async function takeAll<Raw>(
  intake: Intake,
  raws: readonly Raw[],
  createNormaliser: CreateNormaliser<Raw>,
): Promise<Rejected> {
  // A request is bounded by its bytes alone: exporters cannot make smaller ones when they are told to.
  const outcomes = await intake.take(raws, createNormaliser, { maxEvents: Number.POSITIVE_INFINITY });
  let count = 0;
  let message = "";
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome.status !== "rejected") continue;
    const { field, message: reason } = outcome.violation;
    if (count === 0) message = `number ${index}: ${field} ${reason}`;
    count += 1;
  }
  return { count, message };
}
