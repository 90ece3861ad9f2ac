import type { OtlpExplanation } from "./explanation.ts";
import type { OtlpOrigin } from "./otlp-input.ts";

/** Remembers how OpenTelemetry data was understood, since the start of the process. */
export interface OtlpDiagnostics {
  /**
   * Counts a span or log record in; `explain` is called where it is looked at. Returns warnings, each once for an instrumentation: a
   * client would hear them with every request otherwise.
   */
  observe(origin: OtlpOrigin, signal: OtlpSignal, explain: () => OtlpExplanation): readonly string[];
  /** By scope name, version and signal. */
  report(): readonly ScopeReport[];
}

export type OtlpSignal = "span" | "log";

/** What one instrumentation sent. */
export interface ScopeReport {
  readonly scopeName: string;
  readonly scopeVersion: string;
  readonly signal: OtlpSignal;
  readonly receivedCount: number;
  readonly examinedCount: number;
  readonly fields: readonly {
    readonly field: string;
    readonly attribute: string;
    readonly convention: string;
    readonly count: number;
  }[];
  /** How its calls count the tokens of caches and of reasoning. */
  readonly counting: readonly CountingReport[];
  readonly deprecated: readonly Counted[];
  readonly unknown: readonly Counted[];
  readonly hints: readonly Counted[];
}

/** A part of the tokens, and whether it came within the whole (input or output) or apart from it. */
export interface CountingReport {
  readonly part: keyof OtlpExplanation["counting"];
  readonly counted: "within" | "apart";
  readonly count: number;
}

/** A name, or a hint's text, with how often it came. */
export interface Counted {
  readonly name: string;
  readonly count: number;
}

/** Scopes that are remembered. */
export const diagnosedScopesMax = 200;

/** Spans or log records of a scope that are looked at one and all, and the share of those behind them. */
export const examinedFully = 1_000;
const examinedEvery = 100;

/** Different names that are counted for each scope and list. */
export const diagnosedNamesMax = 100;

interface Scope {
  readonly name: string;
  readonly version: string;
  readonly signal: OtlpSignal;
  received: number;
  examined: number;
  /** By field, attribute and convention as JSON text. */
  readonly fields: Map<string, number>;
  readonly counting: readonly CountingCount[];
  readonly deprecated: Map<string, number>;
  readonly unknown: Map<string, number>;
  readonly hints: Map<string, number>;
  /** That were given. */
  readonly warnings: Set<string>;
}

interface CountingCount extends CountingReport {
  count: number;
}

/** Begins with nothing. What is held is bounded. */
export function createOtlpDiagnostics(): OtlpDiagnostics {
  const scopes = new Map<string, Scope>();
  const scopeOf = ({ scopeName, scopeVersion }: OtlpOrigin, signal: OtlpSignal): Scope | undefined => {
    const name = JSON.stringify([scopeName ?? "", scopeVersion ?? "", signal]);
    const known = scopes.get(name);
    if (known !== undefined || scopes.size >= diagnosedScopesMax) return known;
    const scope = createScope(scopeName ?? "", scopeVersion ?? "", signal);
    scopes.set(name, scope);
    return scope;
  };
  return {
    observe(origin, signal, explain) {
      const scope = scopeOf(origin, signal);
      if (scope === undefined) return [];
      scope.received += 1;
      if (scope.received > examinedFully && scope.received % examinedEvery !== 0) return [];
      scope.examined += 1;
      const { fields, counting, deprecated, unknown, missing, warnings } = explain();
      for (const entry of scope.counting) if (counting[entry.part] === entry.counted) entry.count += 1;
      for (const { field, attribute, convention } of fields) {
        count(scope.fields, JSON.stringify([field, attribute, convention]));
      }
      for (const name of deprecated) count(scope.deprecated, name);
      for (const name of unknown) count(scope.unknown, name);
      for (const hint of missing) count(scope.hints, hint);
      const news = warnings.filter((warning) => !scope.warnings.has(warning));
      for (const warning of news) scope.warnings.add(warning);
      return news;
    },
    report: () =>
      [...scopes]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, scope]) => ({
          scopeName: scope.name,
          scopeVersion: scope.version,
          signal: scope.signal,
          receivedCount: scope.received,
          examinedCount: scope.examined,
          fields: fieldsOf(scope.fields),
          counting: scope.counting.filter(({ count }) => count > 0).map((entry) => ({ ...entry })),
          deprecated: byName(scope.deprecated),
          unknown: byName(scope.unknown),
          hints: byName(scope.hints).toSorted((a, b) => b.count - a.count),
        })),
  };
}

function createScope(name: string, version: string, signal: OtlpSignal): Scope {
  const counting = (["caches", "reasoning"] as const).flatMap((part) =>
    (["within", "apart"] as const).map((counted) => ({ part, counted, count: 0 })),
  );
  const nothing = { received: 0, examined: 0, fields: new Map(), deprecated: new Map(), unknown: new Map() };
  return { name, version, signal, ...nothing, counting, hints: new Map(), warnings: new Set() };
}

function count(counts: Map<string, number>, name: string): void {
  const known = counts.get(name);
  if (known !== undefined || counts.size < diagnosedNamesMax) counts.set(name, (known ?? 0) + 1);
}

function byName(counts: ReadonlyMap<string, number>): readonly Counted[] {
  return [...counts].map(([name, count]) => ({ name, count })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

function fieldsOf(counts: ReadonlyMap<string, number>): ScopeReport["fields"] {
  return [...counts]
    .map(([name, count]) => {
      // Only `observe` makes these names.
      const [field, attribute, convention] = JSON.parse(name) as [string, string, string];
      return { field, attribute, convention, count };
    })
    .sort((a, b) => compare(a.field, b.field) || b.count - a.count || compare(a.attribute, b.attribute));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
