import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { AgentService } from "../gen/cylestio/v1/agent_service_pb.ts";
import { AlertService } from "../gen/cylestio/v1/alert_service_pb.ts";
import { EventService } from "../gen/cylestio/v1/event_service_pb.ts";
import { LlmCallService } from "../gen/cylestio/v1/llm_call_service_pb.ts";
import { MetricsService } from "../gen/cylestio/v1/metrics_service_pb.ts";
import { OtlpMetricService } from "../gen/cylestio/v1/otlp_metric_service_pb.ts";
import { SearchService } from "../gen/cylestio/v1/search_service_pb.ts";
import { SessionService } from "../gen/cylestio/v1/session_service_pb.ts";
import { StatusService } from "../gen/cylestio/v1/status_service_pb.ts";
import { TelemetryService } from "../gen/cylestio/v1/telemetry_service_pb.ts";
import { ToolCallService } from "../gen/cylestio/v1/tool_call_service_pb.ts";
import { TraceService } from "../gen/cylestio/v1/trace_service_pb.ts";
import { settings } from "../src/config.ts";
import { restBindingsOf } from "../src/rest/rest-binding.ts";

const readmePath = new URL("../README.md", import.meta.url);
const services: readonly DescService[] = [
  TelemetryService,
  AgentService,
  EventService,
  SessionService,
  TraceService,
  LlmCallService,
  ToolCallService,
  AlertService,
  SearchService,
  MetricsService,
  StatusService,
  OtlpMetricService,
];

/** The tables of the README, as the code has them. With UPDATE_README=1 the test writes them instead of comparing. */
const tables: Readonly<Record<string, string>> = {
  paths: table(
    ["RPC", "REST paths"],
    services.flatMap((service) => service.methods.map((method) => pathRow(service, method))),
  ),
  settings: table(
    ["name", "meaning", "default", "values"],
    settings.map((setting) => [`\`${setting.name}\``, setting.meaning, `\`${setting.default}\``, setting.range]),
  ),
};

describe("README", () => {
  test.each(Object.entries(tables))("has the table of %s that the code has", (name, expected) => {
    const readme = readFileSync(readmePath, "utf8");
    const pattern = new RegExp(`(<!-- ${name} -->\n)(?:\n\\|[^]*?\n(?!\\|))?`);
    const updated = readme.replace(pattern, `$1\n${expected}`);
    if (process.env["UPDATE_README"] === "1") writeFileSync(readmePath, updated);
    expect(readFileSync(readmePath, "utf8")).toBe(updated);
  });
});

function pathRow(service: DescService, method: DescMethod): string[] {
  const methodsByPath = new Map<string, string[]>();
  for (const { httpMethod, template } of restBindingsOf(method)) {
    methodsByPath.set(template.text, [...(methodsByPath.get(template.text) ?? []), httpMethod]);
  }
  const paths = [...methodsByPath].map(([path, methods]) => `\`${methods.join(", ")} ${path}\``);
  return [`\`${service.typeName}/${method.name}\``, paths.join("<br>") || "–"];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}
