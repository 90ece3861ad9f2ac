import { type DescMessage, fromJson, type JsonValue, type MessageShape } from "@bufbuild/protobuf";
import { LogRecordSchema } from "../../../gen/opentelemetry/proto/logs/v1/logs_pb.ts";
import {
  ExponentialHistogramDataPointSchema,
  HistogramDataPointSchema,
  NumberDataPointSchema,
  SummaryDataPointSchema,
} from "../../../gen/opentelemetry/proto/metrics/v1/metrics_pb.ts";
import { SpanSchema } from "../../../gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import { parseExactJson } from "../../model/exact-json.ts";
import { messageLevelsMax } from "../../rpc/otlp/message-levels.ts";
import type { UnreadableItems } from "../../rpc/otlp/unreadable.ts";

/** A message, and what could not be read of it. */
export interface OtlpMessage<Desc extends DescMessage> {
  readonly message: MessageShape<Desc>;
  readonly unreadable: UnreadableItems;
}

/**
 * Reads a message of OpenTelemetry from its JSON encoding: that of protobuf, except that ids are hexadecimal digits of either case.
 * Fields that are not known are ignored. No digit of a 64-bit number is lost, in whichever form it comes.
 *
 * For the one value that is wrong, not the whole request is refused where that can be helped: an id that is none is read as absent, an
 * integer that 64 bits do not hold as a floating-point number, and half of a surrogate pair as a replacement character. A span, log
 * record or data point that still cannot be read is told with its number, and is an empty one in the message.
 *
 * Throws where the text is no JSON, not of this message, or nested deeper than `messageLevelsMax`.
 */
export function messageFromOtlpJson<Desc extends DescMessage>(desc: Desc, text: string): OtlpMessage<Desc> {
  const json = protoJson(parseExactJson(text), jsonLevelsMax);
  try {
    return { message: fromJson(desc, json, readOptions), unreadable: new Map() };
  } catch (error) {
    // Only now one by one: nearly every request can be read as a whole.
    const unreadable = clearUnreadable(desc, json);
    if (unreadable.size === 0) throw error;
    return { message: fromJson(desc, json, readOptions), unreadable };
  }
}

const readOptions = { ignoreUnknownFields: true, recursionLimit: messageLevelsMax } as const;

/** What is rejected one by one. */
const itemTypes: ReadonlySet<string> = new Set(
  [
    SpanSchema,
    LogRecordSchema,
    NumberDataPointSchema,
    HistogramDataPointSchema,
    ExponentialHistogramDataPointSchema,
    SummaryDataPointSchema,
  ].map(({ typeName }) => typeName),
);

/** What leads to them, and how deep they lie at most: resource, scope, metric, its data, and the points. */
const containerPattern = /^opentelemetry\.proto\.(?:trace|logs|metrics)\.v1\.\w+$/;

/** Empties the items that cannot be read, in the JSON of a request. The numbers are those that they have in it. */
function clearUnreadable(desc: DescMessage, json: JsonValue): Map<number, string> {
  const unreadable = new Map<number, string>();
  let number = 0;
  const readable = (type: DescMessage, item: JsonValue): JsonValue => {
    const reason = findReason(type, item);
    if (reason !== undefined) unreadable.set(number, reason);
    number += 1;
    return reason === undefined ? item : {};
  };
  const visit = (type: DescMessage, parent: JsonValue): void => {
    if (!isObject(parent)) return;
    for (const { message, jsonName, name } of type.fields) {
      if (message === undefined || !containerPattern.test(message.typeName)) continue;
      const value = parent[jsonName] ?? parent[name] ?? [];
      const members = Array.isArray(value) ? value : [value];
      for (const [index, member] of members.entries()) {
        if (!itemTypes.has(message.typeName)) visit(message, member);
        else members[index] = readable(message, member);
      }
    }
  };
  visit(desc, json);
  return unreadable;
}

function isObject(value: JsonValue): value is { [name: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Characters of what a decoder says: it may repeat all of a value. */
const reasonMaxLength = 500;

function findReason(desc: DescMessage, json: JsonValue): string | undefined {
  try {
    fromJson(desc, json, readOptions);
    return undefined;
  } catch (error) {
    return decodingReason(error);
  }
}

/** What a decoder says is wrong. */
export function decodingReason(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, reasonMaxLength).toWellFormed() : "";
}

/** Lists are levels in JSON alone. */
const jsonLevelsMax = 2 * messageLevelsMax;

/** A parsed JSON text of OpenTelemetry → the JSON of protobuf. The objects and arrays given are changed. */
function protoJson(value: unknown, levels: number): JsonValue {
  if (typeof value === "string") return value.toWellFormed();
  if (typeof value !== "object" || value === null) return value as JsonValue;
  // As text: protobuf takes numbers of any type so.
  if (JSON.isRawJSON(value)) return value.rawJSON;
  if (levels === 0) throw new RangeError(`nested deeper than ${messageLevelsMax} levels`);
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) value[index] = protoJson(item, levels - 1);
    return value;
  }
  // Names of fields only: keys that users choose are values in OpenTelemetry.
  const fields = value as Record<string, JsonValue>;
  for (const name of Object.keys(fields)) {
    const member = fields[name];
    if (idNames.has(name)) fields[name] = base64Id(member);
    else fields[name] = protoJson(member, levels - 1);
  }
  const whole = fields["intValue"];
  if (whole !== undefined && isBeyondInt64(whole)) {
    delete fields["intValue"];
    fields["doubleValue"] = Number(whole);
  }
  return fields;
}

const idNames: ReadonlySet<string> = new Set(["traceId", "spanId", "parentSpanId"]);

function base64Id(value: JsonValue | undefined): string {
  const isHex = typeof value === "string" && value.length % 2 === 0 && /^[0-9a-f]*$/i.test(value);
  return isHex ? Buffer.from(value, "hex").toString("base64") : "";
}

const decimal = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** Whether it is a number, but none of 64 bits: exporters of JavaScript send every whole number as an integer. */
function isBeyondInt64(value: JsonValue): boolean {
  if (Number.isSafeInteger(value)) return false;
  const text = String(value);
  if (/^-?\d{1,19}$/.test(text)) return BigInt.asIntN(64, BigInt(text)) !== BigInt(text);
  return decimal.test(text) && Number.isFinite(Number(text));
}
