import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import type { EventInputSchema } from "../../gen/cylestio/v1/event_pb.ts";
import type { ErrorReason } from "../../src/model/error.ts";

/** An event over REST, as a message, or both. */
export interface EventCase {
  readonly what: string;
  /** Members beside those of `goodEvent`, or the whole text. */
  readonly rest?: Readonly<Record<string, unknown>> | string;
  /** Fields beside those of `goodMessage`. */
  readonly rpc?: MessageInitShape<typeof EventInputSchema>;
  /** JSON cannot carry the message. */
  readonly binaryOnly?: true;
}

/** An event that is refused, with the field under the name that each client used. */
export interface BadEvent extends EventCase {
  readonly reason: ErrorReason;
  readonly restField?: string;
  readonly rpcField?: string;
}

/** The server's clock for all cases. */
export const nowMs = Date.parse("2025-06-01T12:00:00Z");

/** Settings for all cases: attributes are small. */
export const environment = { CYLESTIO_DURABILITY: "normal", CYLESTIO_ATTRIBUTES_MAX_BYTES: "1024" };

const goodTime = "2025-06-01T08:00:00Z";

/** An event that is accepted. */
export const goodEvent = { timestamp: goodTime, agent_id: "good", name: "tick", attributes: {} };

/** The same event as a message. */
export const goodMessage = { eventTime: time(goodTime), agentId: "good", name: "tick" };

/** A time with microseconds added. */
export function time(text: string, micros = 0): Timestamp {
  const all = BigInt(Date.parse(text)) * 1000n + BigInt(micros);
  return create(TimestampSchema, { seconds: all / 1_000_000n, nanos: Number(all % 1_000_000n) * 1000 });
}

/** The text of a good event with one more member, which need not be JSON. */
export function eventText(member: string): string {
  return `{${member},${JSON.stringify(goodEvent).slice(1)}`;
}

/** JSON text of objects and arrays in each other. */
export function nested(levels: number): string {
  const objects = Math.ceil(levels / 2);
  return `${'{"a":['.repeat(objects)}${"]}".repeat(objects)}`.replace("[]", levels % 2 === 0 ? "[]" : "0");
}

/** Lack of what every event must have. */
export const missingFields: readonly BadEvent[] = [
  ...["timestamp", "agent_id"].flatMap((field): readonly BadEvent[] => [
    { what: `without ${field}`, rest: { [field]: undefined }, ...required(field) },
    { what: `with ${field} null`, rest: { [field]: null }, ...required(field) },
    { what: `with ${field} empty`, rest: { [field]: "" }, ...required(field) },
  ]),
  { what: "of the v1 format without a name", rest: { name: undefined }, ...required("name") },
  { what: "with an empty name", rest: { name: "" }, ...required("name") },
  {
    what: "of the legacy format without an event type",
    rest: { name: undefined, attributes: undefined, data: {} },
    ...required("event_type"),
  },
  { what: "that is empty", rest: "{}", ...required("timestamp") },
  { what: "without a time, as a message", rpc: { eventTime: undefined }, ...required("event_time") },
  { what: "without an agent, as a message", rpc: { agentId: "" }, ...required("agent_id") },
  { what: "without a name, as a message", rpc: { name: "" }, ...required("name") },
];

const idFields = ["event_id", "agent_id", "name", "session_id", "trace_id", "span_id", "parent_span_id"] as const;
const textFields = ["level", "channel", "direction", "schema_version"] as const;

/** Values of the wrong type, or that cannot be. */
export const wrongValues: readonly BadEvent[] = [
  ...["5", '"text"', "null", "true", "[]", `[${JSON.stringify(goodEvent)}]`].map((rest) => ({
    what: `that is ${rest.slice(0, 20)}`,
    rest,
    ...invalid("event"),
  })),
  ...[...idFields, ...textFields].flatMap((field) => [true, {}, ["x"]].map((value) => wrongType(field, value))),
  ...["agent_id", "name", "trace_id", "level", "channel"].map((field) => wrongType(field, 5)),
  ...["1", true, {}, [1], -0.001].map((value) => wrongType("duration_ms", value)),
  { what: "whose duration is NaN", rest: eventText('"duration_ms": NaN'), ...invalid("duration_ms") },
  { what: "whose duration is infinite", rest: eventText('"duration_ms": Infinity'), ...invalid("duration_ms") },
  { what: "whose duration is beyond all numbers", rest: eventText('"duration_ms": 1e999'), ...invalid("duration_ms") },
  ...[-1, Number.NaN, Number.POSITIVE_INFINITY].map((durationMs) => ({
    what: `whose duration is ${durationMs}, as a message`,
    rpc: { durationMs },
    ...invalid("duration_ms"),
  })),
  ...["{", "nothing", '{"a":}', "[1,]", '"\\x"'].map((value) => ({
    what: `whose attributes are the text ${value}`,
    rpc: { attributesValue: { case: "attributesJson" as const, value } },
    ...invalid("attributes_json"),
  })),
  ...["{", "[]", "5", "null", '"text"'].map((extensionsJson) => ({
    what: `whose extensions are the text ${extensionsJson}`,
    rpc: { extensionsJson },
    ...invalid("extensions_json"),
  })),
];

