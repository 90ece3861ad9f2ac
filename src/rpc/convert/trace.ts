import { create } from "@bufbuild/protobuf";
import { type Trace, TraceSchema, type TraceSpan, TraceSpanSchema } from "../../../gen/cylestio/v1/trace_pb.ts";
import type { TraceRecord } from "../../model/trace.ts";
import type { TraceDetail } from "../../query/trace-queries.ts";
import { present } from "./event.ts";
import { operationToProto } from "./operation.ts";
import { timestampFromMicros } from "./time.ts";

/** Trace → message. */
export function traceToProto(trace: TraceRecord): Trace {
  const { startMicros, endMicros } = trace;
  return create(TraceSchema, {
    traceId: trace.traceId,
    agentId: trace.agentId,
    startTime: timestampFromMicros(startMicros),
    endTime: timestampFromMicros(endMicros),
    durationMs: (endMicros - startMicros) / 1000,
    eventCount: BigInt(trace.eventCount),
    errorCount: BigInt(trace.errorCount),
  });
}

/** Operation in its tree → message. */
export function traceSpanToProto(node: TraceDetail["nodes"][number]): TraceSpan {
  return create(TraceSpanSchema, {
    operation: operationToProto(node.span),
    depth: node.depth,
    childCount: node.childCount,
    totalErrorCount: node.totalErrors,
    problems: [...node.problems],
    ...present({ parentIndex: node.parent, selfMs: node.selfMs }),
  });
}
