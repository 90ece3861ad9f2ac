import type { DerivedFacts, OperationKind, OperationPart } from "../../model/event.ts";
import { isJsonObject } from "../../model/exact-json.ts";
import type { Limits } from "../../model/limits.ts";
import type { LlmFacts } from "../../model/llm-call.ts";
import { vendorOf } from "../../model/vendor.ts";
import { idText } from "../id-text.ts";
import { boundedText } from "../text-bounds.ts";
import { type Alias, findFact, jsonValueOf, type OtlpFactSource, scopeNameOf } from "./alias.ts";
import { attributeTable } from "./attribute-table.ts";
import { findLogOperation } from "./log-operation.ts";
import { microsOf } from "./nanos.ts";
import { type KindAlias, kindTable, wrapperAttributes, wrapperScopes } from "./operation-table.ts";
import { readOtlpTokens } from "./otlp-tokens.ts";
import { findOutcome } from "./outcome.ts";
import { isRepeating } from "./repeating-span.ts";

/**
 * Reads out of an OpenTelemetry event what is derived from it. Every span is an operation; a log record is one only where it tells a
 * whole call that no span tells.
 */
export function findOtlpFacts(source: OtlpFactSource, { idMaxBytes }: Limits): DerivedFacts {
  const readText = (value: unknown): string | null => readId(value, idMaxBytes);
  const textOf = (aliases: readonly Alias[]) => findFact(source, aliases, readText)?.value ?? null;
  const operation = findOperation(source, textOf);
  return {
    llmProvider: operation?.llm?.vendor ?? findVendor(textOf),
    operation,
    alert: null,
    ownership: {
      agentId: textOf(attributeTable.agentName) ?? textOf(attributeTable.agentId),
      sessionId: textOf(attributeTable.session),
    },
  };
}

/** What kind of work an event tells, and by which name that was found; null for a log record that tells no work. */
export function findOperationKind(
  source: OtlpFactSource,
): { readonly kind: OperationKind; readonly alias: Alias | null } | null {
  if (source.channel !== "SPAN") {
    const log = findLogOperation(source);
    return log === null ? null : { kind: log.kind, alias: null };
  }
  if (isRepeating(source)) return { kind: "other", alias: null };
  for (const { names, read } of kindReaders) {
    const found = findFact(source, names, read);
    if (found !== null) return { kind: found.value, alias: found.alias };
  }
  return { kind: "other", alias: null };
}

const kindReaders = kindTable.map((entry) => ({
  names: [entry.alias],
  read: (value: unknown) => kindOf(entry, value),
}));

function kindOf({ kinds, any }: KindAlias, value: unknown): OperationKind | null {
  if (any !== undefined) return any;
  const text = jsonValueOf(value);
  const name = typeof text === "string" ? text.toLowerCase() : "";
  return kinds !== undefined && Object.hasOwn(kinds, name) ? (kinds[name] ?? null) : null;
}

type TextOf = (aliases: readonly Alias[]) => string | null;

function findOperation(source: OtlpFactSource, textOf: TextOf): OperationPart | null {
  const kind = findOperationKind(source)?.kind;
  if (kind === undefined) return null;
  return {
    kind,
    family: source.name,
    runId: null,
    chainId: null,
    nodeId: null,
    subject: null,
    toolName: kind === "tool" ? textOf(attributeTable.toolName) : null,
    isAlone: true,
    outcome: findOutcome(source),
    endMicros: endMicrosOf(source),
    llm: kind === "llm" ? readLlmFacts(source, textOf) : null,
  };
}

function readLlmFacts(source: OtlpFactSource, textOf: TextOf): LlmFacts {
  return {
    vendor: findVendor(textOf) ?? findLogOperation(source)?.vendor ?? null,
    requestedModel: textOf(attributeTable.requestedModel),
    usedModel: textOf(attributeTable.usedModel),
    stopReason: textOf(attributeTable.stopReason),
    tokens: readOtlpTokens(source).tokens,
    isWrapper: isWrapper(source),
  };
}

function findVendor(textOf: TextOf): string | null {
  const name = textOf(attributeTable.provider);
  return name === null ? null : vendorOf(name);
}

/** At the beginning of a word: diagnostics are no `agno`. */
const wrapperScope = new RegExp(`(?<![a-z])(?:${wrapperScopes.map(RegExp.escape).join("|")})`, "i");

function isWrapper(source: OtlpFactSource): boolean {
  if (wrapperScope.test(scopeNameOf(source))) return true;
  return wrapperAttributes.some(({ attribute, values }) => {
    const value = source.attributes[attribute];
    return typeof value === "string" && values.includes(value.toLowerCase());
  });
}

/** When a span ended; null for one that runs, and for a log record, whose time that is. */
function endMicrosOf({ channel, extensions }: OtlpFactSource): number | null {
  const nanos = channel === "SPAN" ? extensions?.["end_time_unix_nano"] : undefined;
  return typeof nanos === "string" ? microsOf(BigInt(nanos)) : null;
}

/** A name or an id: a text or a number; of a list, or the JSON text of one, the first. */
function readId(value: unknown, maxBytes: number): string | null {
  const text = idText(value);
  if (text === undefined) return Array.isArray(value) && value.length > 0 ? readId(value[0], maxBytes) : null;
  if (/^\s*["[]/.test(text)) {
    const inner = jsonValueOf(text);
    if (inner !== text && !isJsonObject(inner)) return readId(inner, maxBytes);
  }
  return boundedText(text.trim(), maxBytes);
}
