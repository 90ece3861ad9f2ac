import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { offsetMax, restLimitDefault } from "../../model/limits.ts";

/**
 * What the documentation knows of query parameters beyond their types, by proto name: bounds and defaults that the contract says in
 * words, with the numbers of the code.
 */
export const knownParameters: Readonly<Record<string, JsonObject>> = {
  // A larger page is no error: it counts as the largest.
  page_size: { minimum: 0 },
  limit: { minimum: 0, default: restLimitDefault },
  offset: { minimum: 0, maximum: offsetMax },
  sort: { enum: ["desc", "asc"], default: "desc" },
};

const eventId = "0196200f7c80a3d1c2b5e4f60718293a";
const time = "2025-04-10T08:00:00Z";
const laterTime = "2025-04-10T08:05:12.345678Z";

/** What a member of that REST name may look like, for examples. A member that is not here looks like its type. */
export const exampleValues: Readonly<Record<string, JsonValue>> = {
  accepted_count: 1,
  agent_id: "my-agent",
  attributes_format: "ATTRIBUTES_FORMAT_JSON",
  avg_response_time_ms: 812.5,
  caller_file: "agent.py",
  caller_function: "answer",
  caller_line: 42,
  channel: "LLM",
  client_event_id: "evt-1",
  count: 12,
  count_by_channel: { LLM: 8, SYSTEM: 4 },
  count_by_level: { ERROR: 1, INFO: 11 },
  data: { "llm.model": "claude-3-haiku-20240307" },
  cursor: "WyJ1aEZ4SzZfMnZ3IiwxXQ",
  dialect: "cylestio",
  direction: "outgoing",
  duplicate: false,
  duplicate_count: 0,
  duration_ms: 812.5,
  error_count: 1,
  event_count: 12,
  event_count_by_channel: { LLM: 8, SYSTEM: 4 },
  event_count_by_type: { "llm.call.finish": 6, "llm.call.start": 6 },
  event_id: eventId,
  event_type: "llm.call.start",
  extensions: null,
  field: "timestamp",
  first_event: "llm.call.start",
  first_event_time: time,
  first_seen: time,
  first_time: time,
  from_time: time,
  id: 1,
  index: 3,
  kind: "llm",
  last_seen: laterTime,
  latest_event: "llm.call.finish",
  latest_event_time: laterTime,
  latest_time: laterTime,
  level: "INFO",
  limit: 100,
  next_page_token: "eyJ2IjoxfQ",
  llm_provider: "anthropic",
  max_ms: 2150,
  mean_ms: 812.5,
  message: "must be a time in ISO 8601, as 2025-03-18T09:15:00.101220Z",
  min_ms: 310.25,
  offset: 100,
  p50_ms: 740,
  p90_ms: 1490,
  p95_ms: 1800,
  p99_ms: 2150,
  page_size: 50,
  page_token: "eyJ2IjoxfQ",
  parent_span_id: "b7ad6b7169203331",
  reason: "TIME_INVALID",
  receive_time: "2025-04-10T08:00:00.125Z",
  rejected_count: 1,
  schema_version: "1.0",
  service: "cylestio-mini-local-server",
  session_count: 2,
  session_id: "session-1",
  sort: "desc",
  span_id: "00f067aa0ba902b7",
  status: "healthy",
  timestamp: time,
  to_time: laterTime,
  total_count: 12,
  trace_id: "4bf92f3577b34da6a3ce929d0e0e4736",
  version: "0.1.0",
};
