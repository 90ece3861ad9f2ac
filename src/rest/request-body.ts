import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import { MIMEType, promisify } from "node:util";
import { brotliDecompress, gunzip, inflate } from "node:zlib";
import { TelemetryError } from "../model/error.ts";
import { createMemo } from "../model/memo.ts";

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

const decompressors = {
  gzip: promisify(gunzip) as Decompress,
  deflate: promisify(inflate) as Decompress,
  br: promisify(brotliDecompress) as Decompress,
} as const;

/** A compression of bodies, by its name in `content-encoding`. */
export type ContentEncoding = keyof typeof decompressors;

/**
 * Reads a JSON body as text. Only `application/json` in UTF-8 is taken, so that no web page can write with a request that needs
 * no preflight. Headers are checked before the first byte is read, and reading stops at the limit.
 *
 * Refuses with UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE, MALFORMED_BODY (compression or UTF-8 is broken) or CANCELLED (the client
 * went away). After a refusal the rest of the body is read from the network and thrown away, so that the client gets to the reply.
 */
export async function readJsonText(source: BodySource, { bodyMaxBytes }: BodyLimits): Promise<string> {
  assertJson(source.headers["content-type"]);
  return utf8Text(await readBody(source, { maxBytes: bodyMaxBytes, encodings: ["gzip", "deflate", "br"] }));
}

/** How a body may come. */
export interface BodyOptions {
  /** Bytes of the body, as sent and after decompression. */
  readonly maxBytes: number;
  /** The compressions that are taken, besides none. */
  readonly encodings: readonly ContentEncoding[];
}

/** Reads a body of any content type and decompresses it. Refuses as `readJsonText` does. */
export async function readBody({ headers, raw }: BodySource, { maxBytes, encodings }: BodyOptions): Promise<Buffer> {
  const decompress = decompressorFor(headers["content-encoding"], encodings);
  if (Number(headers["content-length"] ?? 0) > maxBytes) throw bodyTooLarge(maxBytes);
  const body = await readBytes(raw, maxBytes);
  return decompress === undefined ? body : decompressWithin(body, decompress, maxBytes);
}

/** Clients send few different content types. */
const jsonTypes = createMemo<boolean>(100);

function assertJson(contentType: string | undefined): void {
  if (contentType !== undefined && jsonTypes(contentType, () => isJsonInUtf8(contentType))) return;
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

function decompressorFor(
  contentEncoding: string | undefined,
  encodings: readonly ContentEncoding[],
): Decompress | undefined {
  const named = contentEncoding?.trim().toLowerCase() ?? "";
  if (named === "" || named === "identity") return undefined;
  // The older name is still one of HTTP.
  const encoding = encodings.find((encoding) => encoding === (named === "x-gzip" ? "gzip" : named));
  if (encoding !== undefined) return decompressors[encoding];
  const message = `the content encoding must be ${encodings.join(", ")} or identity`;
  throw new TelemetryError("UNSUPPORTED_MEDIA_TYPE", message);
}

/** By listeners, because the stream's iterator costs several times as much for the one chunk that most bodies are. */
function readBytes(raw: Readable, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const onEarlyEnd = (cause?: unknown): void =>
      reject(new TelemetryError("CANCELLED", "the body ended too early", { cause }));
    if (raw.destroyed) {
      onEarlyEnd(raw.errored);
      return;
    }
    raw.on("data", (chunk: Buffer) => {
      const isRefused = length > maxBytes;
      length += chunk.length;
      if (length <= maxBytes) {
        chunks.push(chunk);
      } else if (!isRefused) {
        reject(bodyTooLarge(maxBytes));
        // The refusal goes first; then what follows flows to this listener, which keeps none of it.
        raw.pause();
        setImmediate(() => raw.resume());
      }
    });
    raw.on("end", () => {
      const [first] = chunks;
      resolve(first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks, length));
    });
    raw.on("error", onEarlyEnd);
    raw.on("close", () => {
      if (!raw.readableEnded) onEarlyEnd();
    });
  });
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

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** The text that a body is. Refuses with MALFORMED_BODY what is not UTF-8. */
export function utf8Text(body: Buffer): string {
  try {
    return utf8.decode(body);
  } catch (cause) {
    throw new TelemetryError("MALFORMED_BODY", "the body is not valid UTF-8", { cause });
  }
}

function bodyTooLarge(maxBytes: number): TelemetryError {
  return new TelemetryError("BODY_TOO_LARGE", `the body is larger than ${maxBytes} bytes`);
}
