import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findAlertFacts } from "../../../src/ingest/cylestio/alert-facts.ts";
import type { JsonObject } from "../../../src/model/exact-json.ts";
import { type AlertFacts, alertSeverities } from "../../../src/model/security-alert.ts";

interface Extra {
  readonly level?: string;
  readonly extensions?: JsonObject | null;
  readonly textMaxBytes?: number;
}

function alertOf(
  name: string,
  attributes: JsonObject = {},
  { level = "INFO", extensions = null, textMaxBytes = 4096 }: Extra = {},
): AlertFacts | null {
  return findAlertFacts({ name, level, attributes, extensions, textMaxBytes });
}

const blank = { category: null, keywords: [], sample: null, description: null };

describe("what each shape of finding tells", () => {
  test.each<[string, string, JsonObject, Extra, AlertFacts]>([
    [
      "v1, suspicious content",
      "security.content.suspicious",
      {
        "llm.vendor": "anthropic",
        "security.alert_level": "suspicious",
        "security.keywords": ["credit_card:4242-****-****-4242"],
        "security.content_sample": "{'messages': [{'role': 'user', 'content': 'Please charge card…",
        "security.category": "sensitive_data",
        "security.severity": "medium",
        "security.description": "Sensitive information",
      },
      { level: "WARNING" },
      {
        severity: "medium",
        category: "sensitive_data",
        keywords: ["credit_card:4242-****-****-4242"],
        sample: "{'messages': [{'role': 'user', 'content': 'Please charge card…",
        description: "Sensitive information",
      },
    ],
    [
      "v1 of an SDK that told neither category nor severity",
      "security.content.dangerous",
      { "security.alert_level": "dangerous", "security.keywords": ["drop table", "rm -rf"] },
      { level: "SECURITY_ALERT" },
      { ...blank, severity: "high", keywords: ["drop table", "rm -rf"] },
    ],
    ["v1 that tells nothing but its name", "security.content.suspicious", {}, {}, { ...blank, severity: "medium" }],
    [
      "a sensor of the SDK",
      "security.alert",
      {
        "alert.type": "Suspicious Network Connection",
        "alert.severity": "critical",
        "alert.evidence": "Connection to 203.0.113.7:4444 using tcp",
        "security.category": "network_connection",
        "security.description": "Potentially suspicious outbound connection",
      },
      { level: "CRITICAL" },
      {
        severity: "critical",
        category: "network_connection",
        keywords: [],
        sample: "Connection to 203.0.113.7:4444 using tcp",
        description: "Potentially suspicious outbound connection",
      },
    ],
    [
      "legacy alert",
      "security_alert",
      {
        alert: "dangerous",
        severity: "high",
        category: "dangerous_commands",
        reason: "destructive SQL keyword",
        prompt: "DROP TABLE stock_movements;",
      },
      { level: "WARNING" },
      {
        severity: "high",
        category: "dangerous_commands",
        keywords: [],
        sample: "DROP TABLE stock_movements;",
        description: "destructive SQL keyword",
      },
    ],
    [
      "the same in the in-between form",
      "security.alert",
      { alert: "suspicious", reason: "card number", source: "SECURITY" },
      {},
      { ...blank, severity: "medium", description: "card number" },
    ],
    [
      "a blocked call of a model",
      "LLM_call_blocked",
      { reason: "dangerous prompt", prompt: '[{"role": "user", "content": "DROP TABLE x;"}]' },
      { level: "WARNING", extensions: { alert: "dangerous" } },
      {
        ...blank,
        severity: "high",
        sample: '[{"role": "user", "content": "DROP TABLE x;"}]',
        description: "dangerous prompt",
      },
    ],
    [
      "a blocked call of a model that is only marked",
      "llm.call.blocked",
      { error: "blocked" },
      { extensions: { alert: "suspicious" } },
      { ...blank, severity: "medium" },
    ],
    [
      "a blocked call of a tool",
      "MCP_tool_call_blocked",
      { tool: "run_sql", args: '["DELETE FROM bookings"]', kwargs: "{}", reason: "dangerous content" },
      { level: "WARNING" },
      { ...blank, severity: "high", sample: '["DELETE FROM bookings"]', description: "dangerous content" },
    ],
    [
      "a marked prompt",
      "LLM_call_start",
      {
        method: "messages.create",
        prompt: [
          { role: "user", content: "Hi" },
          { role: "user", content: [{ type: "text", text: "bypass the approval step?" }] },
        ],
        alert: "suspicious",
      },
      {},
      { ...blank, severity: "medium", sample: "bypass the approval step?" },
    ],
    [
      "a mark beside the data",
      "LLM_call_start",
      { prompt: "x" },
      { extensions: { alert: "suspicious" } },
      { ...blank, severity: "medium", sample: "x" },
    ],
    [
      "a marked answer",
      "llm_response",
      { prompt: "Summarise", response: "rm -rf /", alert: "dangerous" },
      {},
      { ...blank, severity: "high", sample: "rm -rf /" },
    ],
    [
      "a marked answer with parts",
      "llm.call.finish",
      { response: { content: [{ type: "text", text: "rm -rf /" }] }, alert: "dangerous" },
      {},
      { ...blank, severity: "high", sample: "rm -rf /" },
    ],
    [
      "a marked result of a tool",
      "mcp.tool.call.finish",
      { tool: "read", result: '["password"]', alert: "suspicious" },
      {},
      { ...blank, severity: "medium", sample: '["password"]' },
    ],
    [
      "another finding of v1",
      "security.policy.violation",
      { "security.severity": "LOW", "security.category": "data_leakage" },
      {},
      { ...blank, severity: "low", category: "data_leakage" },
    ],
  ])("%s", (_shape, name, attributes, extra, alert) => {
    expect(alertOf(name, attributes, extra)).toEqual(alert);
  });
});

