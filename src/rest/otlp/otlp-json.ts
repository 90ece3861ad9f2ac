import { type DescMessage, fromJson, type JsonValue, type MessageShape } from "@bufbuild/protobuf";
import { parseExactJson } from "../../model/exact-json.ts";
import { messageLevelsMax } from "../../rpc/otlp/message-levels.ts";

/**
 * Reads a message of OpenTelemetry from its JSON encoding: that of protobuf, except that ids are hexadecimal digits of either case.
 * Fields that are not known are ignored. No digit of a 64-bit number is lost, in whichever form it comes.
 *
 * For the one value that is wrong, not the whole request is refused where that can be helped: an id that is none is read as absent, an
 * integer that 64 bits do not hold as a floating-point number, and half of a surrogate pair as a replacement character.
 *
 * Throws where the text is no JSON, not of this message, or nested deeper than `messageLevelsMax`.
 */
export function messageFromOtlpJson<Desc extends DescMessage>(desc: Desc, text: string): MessageShape<Desc> {
  const json = protoJson(parseExactJson(text), jsonLevelsMax);
  return fromJson(desc, json, { ignoreUnknownFields: true, recursionLimit: messageLevelsMax });
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
