import type { ServiceImpl } from "@connectrpc/connect";
import type { LogsService } from "../../../gen/opentelemetry/proto/collector/logs/v1/logs_service_pb.ts";
import type { TraceService } from "../../../gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import type { EventResult } from "../../ingest/batch.ts";
import type { Intake } from "../../ingest/intake.ts";
import type { OtlpDiagnostics, OtlpSignal } from "../../ingest/otlp/diagnostics.ts";
import { explainOtlpEvent } from "../../ingest/otlp/explanation.ts";
import { createLogNormaliser } from "../../ingest/otlp/log-event.ts";
import type { OtlpEventOptions } from "../../ingest/otlp/otlp-event.ts";
import { createSpanNormaliser } from "../../ingest/otlp/span-event.ts";
import { logRecordFromProto, logRecordsOf, type ReceivedLogRecord } from "./log-records.ts";
import { type ReceivedSpan, spanFromProto, spansOf } from "./spans.ts";
import { type UnreadableItems, unreadableItemsKey, unreadableViolation } from "./unreadable.ts";

/** What the services of OpenTelemetry's events work with. */
export interface OtlpServicesOptions {
  readonly intake: Intake;
  readonly diagnostics: Pick<OtlpDiagnostics, "observe">;
}

/** Spans of OpenTelemetry over the intake. Answers after the commit; what is rejected must not be sent again. */
export function createOtlpTraceService(options: OtlpServicesOptions): ServiceImpl<typeof TraceService> {
  return {
    async export({ resourceSpans }, { values }) {
      const outcome = await takeAll(options, {
        signal: "span",
        raws: spansOf(resourceSpans),
        unreadable: values.get(unreadableItemsKey),
        createNormaliser: spanNormaliser,
      });
      return partly(outcome, (rejectedSpans, errorMessage) => ({ partialSuccess: { rejectedSpans, errorMessage } }));
    },
  };
}

/** Log records likewise. */
export function createOtlpLogsService(options: OtlpServicesOptions): ServiceImpl<typeof LogsService> {
  return {
    async export({ resourceLogs }, { values }) {
      const outcome = await takeAll(options, {
        signal: "log",
        raws: logRecordsOf(resourceLogs),
        unreadable: values.get(unreadableItemsKey),
        createNormaliser: logNormaliser,
      });
      return partly(outcome, (rejectedLogRecords, errorMessage) => ({
        partialSuccess: { rejectedLogRecords, errorMessage },
      }));
    },
  };
}

function spanNormaliser(options: OtlpEventOptions): (raw: ReceivedSpan) => EventResult {
  const normalise = createSpanNormaliser(options);
  return (raw) => normalise(spanFromProto(raw));
}

function logNormaliser(options: OtlpEventOptions): (raw: ReceivedLogRecord) => EventResult {
  const normalise = createLogNormaliser(options);
  return (raw) => normalise(logRecordFromProto(raw));
}

interface Request<Raw> {
  readonly signal: OtlpSignal;
  readonly raws: readonly Raw[];
  readonly unreadable: UnreadableItems;
  readonly createNormaliser: (options: OtlpEventOptions) => (raw: Raw) => EventResult;
}

interface Outcome {
  readonly rejectedCount: number;
  /** Why the first one was rejected; else hints, which a client shows as a warning; else empty. */
  readonly message: string;
}

/** Hints in one answer. */
const hintsMax = 5;

async function takeAll<Raw>(
  { intake, diagnostics }: OtlpServicesOptions,
  { signal, raws, unreadable, createNormaliser }: Request<Raw>,
): Promise<Outcome> {
  const hints = new Set<string>();
  const onRead: OtlpEventOptions["onRead"] = (origin, source) => {
    for (const hint of diagnostics.observe(origin, signal, () => explainOtlpEvent(source))) {
      hints.add(`${origin.scopeName ?? "unnamed scope"}: ${hint}`);
    }
  };
  const createReadableNormaliser = (options: OtlpEventOptions) =>
    readableOnly(createNormaliser({ ...options, onRead }), unreadable);
  const outcomes = await intake.take(raws, createReadableNormaliser, {
    // A request is bounded by its bytes alone: exporters cannot make smaller ones when they are told to.
    maxEvents: Number.POSITIVE_INFINITY,
    // Every event has a copy of its resource, so that a small request may become large.
    inParts: true,
  });
  let rejectedCount = 0;
  let message = [...hints].slice(0, hintsMax).join("; ");
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome.status !== "rejected") continue;
    const { field, message: reason } = outcome.violation;
    if (rejectedCount === 0) message = `number ${index}: ${field} ${reason}`;
    rejectedCount += 1;
  }
  return { rejectedCount, message };
}

/** Refuses what could not be decoded. The result is called once for each event of a request, in its order. */
function readableOnly<Raw>(
  normalise: (raw: Raw) => EventResult,
  unreadable: UnreadableItems,
): (raw: Raw) => EventResult {
  if (unreadable.size === 0) return normalise;
  let number = 0;
  return (raw) => {
    const reason = unreadable.get(number++);
    return reason === undefined ? normalise(raw) : { ok: false, violation: unreadableViolation(reason) };
  };
}

/** Without anything to say, the partial success must not be set. */
function partly<Answer>(
  { rejectedCount, message }: Outcome,
  answer: (rejectedCount: bigint, message: string) => Answer,
): Answer | Record<string, never> {
  return rejectedCount === 0 && message === "" ? {} : answer(BigInt(rejectedCount), message);
}
