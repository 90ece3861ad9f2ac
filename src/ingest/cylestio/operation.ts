import type { OperationOutcome, OperationPart } from "../../model/event.ts";
import { isJsonObject, type JsonObject } from "../../model/exact-json.ts";
import { createMemo } from "../../model/memo.ts";
import { idText } from "../id-text.ts";
import { boundedText } from "../text-bounds.ts";
import {
  failureStatuses,
  type OperationFamily,
  operationFamilies,
  otherFamily,
  standaloneNames,
  standalonePrefixes,
  statusAttributes,
} from "./operation-families.ts";

/** What `findOperation` looks at. */
export interface OperationSource {
  readonly name: string;
  readonly attributes: JsonObject;
  /** Bytes of an id or a name; what is longer counts as not told. */
  readonly idMaxBytes: number;
}

/** The event's part in an operation, told by its name and the table of families; null if it has none. */
export function findOperation({ name, attributes, idMaxBytes }: OperationSource): OperationPart | null {
  const read = readNames(name, () => readName(name));
  if (read === undefined) {
    return null;
  }
  const { family, row, phase } = read;
  const idOf = (...keys: readonly string[]): string | null => firstText(attributes, keys, idMaxBytes);
  return {
    kind: row.kind,
    family,
    outcome: phase === "ok" && saysFailure(row, attributes) ? "error" : phase,
    runId: idOf("run_id", "node.exec_id"),
    chainId: idOf("chain_id", "chain.id"),
    nodeId: idOf("node_id"),
    subject: row.subject === undefined ? null : idOf(row.subject),
    llm: null,
    isAlone: false,
    endMicros: null,
    toolName: idOf(...(row.toolNames ?? [])) ?? boundedText(quotedToolName(row, attributes), idMaxBytes),
  };
}

/** What a name tells of the part. The phase is the outcome, and null for a start. */
interface ReadName {
  readonly family: string;
  readonly row: OperationFamily;
  readonly phase: OperationOutcome | null;
}

const readNames = createMemo<ReadName | undefined>(1_000);

/** Undefined if an event of that name is no part of an operation. */
function readName(name: string): ReadName | undefined {
  const dotted = name.toLowerCase().replaceAll("_", ".");
  const cut = dotted.lastIndexOf(".");
  if (cut <= 0 || standaloneNames.has(dotted) || standalonePrefixes.some((prefix) => dotted.startsWith(prefix))) {
    return undefined;
  }
  const family = dotted.slice(0, cut);
  const row = operationFamilies.get(family) ?? otherFamily;
  const phase = phaseOf(row, dotted.slice(cut + 1));
  return phase === undefined ? undefined : { family, row, phase };
}

function phaseOf(row: OperationFamily, word: string): OperationOutcome | null | undefined {
  switch (word) {
    case "start":
      return null;
    case "end":
    case "finish":
      return "ok";
    case "error":
      return "error";
    case "blocked":
      return row === otherFamily ? undefined : "blocked";
    default:
      if (row.starts?.includes(word)) {
        return null;
      }
      return row.finishes?.includes(word) ? "ok" : undefined;
  }
}

function firstText(attributes: JsonObject, keys: readonly string[], maxBytes: number): string | null {
  for (const key of keys) {
    const text = boundedText(idText(attributes[key]), maxBytes);
    if (text !== null) {
      return text;
    }
  }
  return null;
}

function saysFailure(row: OperationFamily, attributes: JsonObject): boolean {
  return (
    statusAttributes.some((key) => failureStatuses.has(attributes[key])) ||
    (row.answer !== undefined && isFailedAnswer(attributes[row.answer]))
  );
}

/**
 * Whether a tool's answer is a failure: an object that says `isError`, or the text that Python prints for one, or a text that
 * starts with the word Error. That the word stands somewhere in a text means nothing, and `isError=False` means success.
 */
function isFailedAnswer(answer: unknown): boolean {
  if (typeof answer === "string") {
    return answer.includes("isError=True") || /^Error\b/.test(answer);
  }
  return isJsonObject(answer) && answer["isError"] === true;
}

function quotedToolName(row: OperationFamily, attributes: JsonObject): string | null {
  const text = row.quotedToolName === undefined ? undefined : attributes[row.quotedToolName];
  if (typeof text !== "string") {
    return null;
  }
  const start = text.indexOf("'") + 1;
  const end = start === 0 ? -1 : text.indexOf("'", start);
  return end === -1 ? null : text.slice(start, end);
}
