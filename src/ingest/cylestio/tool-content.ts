import { isJsonObject, type JsonObject } from "../../model/exact-json.ts";
import { readErrorText } from "./error-message.ts";
import { firstAt, type Place } from "./places.ts";

/** The attributes of the two events of one call, as parsed JSON; null where there is no such event. */
export interface ToolCallSource {
  readonly start: unknown;
  readonly finish: unknown;
}

/** What a tool was called with and what came of it, as sent. Null is not told. */
export interface ToolContent {
  /** Of any JSON type: an object, a list, or the text that Python prints for them. */
  readonly arguments: unknown;
  readonly result: unknown;
  /** What went wrong, or why the call was blocked; null too where only the result tells that the tool failed. */
  readonly error: string | null;
}

/** Where one value holds all arguments. `tool.params` is none of these: it has names without values. */
const argumentPlaces: readonly Place[] = [["tool.input"], ["tool.call.inputs"], ["input"]];

/** Python's positional and named arguments. */
const positionalPlaces: readonly Place[] = [["tool.args"], ["args"]];
const namedPlaces: readonly Place[] = [["tool.kwargs"], ["kwargs"]];

const resultPlaces: readonly Place[] = [
  ["tool.output"],
  ["tool.result"],
  ["tool.result.output"],
  ["result"],
  ["output"],
  ["response"],
];

const reasonPlaces: readonly Place[] = [["reason"]];

/** Reads what a call of a tool was about, in any shape that the Cylestio SDKs have had. */
export function readToolContent({ start, finish }: ToolCallSource): ToolContent {
  const finished = isJsonObject(finish) ? finish : {};
  return {
    arguments: (isJsonObject(start) ? readArguments(start) : null) ?? readArguments(finished),
    result: firstAt(finished, resultPlaces, told),
    error: readErrorText(finished) ?? firstAt(finished, reasonPlaces, toldText),
  };
}

/** Where both positional and named arguments are there, an object of both; empty ones count as not there beside the others. */
function readArguments(attributes: JsonObject): unknown {
  const all = firstAt(attributes, argumentPlaces, told);
  if (all !== null) {
    return all;
  }
  const positional = firstAt(attributes, positionalPlaces, told);
  const named = firstAt(attributes, namedPlaces, told);
  if (named === null || (isEmpty(named) && positional !== null)) {
    return positional;
  }
  return positional === null || isEmpty(positional) ? named : { args: positional, kwargs: named };
}

function told(value: unknown): unknown {
  return value ?? null;
}

function toldText(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

const emptyTexts: ReadonlySet<unknown> = new Set(["", "()", "[]", "{}"]);

function isEmpty(value: unknown): boolean {
  return emptyTexts.has(value) || (typeof value === "object" && value !== null && Object.keys(value).length === 0);
}
