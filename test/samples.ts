import { readFileSync } from "node:fs";

/** The events of a sample file, as their clients sent them. */
export function readSampleEvents(
  file: "legacy-events.json" | "v1-events.json" | "double-report.json",
): readonly Record<string, unknown>[] {
  return JSON.parse(readFileSync(new URL(`samples/${file}`, import.meta.url), "utf8"));
}
