import type { JsonObject } from "@bufbuild/protobuf";
import type { EventStream, RestBinding } from "../rest-binding.ts";
import { restNameOf } from "../rest-field.ts";
import { errorEventText, eventStreamContentType, eventStreamHead } from "../server-sent-event.ts";
import { commentOf, splitSummary } from "./comments.ts";
import { createErrorExample } from "./error-responses.ts";
import { fieldExample, messageExample, parameterExample } from "./example.ts";
import type { MessageSchemas } from "./schema.ts";

/**
 * The response of a route that streams server-sent events. OpenAPI 3.1 has no words for the parts of a stream: for programs, the
 * schema of the data of one event is in `x-event-data`.
 */
export function createEventStreamResponse(
  { method, responseField }: RestBinding,
  { idField }: EventStream,
  schemas: MessageSchemas,
): JsonObject {
  const data = responseField === undefined ? messageExample(method.output) : fieldExample(responseField);
  const id = idField === undefined ? "" : `id: ${String(parameterExample(idField))}\n`;
  const events = [
    `: heartbeat\n${id}\n`,
    `${id}data: ${JSON.stringify(data)}\n\n`,
    errorEventText(JSON.stringify(createErrorExample("SHUTTING_DOWN", "the server is shutting down"))),
  ];
  const description = [
    "Server-sent events. `data` of an event is in one line.",
    ...(idField === undefined
      ? []
      : [`\`id\` is the \`${restNameOf(idField)}\`; with no \`data\` beside it, it is a sign of life.`]),
    "An event of type `error` has an `Error` as `data`; the stream ends after it.",
  ].join(" ");
  return {
    description: splitSummary(commentOf(method.output)).summary,
    content: {
      [eventStreamContentType]: {
        schema: {
          type: "string",
          description,
          "x-event-data":
            responseField === undefined ? schemas.referTo(method.output) : schemas.bodySchema(responseField),
        },
        example: eventStreamHead + events.join(""),
      },
    },
  };
}
