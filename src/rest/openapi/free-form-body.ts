import type { JsonObject } from "@bufbuild/protobuf";

const text = (description: string): JsonObject => ({ type: ["string", "null"], description });
const textOrNumber = (description: string): JsonObject => ({ type: ["string", "number", "null"], description });

/**
 * Schemas of the bodies that ingest takes, in any shape that the Cylestio SDKs have had: what `ingest/cylestio` reads, which the
 * messages of the contract cannot say.
 */
export const freeFormSchemas = {
  EventBody: {
    type: "object",
    description:
      "One event, in the older format (`event_type`, `data`), in the newer one (`name`, `attributes`) or in between. Members that are not listed are kept as extensions. Null and empty texts count as absent.",
    properties: {
      timestamp: {
        type: "string",
        description:
          "When the event happened, in ISO 8601. Without an offset it is UTC. From 2000-01-01 until 24 hours after the server's clock.",
      },
      agent_id: { type: "string", description: "The agent that reports." },
      name: text("What happened, as `llm.call.start`."),
      event_type: text("The same as `name`, in the older format, as `LLM_call_start`."),
      attributes: { description: "The event's own facts: any JSON, usually an object." },
      data: { description: "The same as `attributes`, in the older format." },
      event_id: textOrNumber("The client's own id of the event. Without it the content identifies the event."),
      level: text("Severity, as `INFO`, `WARNING`, `ERROR`. Default `INFO`."),
      session_id: textOrNumber("The session. Default: the attribute `session.id`, else the attribute `session_id`."),
      trace_id: text("Trace id, in any notation."),
      span_id: text("Span id, in any notation."),
      parent_span_id: text("Id of the span around this one."),
      channel: text("Part of the client that reports, as `LLM`."),
      direction: text("`incoming` or `outgoing`, or what the client says."),
      duration_ms: { type: ["number", "null"], description: "How long the operation took, in milliseconds." },
      caller: {
        type: ["object", "null"],
        description: "The code that reports.",
        properties: { file: text("Source file."), line: { type: ["integer", "null"] }, function: text("Function.") },
        additionalProperties: true,
      },
      schema_version: text("Version of the client's event format, as `1.0`."),
    },
    required: ["timestamp", "agent_id"],
    anyOf: [{ required: ["name"] }, { required: ["event_type"] }, { required: ["event"] }],
    additionalProperties: true,
  },
  EventBatchBody: {
    description:
      "A batch of events: an array, or an object with such an array. Each event is taken or refused by itself.",
    anyOf: [
      { type: "array", items: { $ref: "#/components/schemas/EventBody" } },
      {
        type: "object",
        properties: { events: { type: "array", items: { $ref: "#/components/schemas/EventBody" } } },
        required: ["events"],
        additionalProperties: true,
      },
    ],
  },
} as const satisfies Readonly<Record<string, JsonObject>>;
