import { isJsonObject } from "../../model/exact-json.ts";

/** The code that reports an event, as far as the client says it. */
export interface Caller {
  readonly file: string | null;
  readonly line: number | null;
  readonly function: string | null;
  /** Whether the client's caller says more than these three. */
  readonly isMore: boolean;
}

const noCaller: Caller = { file: null, line: null, function: null, isMore: false };

const int32Max = 2 ** 31 - 1;

/** Reads `{file, line, function}`, each of which may be missing or null. What does not fit is left out and told by `isMore`. */
export function readCaller(value: unknown): Caller {
  if (value === undefined || value === null || value === "") {
    return noCaller;
  }
  if (!isJsonObject(value)) {
    return { ...noCaller, isMore: true };
  }
  let file: string | null = null;
  let line: number | null = null;
  let name: string | null = null;
  let isMore = false;
  for (const key of Object.keys(value)) {
    const member = value[key];
    if (key === "file" && typeof member === "string") {
      file = member === "" ? null : member;
    } else if (key === "function" && typeof member === "string") {
      name = member === "" ? null : member;
    } else if (key === "line" && isLine(member)) {
      line = member;
    } else if (member !== null || !callerKeys.has(key)) {
      isMore = true;
    }
  }
  return { file, line, function: name, isMore };
}

const callerKeys: ReadonlySet<string> = new Set(["file", "line", "function"]);

function isLine(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= int32Max;
}
