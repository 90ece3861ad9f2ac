import { MIMEType } from "node:util";
import { createRegistry, type DescMessage, fromBinary, type MessageShape, toBinary, toJson } from "@bufbuild/protobuf";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { TelemetryError } from "../../model/error.ts";
import { createMemo } from "../../model/memo.ts";
import { messageLevelsMax } from "../../rpc/otlp/message-levels.ts";
import { decodingReason, messageFromOtlpJson, type OtlpMessage } from "./otlp-json.ts";

/** One of the two forms that the messages of OTLP/HTTP have. A reply has that of its request. */
export interface OtlpEncoding {
  readonly contentType: string;
  /** Throws where the body is no such message. */
  read<Desc extends DescMessage>(desc: Desc, body: Buffer): OtlpMessage<Desc>;
  write<Desc extends DescMessage>(desc: Desc, message: MessageShape<Desc>): Buffer;
}

const binary: OtlpEncoding = {
  contentType: "application/x-protobuf",
  read: (desc, body) => ({
    message: fromBinary(desc, body, { recursionLimit: messageLevelsMax, readUnknownFields: false }),
    unreadable: new Map(),
  }),
  write: (desc, message) => Buffer.from(toBinary(desc, message)),
};

/** What a status may have in its details. */
const registry = createRegistry(ErrorInfoSchema, BadRequestSchema, RetryInfoSchema);

/** What is not UTF-8 becomes replacement characters, as in binary: one text that was cut must not refuse a whole request. */
const text = new TextDecoder();

/** The form of what is refused for its content type, too. */
export const jsonEncoding: OtlpEncoding = {
  contentType: "application/json",
  read: (desc, body) => messageFromOtlpJson(desc, text.decode(body)),
  write: (desc, message) => Buffer.from(JSON.stringify(toJson(desc, message, { registry }))),
};

/** Clients send few different content types. */
const encodings = createMemo<OtlpEncoding | undefined>(100);

/** The encoding that a content type names; its parameters say nothing, except that a character set must be UTF-8. */
export function findEncoding(contentType: string | undefined): OtlpEncoding | undefined {
  return contentType === undefined ? undefined : encodings(contentType, () => encodingOf(contentType));
}

function encodingOf(contentType: string): OtlpEncoding | undefined {
  try {
    const { essence, params } = new MIMEType(contentType);
    if (essence === binary.contentType) return binary;
    const charset = params.get("charset")?.toLowerCase() ?? "utf-8";
    return essence === jsonEncoding.contentType && charset === "utf-8" ? jsonEncoding : undefined;
  } catch {
    // The header is no media type, and so none that is taken.
    return undefined;
  }
}

/** Reads a body. Refuses with MALFORMED_BODY what is no such message. */
export function readMessage(encoding: OtlpEncoding, desc: DescMessage, body: Buffer): OtlpMessage<DescMessage> {
  try {
    return encoding.read(desc, body);
  } catch (cause) {
    if (cause instanceof TelemetryError) throw cause;
    throw new TelemetryError("MALFORMED_BODY", `the body is no ${desc.name}: ${decodingReason(cause)}`, { cause });
  }
}
