import { describe, expect, test } from "vitest";
import {
  createOtlpDiagnostics,
  diagnosedNamesMax,
  diagnosedScopesMax,
  examinedFully,
} from "../../../src/ingest/otlp/diagnostics.ts";
import type { OtlpExplanation } from "../../../src/ingest/otlp/explanation.ts";
import type { OtlpOrigin } from "../../../src/ingest/otlp/otlp-input.ts";

const nothing = { value: {}, text: "{}", attributes: {} };

function originOf(scopeName: string | null, scopeVersion: string | null = "1.0"): OtlpOrigin {
  return { resource: nothing, scope: nothing, scopeName, scopeVersion, schemaUrl: null };
}

function explain(overrides: Partial<OtlpExplanation> = {}): () => OtlpExplanation {
  const counting = { caches: null, reasoning: null };
  return () => ({ fields: [], counting, deprecated: [], unknown: [], missing: [], warnings: [], ...overrides });
}

const session = { field: "session", attribute: "gen_ai.conversation.id", convention: "gen_ai" } as const;

describe("diagnostics", () => {
  test("count by scope, version and signal what filled each field, and what is deprecated, unknown and missing", () => {
    const { observe, report } = createOtlpDiagnostics();
    observe(
      originOf("b"),
      "span",
      explain({ fields: [session], unknown: ["gen_ai.x"], deprecated: ["gen_ai.system"] }),
    );
    observe(originOf("b"), "span", explain({ fields: [{ ...session, attribute: "session.id" }] }));
    observe(originOf("b"), "span", explain({ fields: [session], missing: ["cost: no model told"] }));
    observe(originOf("b"), "log", explain());
    observe(originOf("a", null), "span", explain());
    expect(report()).toEqual([
      expect.objectContaining({ scopeName: "a", scopeVersion: "", signal: "span", receivedCount: 1, examinedCount: 1 }),
      expect.objectContaining({ scopeName: "b", scopeVersion: "1.0", signal: "log", receivedCount: 1 }),
      {
        scopeName: "b",
        scopeVersion: "1.0",
        signal: "span",
        receivedCount: 3,
        examinedCount: 3,
        fields: [
          { ...session, count: 2 },
          { ...session, attribute: "session.id", count: 1 },
        ],
        counting: [],
        deprecated: [{ name: "gen_ai.system", count: 1 }],
        unknown: [{ name: "gen_ai.x", count: 1 }],
        hints: [{ name: "cost: no model told", count: 1 }],
      },
    ]);
  });

  test("count how tokens are counted", () => {
    const { observe, report } = createOtlpDiagnostics();
    observe(originOf("a"), "span", explain({ counting: { caches: "apart", reasoning: "within" } }));
    observe(originOf("a"), "span", explain({ counting: { caches: "within", reasoning: null } }));
    observe(originOf("a"), "span", explain({ counting: { caches: "apart", reasoning: null } }));
    observe(originOf("b"), "span", explain());
    expect(report().map(({ counting }) => counting)).toEqual([
      [
        { part: "caches", counted: "within", count: 1 },
        { part: "caches", counted: "apart", count: 2 },
        { part: "reasoning", counted: "within", count: 1 },
      ],
      [],
    ]);
  });

  test("give each warning of a scope once", () => {
    const { observe } = createOtlpDiagnostics();
    const missing = explain({ missing: ["one", "two", "quiet"], warnings: ["one", "two"] });
    expect(observe(originOf("a"), "span", missing)).toEqual(["one", "two"]);
    expect(observe(originOf("a"), "span", missing)).toEqual([]);
    expect(observe(originOf("a"), "span", explain({ warnings: ["two", "three"] }))).toEqual(["three"]);
    expect(observe(originOf("a", "2.0"), "span", missing)).toEqual(["one", "two"]);
  });

  test("look at everything at first, and then at one in a hundred", () => {
    const { observe, report } = createOtlpDiagnostics();
    for (let count = 0; count < examinedFully + 1_000; count += 1) observe(originOf("a"), "span", explain());
    expect(report()).toMatchObject([{ receivedCount: examinedFully + 1_000, examinedCount: examinedFully + 10 }]);
  });

  test("hold a bounded number of scopes and names", () => {
    const { observe, report } = createOtlpDiagnostics();
    for (let number = 0; number <= diagnosedScopesMax; number += 1) observe(originOf(`s${number}`), "span", explain());
    for (let number = 0; number <= diagnosedNamesMax; number += 1) {
      observe(originOf("s0"), "span", explain({ unknown: [`gen_ai.x${number}`] }));
    }
    const scopes = report();
    expect(scopes).toHaveLength(diagnosedScopesMax);
    expect(scopes.find(({ scopeName }) => scopeName === "s0")?.unknown).toHaveLength(diagnosedNamesMax);
  });
});
