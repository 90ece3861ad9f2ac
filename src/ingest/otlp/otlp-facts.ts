import type { DerivedFacts } from "../../model/event.ts";
import { isJsonObject, type JsonObject } from "../../model/exact-json.ts";
import type { Limits } from "../../model/limits.ts";
import { microsOf } from "./nanos.ts";

/** What `findOtlpFacts` looks at: an event as it is kept. */
export interface OtlpFactSource {
  readonly channel: string | null;
  readonly name: string;
  readonly level: string;
  readonly attributes: JsonObject;
  readonly extensions: JsonObject | null;
}

/** Reads out of an OpenTelemetry event what is derived from it. */
export function findOtlpFacts({ channel, name, extensions }: OtlpFactSource, _limits: Limits): DerivedFacts {
  const operation =
    channel === "SPAN"
      ? ({
          kind: "other",
          family: name,
          runId: null,
          chainId: null,
          nodeId: null,
          subject: null,
          toolName: null,
          isAlone: true,
          ...spanEnd(extensions),
          llm: null,
        } as const)
      : null;
  return { llmProvider: null, operation, alert: null, ownership: { agentId: null, sessionId: null } };
}

/** When and how a span ended; it runs where it has no end. */
function spanEnd(extensions: JsonObject | null): { readonly outcome: "ok" | "error" | null; endMicros: number | null } {
  const nanos = extensions?.["end_time_unix_nano"];
  if (typeof nanos !== "string") return { outcome: null, endMicros: null };
  const status = extensions?.["status"];
  const isError = isJsonObject(status) && status["code"] === "error";
  return { outcome: isError ? "error" : "ok", endMicros: microsOf(BigInt(nanos)) };
}
