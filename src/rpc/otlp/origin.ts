import type { InstrumentationScope } from "../../../gen/opentelemetry/proto/common/v1/common_pb.ts";
import type { Resource } from "../../../gen/opentelemetry/proto/resource/v1/resource_pb.ts";
import type { OtlpOrigin, OtlpSource } from "../../ingest/otlp/otlp-input.ts";
import type { JsonObject } from "../../model/exact-json.ts";
import { attributesFromProto } from "./any-value.ts";

/** Telemetry of one resource: the signals share this form. */
interface OfResource<Scoped> {
  readonly resource?: Resource | undefined;
  readonly schemaUrl: string;
  readonly scopes: readonly Scoped[];
}

interface OfScope {
  readonly scope?: InstrumentationScope | undefined;
  readonly schemaUrl: string;
}

/** Every scope with its origin. */
export function* originsOf<Scoped extends OfScope>(
  resources: Iterable<OfResource<Scoped>>,
): Generator<readonly [OtlpOrigin, Scoped]> {
  for (const { resource, schemaUrl, scopes } of resources) {
    const reporting = sourceOf({
      attributes: attributesFromProto(resource?.attributes ?? []),
      ...given({ dropped_attributes_count: resource?.droppedAttributesCount, schema_url: schemaUrl }),
    });
    for (const scoped of scopes) {
      const { scope } = scoped;
      const { name, version } = scope ?? { name: "", version: "" };
      yield [
        {
          resource: reporting,
          scope: sourceOf({
            ...given({ name, version }),
            attributes: attributesFromProto(scope?.attributes ?? []),
            ...given({ dropped_attributes_count: scope?.droppedAttributesCount, schema_url: scoped.schemaUrl }),
          }),
          scopeName: name || null,
          scopeVersion: version || null,
          schemaUrl: scoped.schemaUrl || schemaUrl || null,
        },
        scoped,
      ];
    }
  }
}

function sourceOf(value: JsonObject & { readonly attributes: JsonObject }): OtlpSource {
  return { value, text: JSON.stringify(value), attributes: value.attributes };
}

/** The members that say something: neither absent nor empty nor zero. */
export function given(members: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => {
      if (Array.isArray(value)) return value.length > 0;
      return value !== undefined && value !== null && value !== "" && value !== 0;
    }),
  );
}

/** Nanoseconds as text; none where they are not known. */
export function nanosText(nanos: bigint): string {
  return nanos === 0n ? "" : String(nanos);
}

/** An id → hexadecimal digits. */
export function idText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}
