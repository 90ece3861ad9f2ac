import { isJsonObject, type JsonObject } from "../../model/exact-json.ts";
import { createMemo } from "../../model/memo.ts";
import { type AlertFacts, type AlertSeverity, alertSeverities } from "../../model/security-alert.ts";
import { textBeginning } from "../text-beginning.ts";
import { boundedText } from "../text-bounds.ts";
import { operationFamilies } from "./operation-families.ts";
import { firstAt, type Place } from "./places.ts";

/** What `findAlertFacts` looks at. */
export interface AlertFactsSource {
  readonly name: string;
  readonly level: string;
  readonly attributes: JsonObject;
  readonly extensions: JsonObject | null;
  /** Bytes of a text; of samples and descriptions the beginning is taken, other texts that are longer count as not told. */
  readonly textMaxBytes: number;
}

/** How bad the words for an alert level are. `none` is one too, and says that there is no finding. */
const severityOfLevel: ReadonlyMap<string, AlertSeverity> = new Map([
  ["suspicious", "medium"],
  ["dangerous", "high"],
  ["critical", "critical"],
]);

/** How bad a finding is that tells it by the level of its event alone. */
const severityOfEventLevel: ReadonlyMap<string, AlertSeverity> = new Map([
  ["SECURITY_ALERT", "high"],
  ["CRITICAL", "critical"],
]);

/** Where findings tell how bad they are: the scanner's (v1), those of the SDK's sensors, the legacy ones. */
const severityPlaces: readonly Place[] = [["security.severity"], ["alert.severity"], ["severity"]];
const alertLevelPlaces: readonly Place[] = [["security.alert_level"], ["alert_level"], ["alert"]];

const categoryPlaces: readonly Place[] = [["security.category"], ["category"]];
const keywordPlaces: readonly Place[] = [["security.keywords"], ["keywords"]];
const descriptionPlaces: readonly Place[] = [["security.description"], ["description"], ["reason"]];

/** The text in question. Where an event has both, its alert is about the answer, for its prompt was looked at before. */
const samplePlaces: readonly Place[] = [
  ["security.content_sample"],
  ["alert.evidence"],
  ["response"],
  ["result"],
  ["prompt"],
  ["args"],
  ["content"],
];

const keywordsMax = 100;

/** Bytes of a sample where it is cut out of a text that was sent whole; the SDK cuts its own to 100 characters. */
const sampleMaxBytes = 500;

/**
 * The security finding that an event reports; null for every other event. Findings are
 *
 * - events whose name says so: `security.content.suspicious`, `security.content.dangerous`, `security.alert`, `security_alert`;
 *   and other `security.` events that tell a severity or an alert level, but for those on the monitor's own work (`….start`);
 * - a call of a model or a tool that was blocked for a `reason`: without one, `LLM_call_blocked` tells of an error of the API;
 * - any other event whose `alert`, in its data or beside them, is `suspicious` or `dangerous`, as the legacy SDK marks calls.
 *
 * An alert level of `none` rules a finding out. So does a name that ends in `error`. `security.alert_level` on the `llm.call` events
 * of v1 repeats what a `security.content` event of the same span reports, and is no finding of its own.
 */
export function findAlertFacts(source: AlertFactsSource): AlertFacts | null {
  const severity = findSeverity(source);
  return severity === null ? null : readFinding(source, severity);
}

/** What an event's name tells about whether it is a finding. */
interface NameClass {
  readonly kind: "finding" | "security" | "blocked" | "never" | "other";
  /** How bad a finding of that name is if it tells nothing else. */
  readonly severity: AlertSeverity | undefined;
}

const nameClasses = createMemo<NameClass>(1_000);

/** Names, in lower case with `.` for `_`, that say by themselves that something was found. */
const findingNames: ReadonlySet<string> = new Set([
  "security.alert",
  "security.content.suspicious",
  "security.content.dangerous",
  "security.content.critical",
]);

/** Last words of names that tell of the monitor's own work. */
const workPhases: ReadonlySet<string> = new Set(["start", "end", "finish", "stop"]);

function classify(name: string): NameClass {
  const dotted = name.toLowerCase().replaceAll("_", ".");
  const cut = dotted.lastIndexOf(".");
  const lastWord = dotted.slice(cut + 1);
  const family = dotted.slice(0, Math.max(cut, 0));
  return { kind: kindOfName(dotted, family, lastWord), severity: severityOfLevel.get(lastWord) };
}

function kindOfName(dotted: string, family: string, lastWord: string): NameClass["kind"] {
  if (lastWord === "error") {
    return "never";
  }
  if (findingNames.has(dotted)) {
    return "finding";
  }
  if (dotted.startsWith("security.")) {
    return workPhases.has(lastWord) ? "never" : "security";
  }
  const operation = lastWord === "blocked" ? operationFamilies.get(family)?.kind : undefined;
  return operation === "llm" || operation === "tool" ? "blocked" : "other";
}

