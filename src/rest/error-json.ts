import { create } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import type { ConnectError } from "@connectrpc/connect";
import { codeToHttpStatus, codeToString } from "@connectrpc/connect/protocol-connect";
import { ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { type ErrorKind, errorKinds, retryDelayMsDefault } from "../model/error.ts";
import { connectCodes } from "../rpc/connect-error.ts";
import { createResponseWriter } from "./response-json.ts";

/** `content-type` of every JSON reply of the REST paths. */
export const jsonContentType = "application/json; charset=utf-8";

/** An error as an HTTP reply. */
export interface ErrorReply {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What the reply says beyond the error itself. */
export interface ErrorReplyOptions {
  readonly requestId: string;
  /** HTTP status, where HTTP has a closer one than the reason, as 414. */
  readonly statusCode?: number | undefined;
}

/**
 * The REST reply of an error that `connectErrorFrom` made. `message` and `detail` at the top are what older clients read; the
 * rest is under `error`, with the details in the form of google.rpc and REST names.
 */
export function createErrorReply(error: ConnectError, options: ErrorReplyOptions): ErrorReply {
  const reason = reasonOf(error);
  const { code, httpStatus, retryAfter } = httpErrorOf(error);
  const message = JSON.stringify(error.rawMessage);
  const members = [
    `"code":${JSON.stringify(code)}`,
    `"message":${message}`,
    `"reason":${JSON.stringify(reason)}`,
    `"request_id":${JSON.stringify(options.requestId)}`,
    `"details":[${detailTexts(error).join(",")}]`,
  ];
  return {
    statusCode: options.statusCode ?? httpStatus,
    headers: {
      "content-type": jsonContentType,
      "x-content-type-options": "nosniff",
      "x-request-id": options.requestId,
      ...(retryAfter !== undefined && { "retry-after": retryAfter }),
    },
    body: `{"error":{${members.join(",")}},"message":${message},"detail":${message}}`,
  };
}

/** What an error is to HTTP. */
export interface HttpError {
  /** Name of the code of gRPC. */
  readonly code: string;
  readonly httpStatus: number;
  /** For the header of that name, in seconds: only where trying again can help. */
  readonly retryAfter: string | undefined;
}

/** Reads out of an error that `connectErrorFrom` made what HTTP says of it. */
export function httpErrorOf(error: ConnectError): HttpError {
  const kind = findKind(reasonOf(error), error);
  return {
    code: kind?.code ?? codeToString(error.code),
    httpStatus: kind?.httpStatus ?? codeToHttpStatus(error.code),
    retryAfter: kind?.retryable === true ? String(retryAfterSeconds(error)) : undefined,
  };
}

function reasonOf(error: ConnectError): string {
  return error.findDetails(ErrorInfoSchema)[0]?.reason ?? "INTERNAL";
}

/** The kind of the reason, unless the error says another code than the reason has: then the code decides. */
function findKind(reason: string, error: ConnectError): ErrorKind | undefined {
  const kinds: Readonly<Record<string, ErrorKind>> = errorKinds;
  const kind = Object.hasOwn(kinds, reason) ? kinds[reason] : undefined;
  return kind !== undefined && connectCodes[kind.code] === error.code ? kind : undefined;
}

function retryAfterSeconds(error: ConnectError): number {
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  return Math.max(1, Math.ceil((delay === undefined ? retryDelayMsDefault : durationMs(delay)) / 1000));
}

function detailTexts(error: ConnectError): readonly string[] {
  return error.details.flatMap((detail) => {
    // Details without a descriptor were read from another server's reply; nothing here calls one.
    if (!("desc" in detail)) return [];
    const text = createResponseWriter(detail.desc)(create(detail.desc, detail.value));
    const type = `"@type":"type.googleapis.com/${detail.desc.typeName}"`;
    return text === "{}" ? [`{${type}}`] : [`{${type},${text.slice(1)}`];
  });
}
