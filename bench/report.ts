import { median } from "./statistics.ts";

/** A ratio that was measured, with what it was made of. */
export interface Measurement {
  readonly name: string;
  /** What the ratio is a share or a multiple of. */
  readonly of: string;
  /** One per round. */
  readonly ratios: readonly number[];
  readonly goal?: Goal;
  /** Absolute numbers of this machine, for orientation. */
  readonly values: readonly Value[];
}

/** A bound that the median of the ratios should keep, and perhaps one for the median of a value. */
export type Goal =
  | { readonly atLeast: number }
  | { readonly atMost: number; readonly value?: { readonly name: string; readonly atMost: number } };

/** An absolute number, once per round. */
export interface Value {
  readonly name: string;
  readonly rounds: readonly number[];
}

/** Whether the median of the rounds keeps the goal; null where there is none. */
export function meetsGoal({ ratios, goal, values }: Measurement): boolean | null {
  if (goal === undefined) return null;
  const ratio = median(ratios);
  if ("atLeast" in goal) return ratio >= goal.atLeast;
  const { atMost, value: bound } = goal;
  const bounded = values.find(({ name }) => name === bound?.name);
  return ratio <= atMost && (bound === undefined || median(bounded?.rounds ?? []) <= bound.atMost);
}

/** The measurements as a table for people. */
export function formatTable(measurements: readonly Measurement[]): string {
  const lines = [
    ["measured", "ratio", "of", "goal", "", "rounds", "medians"],
    ...measurements.map((measurement) => [
      measurement.name,
      formatRatio(median(measurement.ratios)),
      measurement.of,
      formatGoal(measurement.goal),
      formatVerdict(meetsGoal(measurement)),
      formatRange(measurement.ratios),
      measurement.values.map(({ name, rounds }) => `${name} ${formatNumber(median(rounds))}`).join(", "),
    ]),
  ];
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const format = (line: readonly string[]) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ");
  return lines.map((line) => format(line).trimEnd()).join("\n");
}

/** The measurements as they are saved: with medians, so that a file can be read without computing. */
export function measurementToJson(measurement: Measurement): object {
  const { name, of, ratios, goal, values } = measurement;
  return {
    name,
    of,
    ratio: median(ratios),
    ...(goal !== undefined && { goal, met: meetsGoal(measurement) }),
    rounds: ratios,
    values: values.map((value) => ({ name: value.name, median: median(value.rounds), rounds: value.rounds })),
  };
}

function formatRatio(ratio: number): string {
  return ratio.toFixed(ratio < 10 ? 2 : 1);
}

function formatRange(ratios: readonly number[]): string {
  if (ratios.length < 2) return "";
  return `${formatRatio(Math.min(...ratios))} to ${formatRatio(Math.max(...ratios))}`;
}

function formatGoal(goal: Goal | undefined): string {
  if (goal === undefined) return "";
  if ("atLeast" in goal) return `≥ ${goal.atLeast}`;
  const { atMost, value } = goal;
  return value === undefined ? `≤ ${atMost}` : `≤ ${atMost}, ${value.name} ≤ ${value.atMost}`;
}

function formatVerdict(met: boolean | null): string {
  if (met === null) return "";
  return met ? "met" : "missed";
}

function formatNumber(value: number): string {
  return value < 100 ? value.toPrecision(3) : Math.round(value).toLocaleString("en");
}
