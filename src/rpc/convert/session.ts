import { create } from "@bufbuild/protobuf";
import { type Session, SessionSchema } from "../../../gen/cylestio/v1/session_pb.ts";
import type { SessionRecord, SlowestTool } from "../../model/session.ts";
import { present } from "./event.ts";
import { timestampFromMicros } from "./time.ts";
import { costToUsd, tokensToProto } from "./tokens.ts";

/** Session → message. */
export function sessionToProto(session: SessionRecord): Session {
  const { startMicros, endMicros, slowestTool } = session;
  return create(SessionSchema, {
    sessionId: session.sessionId,
    agentId: session.agentId,
    startTime: timestampFromMicros(startMicros),
    endTime: timestampFromMicros(endMicros),
    durationMs: (endMicros - startMicros) / 1000,
    eventCount: BigInt(session.eventCount),
    errorCount: BigInt(session.errorCount),
    llmCallCount: BigInt(session.llmCallCount),
    failedLlmCallCount: BigInt(session.failedLlmCallCount),
    toolCallCount: BigInt(session.toolCallCount),
    failedToolCallCount: BigInt(session.failedToolCallCount),
    alertCount: BigInt(session.alertCount),
    tokens: tokensToProto(session.tokens),
    unpricedCallCount: BigInt(session.unpricedCallCount),
    ...present({
      costUsd: costToUsd(session.costPicoUsd),
      slowestTool: slowestTool === null ? null : slowestToolToProto(slowestTool),
    }),
  });
}

function slowestToolToProto({ name, durationMs }: SlowestTool) {
  return { durationMs, ...present({ name }) };
}
