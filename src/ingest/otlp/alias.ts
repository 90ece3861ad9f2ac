import { isJsonObject, type JsonObject, parseExactJson } from "../../model/exact-json.ts";
import { isDeeperThan } from "../nesting.ts";
import { indexedValue } from "./indexed-attributes.ts";

/** What an OpenTelemetry event says, as far as facts are read out of it: see `span-event.ts` and `log-event.ts`. */
export interface OtlpFactSource {
  readonly channel: string | null;
  readonly spanId: string | null;
  readonly parentSpanId: string | null;
  readonly name: string;
  readonly level: string;
  readonly attributes: JsonObject;
  readonly extensions: JsonObject | null;
}

/** Who defined an attribute. */
export type Convention =
  | "opentelemetry"
  | "gen_ai"
  | "openinference"
  | "openllmetry"
  | "mcp"
  | "vercel"
  | "langfuse"
  | "mlflow"
  | "openlit"
  | "pydantic-ai"
  | "claude-code"
  | "codex"
  | "gemini-cli";

/** One of the names that a fact goes by. */
export interface Alias extends AliasDetails {
  readonly attribute: string;
  readonly convention: Convention;
}

/** What there may be to say of a name beside it. */
export interface AliasDetails {
  /** There is a newer name. */
  readonly isDeprecated: boolean;
  /** The way to the fact inside the attribute, which is an object or the JSON text of one. */
  readonly member: readonly string[] | null;
  /** It is an attribute of an event of the span that has this name. */
  readonly event: string | null;
  /** It is an attribute of the resource, a member of the status, the span's own name, or a log record's own member. */
  readonly from: "resource" | "status" | "span" | "record" | null;
  /** There are several attributes: this name, a dot, a number from 0 on, and more. */
  readonly isIndexed: boolean;
  /** It counts only where this attribute is there, or has one of these values, in lower case. */
  readonly when: { readonly attribute: string; readonly values?: readonly string[] } | null;
  /** It counts only where there is no span above. */
  readonly isOfRoot: boolean;
  /** Of tokens: those of caches, or of reasoning, are not counted in it. */
  readonly counts: "apart" | null;
}

/** Makes the names of a convention. All have the same members, which makes looking through them some times faster. */
export const namesOf =
  (convention: Convention) =>
  (attribute: string, details: Partial<AliasDetails> = {}): Alias => ({
    attribute,
    convention,
    isDeprecated: details.isDeprecated ?? false,
    member: details.member ?? null,
    event: details.event ?? null,
    from: details.from ?? null,
    isIndexed: details.isIndexed ?? false,
    when: details.when ?? null,
    isOfRoot: details.isOfRoot ?? false,
    counts: details.counts ?? null,
  });

/** A fact and the name that it was found by. */
export interface Found<Value> {
  readonly value: Value;
  readonly alias: Alias;
}

/** Conventions whose names are common words: they are told by the beginning of the event's name, or by the library that reports. */
const conventionMarks: Partial<Record<Convention, { readonly name?: string; readonly scope?: string }>> = {
  "claude-code": { name: "claude_code." },
  codex: { name: "codex." },
  "gemini-cli": { name: "gemini_cli." },
  "pydantic-ai": { scope: "pydantic-ai" },
};

/** The first of the names under which `read` finds something. */
export function findFact<Value>(
  source: OtlpFactSource,
  aliases: readonly Alias[],
  read: (value: unknown) => Value | null,
): Found<Value> | null {
  for (const alias of aliases) {
    const value = isPlain(alias) ? source.attributes[alias.attribute] : valueOf(source, alias);
    if (value === undefined || value === null) continue;
    const fact = read(value);
    if (fact !== null && doesApply(source, alias)) return { value: fact, alias };
  }
  return null;
}

/** The name of the library that reports; empty where it has none. */
export function scopeNameOf({ extensions }: OtlpFactSource): string {
  const scope = extensions?.["scope"];
  const name = isJsonObject(scope) ? scope["name"] : undefined;
  return typeof name === "string" ? name : "";
}

/** What the resource says of itself. */
export function resourceAttributesOf({ extensions }: OtlpFactSource): JsonObject {
  const resource = extensions?.["resource"];
  const attributes = isJsonObject(resource) ? resource["attributes"] : undefined;
  return isJsonObject(attributes) ? attributes : {};
}

/** The events of a span, in order. */
export function spanEventsOf({ extensions }: OtlpFactSource): readonly SpanEvent[] {
  const events = extensions?.["events"];
  if (!Array.isArray(events)) return [];
  return events.filter(isJsonObject).map(({ name, attributes }) => ({
    name: typeof name === "string" ? name : "",
    attributes: isJsonObject(attributes) ? attributes : {},
  }));
}

/** An event of a span, as far as it is looked at. */
export interface SpanEvent {
  readonly name: string;
  readonly attributes: JsonObject;
}

/** Nearly all are. */
function isPlain({ event, from, member, isIndexed }: Alias): boolean {
  return event === null && from === null && member === null && !isIndexed;
}

/** What stands under the name; undefined where nothing does. */
function valueOf(source: OtlpFactSource, alias: Alias): unknown {
  const holder = holderOf(source, alias);
  if (holder === undefined) return undefined;
  if (alias.isIndexed) return indexedValue(holder, alias.attribute);
  const value = holder[alias.attribute];
  return alias.member === null ? value : memberOf(value, alias.member);
}

function holderOf(source: OtlpFactSource, { event, from }: Alias): JsonObject | undefined {
  if (event !== null) return spanEventsOf(source).find(({ name }) => name === event)?.attributes;
  if (from === "resource") return resourceAttributesOf(source);
  if (from === "span") return { name: source.name };
  if (from === "record") return source.extensions ?? undefined;
  if (from === null) return source.attributes;
  const status = source.extensions?.["status"];
  return isJsonObject(status) ? status : undefined;
}

/** Whether the event may use the name at all. */
function doesApply(source: OtlpFactSource, { convention, when, isOfRoot }: Alias): boolean {
  const mark = conventionMarks[convention];
  if (mark?.name !== undefined && !source.name.startsWith(mark.name)) return false;
  if (mark?.scope !== undefined && scopeNameOf(source) !== mark.scope) return false;
  if (isOfRoot && source.parentSpanId !== null) return false;
  if (when === null) return true;
  const value = jsonValueOf(source.attributes[when.attribute]);
  if (when.values === undefined) return value !== undefined && value !== null;
  return typeof value === "string" && when.values.includes(value.toLowerCase());
}

function memberOf(value: unknown, member: readonly string[]): unknown {
  let inner: unknown = jsonValueOf(value);
  for (const key of member) inner = isJsonObject(inner) ? inner[key] : undefined;
  return inner;
}

/** Levels of a document inside a text; deeper ones stay a text. */
const textNestingMax = 32;

/** What a text is the JSON of, where it is that of an object, a list or a text; anything else, or a text cut short, as it is. */
export function jsonValueOf(value: unknown): unknown {
  if (typeof value !== "string" || !/^\s*[[{"]/.test(value)) return value;
  try {
    const parsed = parseExactJson(value);
    return isDeeperThan(parsed, textNestingMax) ? value : parsed;
  } catch (error) {
    // A text that is no JSON (SyntaxError), or too deep to be walked (RangeError), is a text.
    if (error instanceof SyntaxError || error instanceof RangeError) return value;
    throw error;
  }
}