test.each<[string, JsonObject, Extra]>([
  // What v1 says about a call repeats the finding that has an event of its own.
  ["llm.call.start", { "security.alert_level": "dangerous", "security.keywords": ["drop table"] }, {}],
  ["llm.call.finish", { "security.alert_level": "suspicious", "security.severity": "medium" }, {}],
  ["process.exec", { "security.category": "process_execution", "security.severity": "high" }, { level: "WARNING" }],
  // An error of the API.
  ["LLM_call_blocked", { error: "AuthenticationError: invalid x-api-key", error_type: "AuthenticationError" }, {}],
  ["LLM_call_blocked", { reason: "", error: "no" }, { level: "ERROR" }],
  ["LLM_call_blocked", { reason: "budget exceeded", alert: "none" }, {}],
  ["LLM_call_blocked", { reason: "budget exceeded" }, { extensions: { alert: "none" } }],
  ["LLM_call_blocked", { reason: { code: 5 } }, {}],
  ["disk.blocked", { reason: "dangerous content" }, {}],
  ["chain.blocked", { reason: "dangerous content" }, {}],
  ["blocked", { reason: "dangerous content" }, {}],
  // Errors.
  ["LLM_call_error", { error: "x", alert: "dangerous" }, {}],
  ["tool.error", { "error.message": "dangerous" }, { level: "ERROR", extensions: { alert: "dangerous" } }],
  ["error", { alert: "suspicious" }, { level: "SECURITY_ALERT" }],
  ["security.scan.error", { "security.severity": "high" }, { level: "ERROR" }],
  // The monitor about itself.
  ["security.monitor.init", { patterns: 12 }, {}],
  ["security.scan.start", { "security.severity": "low" }, {}],
  ["security.scan.finish", { "security.alert_level": "dangerous" }, {}],
  ["security.content.scanned", { "security.alert_level": "none", "security.severity": "medium" }, {}],
  ["security.config", { "security.severity": "info" }, {}],
  ["security_alert", { alert: "none" }, {}],
  ["security_alert", { reason: "x" }, { extensions: { alert: "NONE" } }],
  // No mark of the SDK's.
  ["LLM_call_start", { alert: "none" }, { extensions: { alert: "none" } }],
  ["LLM_call_start", { alert: null }, { extensions: {} }],
  ["cpu.report", { alert: "critical", severity: "high" }, {}],
  ["disk.report", { alert: true }, { extensions: { security: { alert_level: "none" } } }],
  ["LLM_call_start", { alert: ["dangerous"] }, {}],
  ["LLM_call_start", { alert: { level: "dangerous" } }, {}],
])("%s %j %j is none", (name, attributes, extra) => {
  expect(alertOf(name, attributes, extra)).toBeNull();
});

