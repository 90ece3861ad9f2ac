import { gzipSync } from "node:zlib";
import { createRegistry, type DescMessage, fromBinary, type MessageShape, toBinary, toJson } from "@bufbuild/protobuf";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../gen/google/rpc/status_pb.ts";

/** The content type of each encoding of OTLP/HTTP. */
export const contentTypes = { binary: "application/x-protobuf", json: "application/json" } as const;

export type Encoding = keyof typeof contentTypes;

export const encodings = ["binary", "json"] as const satisfies readonly Encoding[];

/** One request as a client sends it. */
export interface OtlpPost {
  readonly path?: string;
  readonly encoding?: Encoding;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string;
  readonly gzip?: boolean;
}

/** What came back. */
export interface OtlpReply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

/** Posts a body as it is, to the traces unless another path is named. */
export async function postOtlp(
  url: string,
  { path = "/v1/traces", encoding = "binary", headers, body, gzip = false }: OtlpPost,
): Promise<OtlpReply> {
  const response = await fetch(`${url}${path}`, {
    method: "POST",
    headers: { "content-type": contentTypes[encoding], ...(gzip && { "content-encoding": "gzip" }), ...headers },
    body: gzip ? gzipSync(body) : Buffer.from(body),
  });
  return { status: response.status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()) };
}

/** A message in one of the encodings. */
export function encode<Desc extends DescMessage>(
  desc: Desc,
  message: MessageShape<Desc>,
  encoding: Encoding,
): Uint8Array<ArrayBuffer> | string {
  return encoding === "binary" ? toBinary(desc, message) : otlpJsonText(desc, message);
}

/** A message in OpenTelemetry's JSON: that of protobuf, with hexadecimal ids. */
export function otlpJsonText<Desc extends DescMessage>(desc: Desc, message: MessageShape<Desc>): string {
  return JSON.stringify(toJson(desc, message, { enumAsInteger: true }), (key, value) =>
    ["traceId", "spanId", "parentSpanId"].includes(key) ? Buffer.from(value, "base64").toString("hex") : value,
  );
}

/** Reads a reply by the encoding that its content type names, which must be one of the two. */
export function decode<Desc extends DescMessage>(desc: Desc, { headers, body }: OtlpReply): unknown {
  const type = headers.get("content-type");
  if (type === contentTypes.json) return JSON.parse(body.toString());
  if (type !== contentTypes.binary) throw new Error(`the reply is ${type}: ${body}`);
  return toJson(desc, fromBinary(desc, body), { registry });
}

const registry = createRegistry(ErrorInfoSchema, BadRequestSchema, RetryInfoSchema);

/** The error of a reply, in its JSON form whatever its encoding was. */
export interface StatusJson {
  readonly code: number;
  readonly message: string;
  readonly details: readonly (Readonly<Record<string, unknown>> & { readonly "@type": string })[];
}

/** Reads the error of a reply. */
export function statusOf(reply: OtlpReply): StatusJson {
  // What the tests then compare shows whether the type is right.
  return decode(StatusSchema, reply) as StatusJson;
}
