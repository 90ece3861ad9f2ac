import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import { MIMEType, promisify } from "node:util";
import { brotliDecompress, gunzip, inflate } from "node:zlib";
import { TelemetryError } from "../model/error.ts";

/** What is needed of an HTTP request to read its body. */
export interface BodySource {
  readonly headers: IncomingHttpHeaders;
  /** The body as it comes from the network. */
  readonly raw: Readable;
}

/** Bounds of a body. */
export interface BodyLimits {
  /** Bytes of the body, as sent and after decompression. */
  readonly bodyMaxBytes: number;
}

type Decompress = (body: Buffer, options: { readonly maxOutputLength: number }) => Promise<Buffer>;

const decompressors: ReadonlyMap<string, Decompress> = new Map([
  ["gzip", promisify(gunzip) as Decompress],
  ["x-gzip", promisify(gunzip) as Decompress],
  ["deflate", promisify(inflate) as Decompress],
  ["br", promisify(brotliDecompress) as Decompress],
]);

/**
 * Reads a JSON body as text. Only `application/json` in UTF-8 is taken, so that no web page can write with a request that needs
 * no preflight. Headers are checked before the first byte is read, and reading stops at the limit.
 *
 * Refuses with UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE, MALFORMED_BODY (compression or UTF-8 is broken) or CANCELLED (the client
 * went away). After a refusal the rest of the body is read from the network and thrown away, so that the client gets to the reply.
 */
export async function readJsonText(source: BodySource, { bodyMaxBytes }: BodyLimits): Promise<string> {
  assertJson(source.headers["content-type"]);
  const decompress = decompressorFor(source.headers["content-encoding"]);
  if (Number(source.headers["content-length"] ?? 0) > bodyMaxBytes) throw bodyTooLarge(bodyMaxBytes);
  const body = await readBytes(source.raw, bodyMaxBytes);
  return decodeUtf8(decompress === undefined ? body : await decompressWithin(body, decompress, bodyMaxBytes));
}

function assertJson(contentType: string | undefined): void {
  if (contentType !== undefined && isJsonInUtf8(contentType)) return;
  throw new TelemetryError("UNSUPPORTED_MEDIA_TYPE", "the content type must be application/json, in UTF-8");
}

function isJsonInUtf8(contentType: string): boolean {
  try {
    const type = new MIMEType(contentType);
    const parameters = [...type.params].filter(
      ([name, value]) => name !== "charset" || value.toLowerCase() !== "utf-8",
    );
    return type.essence === "application/json" && parameters.length === 0;
  } catch {
    // The header is no media type, and so none that is taken.
    return false;
  }
}

function decompressorFor(contentEncoding: string | undefined): Decompress | undefined {
  const encoding = contentEncoding?.trim().toLowerCase() ?? "";
  if (encoding === "" || encoding === "identity") return undefined;
  const decompress = decompressors.get(encoding);
  if (decompress !== undefined) return decompress;
  throw new TelemetryError("UNSUPPORTED_MEDIA_TYPE", "the content encoding must be gzip, deflate, br or identity");
}

async function readBytes(raw: Readable, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    // Leaving the loop must not destroy the stream: that would close the connection before the reply is on it.
    for await (const chunk of raw.iterator({ destroyOnReturn: false })) {
      length += chunk.length;
      if (length > maxBytes) break;
      chunks.push(chunk);
    }
  } catch (cause) {
    throw new TelemetryError("CANCELLED", "the body ended too early", { cause });
  }
  if (length <= maxBytes) return Buffer.concat(chunks, length);
  raw.resume();
  throw bodyTooLarge(maxBytes);
}

async function decompressWithin(body: Buffer, decompress: Decompress, maxBytes: number): Promise<Buffer> {
  try {
    return await decompress(body, { maxOutputLength: maxBytes });
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ERR_BUFFER_TOO_LARGE")
      throw bodyTooLarge(maxBytes);
    throw new TelemetryError("MALFORMED_BODY", "the body cannot be decompressed", { cause });
  }
}

function decodeUtf8(body: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch (cause) {
    throw new TelemetryError("MALFORMED_BODY", "the body is not valid UTF-8", { cause });
  }
}

function bodyTooLarge(maxBytes: number): TelemetryError {
  return new TelemetryError("BODY_TOO_LARGE", `the body is larger than ${maxBytes} bytes`);
}