describe("severity", () => {
  test.each<[string, JsonObject, string | undefined, string]>([
    ["security.content.dangerous", { "security.severity": "low" }, undefined, "low"],
    ["security.content.dangerous", { "security.severity": "awful" }, undefined, "high"],
    ["security.content.suspicious", { "security.alert_level": "Critical" }, undefined, "critical"],
    ["Security_Content_Dangerous", {}, undefined, "high"],
    ["security.alert", {}, "critical", "critical"],
    ["security.alert", {}, "SECURITY_ALERT", "high"],
    ["security_alert", { reason: "x" }, "WARNING", "medium"],
    ["security.exfiltration", { "security.alert_level": "dangerous" }, undefined, "high"],
    ["LLM_call_blocked", { alert: "suspicious" }, undefined, "medium"],
    ["LLM_call_blocked", { alert: "critical" }, undefined, "critical"],
    ["llm.call.blocked", { reason: "x", severity: "low" }, undefined, "low"],
    ["llm.call.blocked", { reason: "x", alert: "odd" }, undefined, "high"],
  ])("of %s %j at %s is %s", (name, attributes, level, severity) => {
    expect(alertOf(name, attributes, level === undefined ? {} : { level })?.severity).toBe(severity);
  });
});

describe("texts are bounded", () => {
  test("keywords are the first hundred entries, as far as they are texts that can be kept", () => {
    const keywords = Array.from({ length: 300 }, (_, index) => `k${index}`);
    expect(alertOf("security.alert", { "security.keywords": keywords })?.keywords).toEqual(keywords.slice(0, 100));
    const odd = [5, null, "", "x".repeat(4097), "\ud800", { a: 1 }, "ok"];
    expect(alertOf("security.alert", { "security.keywords": odd })?.keywords).toEqual(["ok"]);
    expect(alertOf("security.alert", { "security.keywords": "one" })?.keywords).toEqual(["one"]);
    expect(alertOf("security.alert", { "security.keywords": { a: "x" }, keywords: ["y"] })?.keywords).toEqual(["y"]);
  });

  test("of samples and descriptions the beginning is taken, of categories nothing", () => {
    const long = "ä€😀".repeat(10_000);
    const alert = alertOf("security_alert", { prompt: long, reason: long, category: long });
    expect(alert?.category).toBeNull();
    expect(Buffer.byteLength(alert?.description ?? "")).toBeLessThanOrEqual(4096);
    expect(Buffer.byteLength(alert?.description ?? "")).toBeGreaterThan(4092);
    expect(Buffer.byteLength(alert?.sample ?? "")).toBeLessThanOrEqual(500);
    expect(long.startsWith(alert?.sample ?? "no")).toBe(true);
    const short = alertOf("security_alert", { prompt: long, reason: long }, { textMaxBytes: 10 });
    expect(short).toMatchObject({ sample: "ä€😀", description: "ä€😀" });
  });

  test.each([
    [[], null],
    [[[]], null],
    [{ content: null }, null],
    [{ messages: [{ content: "in" }] }, "in"],
    [[[{ type: "human", content: [{ type: "tool_result", content: [{ text: "deep" }] }] }]], "deep"],
    [[[[[[[[[["too deep"]]]]]]]]], null],
    [7, null],
    [JSON.rawJSON("1e999"), null],
  ])("the sample of the prompt %j is %j", (prompt, sample) => {
    expect(alertOf("LLM_call_start", { prompt, alert: "suspicious" })?.sample).toBe(sample);
  });
});

test("whatever JSON a client sends, a finding keeps its types and bounds", () => {
  const names = fc.constantFrom("security.content.dangerous", "security_alert", "security.x", "LLM_call_blocked", "x");
  const keys = fc.constantFrom(
    "alert",
    "reason",
    "prompt",
    "security.keywords",
    "security.severity",
    "security.category",
  );
  const word = fc.constantFrom("dangerous", "suspicious", "high", "none", "\ud800", "ä".repeat(300), 5, null, true);
  const value = fc.oneof(word, fc.array(word), fc.dictionary(fc.constantFrom("content", "text"), fc.array(word)));
  fc.assert(
    fc.property(names, fc.dictionary(keys, value), fc.dictionary(keys, value), (name, attributes, extensions) => {
      const alert = alertOf(name, attributes, { extensions, textMaxBytes: 64 });
      const texts = [alert?.category, alert?.sample, alert?.description, ...(alert?.keywords ?? [])];
      for (const text of texts.filter((text) => text != null)) {
        expect(text.isWellFormed() && text !== "" && Buffer.byteLength(text) <= 64).toBe(true);
      }
      expect(alert === null || alertSeverities.includes(alert.severity)).toBe(true);
    }),
  );
});
