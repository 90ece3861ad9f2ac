import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { createBench, type Scenario } from "./bench.ts";
import { type BenchOptions, parseOptions, usage } from "./options.ts";
import { formatTable, type Measurement, measurementToJson } from "./report.ts";
import { fairnessScenario } from "./scenarios/fairness.ts";
import { floorScenario } from "./scenarios/floor.ts";
import { growthScenario } from "./scenarios/growth.ts";
import { latencyScenario } from "./scenarios/latency.ts";
import { memoryScenario } from "./scenarios/memory.ts";
import { otlpScenario } from "./scenarios/otlp.ts";
import { queriesScenario } from "./scenarios/queries.ts";
import { restBatchScenario } from "./scenarios/rest-batch.ts";
import { restSingleScenario } from "./scenarios/rest-single.ts";
import { rollupsScenario } from "./scenarios/rollups.ts";
import { streamScenario } from "./scenarios/stream.ts";
import { unaryScenario } from "./scenarios/unary.ts";

/* Measures the server, prints a table and saves the numbers. See README.md beside this file. */

const scenarios: readonly Scenario[] = [
  floorScenario,
  streamScenario,
  unaryScenario,
  restBatchScenario,
  restSingleScenario,
  otlpScenario,
  fairnessScenario,
  latencyScenario,
  memoryScenario,
  growthScenario,
  rollupsScenario,
  queriesScenario,
];

async function main(args: readonly string[]): Promise<void> {
  const options = parseOptions(args);
  if (options === null) {
    console.log(usage.replace("{scenarios}", scenarios.map(({ name }) => name).join(", ")));
    return;
  }
  const startedAt = new Date();
  const measurements = await runAll(chooseScenarios(options), options);
  console.log(formatTable(measurements));
  console.error(`saved as ${save(options, startedAt, measurements)}`);
}

function chooseScenarios({ only }: BenchOptions): readonly Scenario[] {
  const unknown = only?.find((name) => !scenarios.some((scenario) => scenario.name === name));
  if (unknown !== undefined) throw new Error(`there is no scenario ${unknown}; see --help`);
  return scenarios.filter(({ name }) => only === null || only.includes(name));
}

async function runAll(chosen: readonly Scenario[], options: BenchOptions): Promise<readonly Measurement[]> {
  const bench = await createBench(options, (text) => console.error(text));
  try {
    const measurements: Measurement[] = [];
    for (const { run } of chosen) measurements.push(...(await run(bench)));
    return measurements;
  } finally {
    bench.close();
  }
}

function save(options: BenchOptions, startedAt: Date, measurements: readonly Measurement[]): string {
  const folder = fileURLToPath(new URL("./results/", import.meta.url));
  const path = `${folder}${options.name}.json`;
  const machine = { node: process.version, cpu: cpus()[0]?.model ?? "unknown", cores: availableParallelism() };
  const result = {
    startedAt: startedAt.toISOString(),
    seconds: (Date.now() - startedAt.getTime()) / 1000,
    machine,
    options,
    measurements: measurements.map(measurementToJson),
  };
  mkdirSync(folder, { recursive: true });
  writeFileSync(path, `${JSON.stringify(result, null, 2)}\n`);
  return path;
}

// Not cut off by the signal itself, so that children and folders go with this process.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