/** Times that cannot be read, or are not accepted. */
export const badTimes: readonly BadEvent[] = [
  ...[1_748_764_800, 1_748_764_800_000.5, 0, true, {}, ["2025-06-01"]].map((value) => badTime(value, "TIME_INVALID")),
  ...[
    "yesterday",
    "1748764800",
    "2025-02-29T00:00:00Z",
    "2025-06-01T24:00:00Z",
    "2025-06-01T08:00:60Z",
    "2025-06-01T08:00:00+2",
    "2025-06-01T08:00:00 Z",
    " 2025-06-01",
    "01.06.2025",
    "2025-6-1",
    "NaN",
  ].map((value) => badTime(value, "TIME_INVALID")),
  ...[
    "1999-12-31T23:59:59.999999Z",
    "2000-01-01T00:59:59+01:00",
    "1970-01-01T00:00:00Z",
    "0001-01-01",
    "9999-12-31T23:59:59Z",
    "2025-06-02T12:00:00.000001Z",
    "2025-06-02T13:00:00Z",
  ].map((value) => badTime(value, "TIME_OUT_OF_RANGE")),
  ...[
    time("2000-01-01T00:00:00Z", -1),
    time("1970-01-01T00:00:00Z"),
    time("9999-12-31T23:59:59Z"),
    time("2025-06-02T12:00:00Z", 1),
    time("2025-06-02T13:00:00Z"),
  ].map((eventTime) => ({
    what: `of second ${eventTime.seconds} and nanosecond ${eventTime.nanos}, as a message`,
    rpc: { eventTime },
    rpcField: "event_time",
    reason: "TIME_OUT_OF_RANGE" as const,
  })),
  ...[
    { seconds: 253_402_300_800n, nanos: 0 },
    { seconds: -62_135_596_801n, nanos: 0 },
    { seconds: 9_223_372_036_854_775_807n, nanos: 0 },
    { seconds: 1_748_764_800n, nanos: -1 },
    { seconds: 1_748_764_800n, nanos: 1_000_000_000 },
  ].map((eventTime) => ({
    what: `of second ${eventTime.seconds} and nanosecond ${eventTime.nanos}, which no Timestamp can be`,
    rpc: { eventTime },
    binaryOnly: true as const,
    rpcField: "event_time",
    reason: "TIME_INVALID" as const,
  })),
];

/** Ids, texts and attributes that are too long or too deep, or no Unicode. */
export const badSizes: readonly BadEvent[] = [
  ...[
    ...idFields.flatMap((field) => [
      textCase(field, `257 bytes in ${field}`, "x".repeat(257)),
      textCase(field, `258 bytes of 129 letters in ${field}`, "é".repeat(129)),
      textCase(field, `10 kB in ${field}`, "x".repeat(10_000)),
    ]),
    ...textFields.map((field) => textCase(field, `4097 bytes in ${field}`, "x".repeat(4097))),
    attributesCase("1025 bytes", `{"a":"${"x".repeat(1017)}"}`),
  ].map((one) => ({ ...one, reason: "FIELD_TOO_LONG" as const })),
  ...[...idFields, ...textFields].flatMap((field) =>
    ["\ud83d", "a\udc00b"].map((text) => ({
      ...textCase(field, `half a surrogate pair in ${field}: ${JSON.stringify(text)}`, text),
      reason: "FIELD_INVALID" as const,
    })),
  ),
  ...(["file", "function"] as const).flatMap((member): readonly BadEvent[] => [
    {
      what: `with 4097 bytes in caller.${member}`,
      rest: { caller: { [member]: "x".repeat(4097) } },
      restField: `caller.${member}`,
      rpc: { [member === "file" ? "callerFile" : "callerFunction"]: "x".repeat(4097) },
      rpcField: `caller_${member}`,
      reason: "FIELD_TOO_LONG",
    },
  ]),
  {
    what: "with 257 bytes in the session id of its attributes",
    rest: { attributes: { "session.id": "x".repeat(257) } },
    restField: 'attributes["session.id"]',
    rpc: { attributesValue: { case: "attributes", value: { "session.id": "x".repeat(257) } } },
    rpcField: 'attributes["session.id"]',
    reason: "FIELD_TOO_LONG",
  },
  {
    what: "with 257 bytes in the session id of its data",
    rest: { attributes: undefined, data: { session_id: "x".repeat(257) } },
    restField: 'data["session_id"]',
    reason: "FIELD_TOO_LONG",
  },
  ...[33, 34, 10_000].map((levels) => ({
    ...attributesCase(`${levels} levels`, nested(levels)),
    reason: "NESTING_TOO_DEEP" as const,
  })),
  {
    what: "with 33 levels in its attributes, as a structure",
    rpc: { attributesValue: { case: "attributes", value: JSON.parse(nested(33)) } },
    rpcField: "attributes",
    reason: "NESTING_TOO_DEEP",
  },
  {
    what: "with a further member of 1025 bytes",
    rest: { more: "x".repeat(1023) },
    restField: "more",
    reason: "FIELD_TOO_LONG",
  },
  {
    what: "with 1025 bytes of further members",
    rest: { more: "x".repeat(1014) },
    restField: "extensions",
    rpc: { extensionsJson: `{"more":"${"x".repeat(1014)}"}` },
    rpcField: "extensions_json",
    reason: "FIELD_TOO_LONG",
  },
  ...[33, 10_000].map((levels) => ({
    what: `with ${levels} levels in its further members`,
    rest: eventText(`"more":${nested(levels - 1)}`),
    restField: "more",
    rpc: { extensionsJson: `{"more":${nested(levels - 1)}}` },
    rpcField: "extensions_json",
    reason: "NESTING_TOO_DEEP" as const,
  })),
];