/** How bad the event's finding is; null if it reports none. Asked of every event, so the usual one costs three look-ups. */
function findSeverity({ name, level, attributes, extensions }: AlertFactsSource): AlertSeverity | null {
  const { kind, severity } = nameClasses(name, () => classify(name));
  switch (kind) {
    case "other":
      return severityOfMark(attributes["alert"]) ?? (extensions === null ? null : severityOfMark(extensions["alert"]));
    case "never":
      return null;
    case "blocked":
      return severityOfBlock(attributes, extensions);
    case "security":
      return severityOfFinding(attributes, extensions, () => null);
    case "finding":
      return severityOfFinding(
        attributes,
        extensions,
        () => severity ?? severityOfEventLevel.get(level.toUpperCase()) ?? "medium",
      );
  }
}

/** What the legacy SDK marks an event with. Only its own two words count: `alert` may mean other things elsewhere. */
function severityOfMark(alert: unknown): AlertSeverity | null {
  if (alert === "suspicious") {
    return "medium";
  }
  return alert === "dangerous" ? "high" : null;
}

function severityOfBlock(attributes: JsonObject, extensions: JsonObject | null): AlertSeverity | null {
  const mark = readWord(attributes["alert"]) ?? readWord(extensions?.["alert"]);
  if (mark === "none") {
    return null;
  }
  const marked = mark === null ? undefined : severityOfLevel.get(mark);
  if (marked === undefined && readWord(attributes["reason"]) === null) {
    return null;
  }
  // The SDK blocks only what it holds to be dangerous.
  return firstAt(attributes, severityPlaces, readSeverity) ?? marked ?? "high";
}

function severityOfFinding(
  attributes: JsonObject,
  extensions: JsonObject | null,
  otherwise: () => AlertSeverity | null,
): AlertSeverity | null {
  const alertLevel = firstAt(attributes, alertLevelPlaces, readWord) ?? readWord(extensions?.["alert"]);
  if (alertLevel === "none") {
    return null;
  }
  return (
    firstAt(attributes, severityPlaces, readSeverity) ??
    (alertLevel === null ? undefined : severityOfLevel.get(alertLevel)) ??
    otherwise()
  );
}

function readSeverity(value: unknown): AlertSeverity | null {
  const word = readWord(value);
  return alertSeverities.find((severity) => severity === word) ?? null;
}

/** No word that is looked for has as many characters. */
const wordMaxLength = 32;

/** The beginning of a text in lower case; null for an empty one and for anything but a text. */
function readWord(value: unknown): string | null {
  return (typeof value === "string" && value.slice(0, wordMaxLength).trim().toLowerCase()) || null;
}

function readFinding({ attributes, textMaxBytes }: AlertFactsSource, severity: AlertSeverity): AlertFacts {
  const readBeginning = (value: unknown): string | null =>
    typeof value === "string" ? textBeginning(value, textMaxBytes) : null;
  const readSample = (value: unknown): string | null => {
    const text = lastText(value);
    return text === null ? null : textBeginning(text, Math.min(sampleMaxBytes, textMaxBytes));
  };
  return {
    severity,
    category: firstAt(attributes, categoryPlaces, (value) => readText(value, textMaxBytes)),
    keywords: firstAt(attributes, keywordPlaces, (value) => readKeywords(value, textMaxBytes)) ?? [],
    sample: firstAt(attributes, samplePlaces, readSample),
    description: firstAt(attributes, descriptionPlaces, readBeginning),
  };
}

function readText(value: unknown, maxBytes: number): string | null {
  return typeof value === "string" ? boundedText(value, maxBytes) : null;
}

function readKeywords(value: unknown, maxBytes: number): readonly string[] | null {
  const values: readonly unknown[] = Array.isArray(value) ? value.slice(0, keywordsMax) : [value];
  const keywords = values.map((keyword) => readText(keyword, maxBytes)).filter((keyword) => keyword !== null);
  return keywords.length === 0 ? null : keywords;
}

/** The text of a message in a list of lists, with parts of which the last has parts again, is eight steps down. */
const stepsMax = 8;

/** The text of a prompt or an answer: itself, or that of the last message and the last part of its content. */
function lastText(value: unknown): string | null {
  let current = value;
  for (let step = 0; step < stepsMax && typeof current === "object" && current !== null; step++) {
    current = Array.isArray(current) ? current.at(-1) : partOf(current);
  }
  return typeof current === "string" && current !== "" ? current : null;
}

function partOf(value: unknown): unknown {
  return isJsonObject(value) ? (value["content"] ?? value["text"] ?? value["prompt"] ?? value["messages"]) : undefined;
}
