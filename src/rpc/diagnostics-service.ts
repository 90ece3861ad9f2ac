import type { ServiceImpl } from "@connectrpc/connect";
import type { DiagnosticsService } from "../../gen/cylestio/v1/diagnostics_service_pb.ts";
import type { Counted, OtlpDiagnostics } from "../ingest/otlp/diagnostics.ts";

/** `DiagnosticsService` over what was remembered of OpenTelemetry data. */
export function createDiagnosticsService(
  diagnostics: Pick<OtlpDiagnostics, "report">,
): ServiceImpl<typeof DiagnosticsService> {
  return {
    getIngestDiagnostics: () => ({
      scopes: diagnostics.report().map(({ fields, counting, deprecated, unknown, hints, ...scope }) => ({
        scopeName: scope.scopeName,
        scopeVersion: scope.scopeVersion,
        signal: scope.signal,
        receivedCount: BigInt(scope.receivedCount),
        examinedCount: BigInt(scope.examinedCount),
        fields: fields.map(({ count, ...field }) => ({ ...field, count: BigInt(count) })),
        tokenCounting: counting.map(({ count, ...entry }) => ({ ...entry, count: BigInt(count) })),
        deprecatedAttributes: deprecated.map(attributeToProto),
        unknownAttributes: unknown.map(attributeToProto),
        hints: hints.map(({ name, count }) => ({ text: name, count: BigInt(count) })),
      })),
    }),
  };
}

function attributeToProto({ name, count }: Counted): { attribute: string; count: bigint } {
  return { attribute: name, count: BigInt(count) };
}