/** What is just not too much, and odd things that are fine. The same event over REST and as a message. */
export const goodEdges: readonly EventCase[] = [
  ...idFields.flatMap((field) => [
    textCase(field, `256 bytes in ${field}`, "x".repeat(256)),
    textCase(field, `256 bytes of 64 letters in ${field}`, "🚀".repeat(64)),
  ]),
  ...textFields.map((field) => textCase(field, `4096 bytes in ${field}`, "x".repeat(4096))),
  timeCase("the first moment of 2000", "2000-01-01T00:00:00Z"),
  timeCase("the last moment that is not too far ahead", "2025-06-02T12:00:00Z"),
  attributesCase("1024 bytes", `{"a":"${"x".repeat(1016)}"}`),
  attributesCase("32 levels", nested(32)),
  {
    what: "with 32 levels in its further members",
    rest: eventText(`"more":${nested(31)}`),
    rpc: { extensionsJson: `{"more":${nested(31)}}` },
  },
  {
    what: "with null in every optional field",
    rest: Object.fromEntries(
      ["event_id", "session_id", "trace_id", "span_id", ...textFields].map((key) => [key, null]),
    ),
    rpc: {},
  },
  { what: "with a duration of 0", rest: { duration_ms: 0 }, rpc: { durationMs: 0 } },
  {
    what: "with a number as session and as id",
    rest: { session_id: 5, event_id: 7 },
    rpc: { sessionId: "5", eventId: "7" },
  },
  {
    what: "with numbers that are none",
    rest: eventText('"attributes":{},"x":[NaN,-Infinity]'),
    rpc: { extensionsJson: '{"x":["NaN","-Infinity"]}' },
  },
];

function required(field: string) {
  return { restField: field, rpcField: field, reason: "FIELD_REQUIRED" } as const;
}

function invalid(field: string) {
  return { restField: field, rpcField: field, reason: "FIELD_INVALID" } as const;
}

function wrongType(field: string, value: unknown): BadEvent {
  return { what: `whose ${field} is ${JSON.stringify(value)}`, rest: { [field]: value }, ...invalid(field) };
}

function badTime(value: unknown, reason: ErrorReason): BadEvent {
  return { what: `of ${JSON.stringify(value)}`, rest: { timestamp: value }, restField: "timestamp", reason };
}

function timeCase(what: string, text: string): EventCase {
  return { what: `of ${what}`, rest: { timestamp: text }, rpc: { eventTime: time(text) } };
}

/** A text in a field that has the same name everywhere. */
function textCase(field: string, what: string, text: string): Omit<BadEvent, "reason"> {
  const rest: EventCase = { what: `with ${what}`, rest: { [field]: text } };
  const name = field.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  // Half a surrogate pair makes a message undecodable, or never gets into it.
  const rpc = text.isWellFormed() ? { rpc: { [name]: text }, rpcField: field } : {};
  return { ...rest, restField: field, ...rpc };
}

/** Attributes that are this JSON text. */
function attributesCase(what: string, text: string): Omit<BadEvent, "reason"> {
  return {
    what: `with ${what} in its attributes`,
    rest: `{"attributes":${text},${JSON.stringify({ ...goodEvent, attributes: undefined }).slice(1)}`,
    restField: "attributes",
    rpc: { attributesValue: { case: "attributesJson", value: text } },
    rpcField: "attributes_json",
  };
}
