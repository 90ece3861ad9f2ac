import type { Message } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { retryDelayMsDefault } from "../model/error.ts";
import { createResponseWriter } from "./response-json.ts";
import type { EventStream, RestBinding } from "./rest-binding.ts";

/** `content-type` of a stream of server-sent events. They are always UTF-8. */
export const eventStreamContentType = "text/event-stream";

/** What a stream begins with: how long a browser waits before it connects again. */
export const eventStreamHead = `retry: ${retryDelayMsDefault}\n`;

/**
 * Makes the function that writes a message of a stream as a server-sent event: what would be the body of a reply is its `data`, in one
 * line. A message whose part for the body is absent has no data: a browser takes its `id` for the place where it goes on, and
 * tells the page nothing; a comment shows people that it is a sign of life.
 */
export function createEventWriter(
  { method, responseField }: RestBinding,
  { idField }: EventStream,
): (message: Message) => string {
  const writeData = createResponseWriter(method.output, responseField);
  const mayBeAbsent = responseField !== undefined && responseField.presence !== FeatureSet_FieldPresence.IMPLICIT;
  return (message) => {
    const fields = reflect(method.output, message, false);
    const id = idField === undefined ? "" : String(fields.get(idField));
    const idLine = id === "" ? "" : `id: ${id}\n`;
    if (mayBeAbsent && !fields.isSet(responseField)) return `: heartbeat\n${idLine}\n`;
    return `${idLine}data: ${inOneLine(writeData(message))}\n\n`;
  };
}

/** The event that says why a stream ends, with the body of an error reply. */
export function errorEventText(body: string): string {
  return `event: error\ndata: ${inOneLine(body)}\n\n`;
}

/** JSON that is spliced in may have line breaks between its tokens, never inside a text. */
function inOneLine(json: string): string {
  return /[\r\n]/.test(json) ? json.replaceAll(/[\r\n]+/g, " ") : json;
}
