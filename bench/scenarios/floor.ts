import type { Bench, Scenario } from "../bench.ts";
import type { Measurement } from "../report.ts";

const commitSizes = [1, 100, 500, 5_000];

/** What the machine's disk does to commits of different sizes. */
export const floorScenario: Scenario = {
  name: "floor",
  run: async (bench) => {
    const rounds = await bench.inRounds("floor", () => measureSizes(bench));
    return commitSizes.map((commitSize, index): Measurement => {
      const rates = rounds.map((sizes) => sizes[index] ?? Number.NaN);
      return {
        name: `floor, ${commitSize} rows per commit`,
        of: "floor, 500 rows",
        ratios: rounds.map(
          (sizes, round) => (rates[round] ?? Number.NaN) / (sizes[commitSizes.indexOf(500)] ?? Number.NaN),
        ),
        values: [{ name: "rows/s", rounds: rates }],
      };
    });
  },
};

async function measureSizes(bench: Bench): Promise<readonly number[]> {
  const rates: number[] = [];
  for (const commitSize of commitSizes) rates.push((await bench.measureFloor(commitSize)).eventsPerSecond);
  return rates;
}
