import { type AskedServer, askServer, fillDatabases, type Lot } from "../asked-server.ts";
import type { Bench, Scenario } from "../bench.ts";
import { type Question, type QuestionKind, questions } from "../questions.ts";
import type { Goal, Measurement } from "../report.ts";
import { quantile } from "../statistics.ts";

/** How often a question is asked of each database before the clock runs, and at least after it, of `askedTimes`. */
const warmUpShare = 0.1;
const leastShare = 0.2;

/** How long asking one question takes at most, of the time of one measurement. */
const questionShare = 1 / 3;

/** What a metric may take with the most events, in milliseconds. */
const metricMsMax = 50;

const ratioMax: Readonly<Record<QuestionKind, number>> = { metric: 1.5, list: 2, page: 2 };

/**
 * How long each question takes with few and with many events in the same time. The servers of all sizes run at once and are asked
 * in turn, so that what else the machine does meets them alike.
 */
export const queriesScenario: Scenario = {
  name: "queries",
  async run(bench) {
    const { queriedAgents, queriedEvents } = bench.options;
    const sizes = queriedAgents.flatMap((agentCount) =>
      queriedEvents.map((eventCount) => ({ agentCount, eventCount })),
    );
    const databases = await fillDatabases(bench, sizes);
    const measurements: Measurement[] = [];
    for (const agentCount of queriedAgents) {
      const asked = databases.filter((database) => database.agentCount === agentCount);
      const servers = await Promise.all(asked.map((database) => askServer(bench, database)));
      servers.sort((a, b) => a.eventCount - b.eventCount);
      try {
        for (const question of questions) {
          bench.progress(`${question.name}, ${agentCount} agents`);
          measurements.push(...(await measureQuestion(bench, servers, { question, agentCount })));
        }
      } finally {
        await Promise.all(servers.map((server) => server.close()));
      }
    }
    return measurements;
  },
};

interface AskedOf {
  readonly server: AskedServer;
  readonly paths: readonly string[];
  readonly tookMs: number[];
}

async function measureQuestion(
  { options }: Bench,
  servers: readonly AskedServer[],
  { question, agentCount }: { readonly question: Question; readonly agentCount: number },
): Promise<readonly Measurement[]> {
  const { askedTimes, seconds } = options;
  const warmUpTimes = Math.ceil(askedTimes * warmUpShare);
  const lots = drawLots(warmUpTimes + askedTimes);
  const asked: AskedOf[] = [];
  for (const server of servers) {
    const paths = await server.pathsOf(question, lots);
    if (paths !== null) asked.push({ server, paths, tookMs: [] });
  }
  for (let turn = 0; turn < warmUpTimes; turn += 1) await askAll(asked, turn);
  const startedAt = performance.now();
  for (let turn = 0; turn < askedTimes; turn += 1) {
    const isLate = performance.now() - startedAt > seconds * 1000 * questionShare;
    if (isLate && turn >= askedTimes * leastShare) break;
    const tookMs = await askAll(asked, warmUpTimes + turn);
    for (const [index, ms] of tookMs.entries()) asked[index]?.tookMs.push(ms);
  }
  return toMeasurement(asked, { question, agentCount });
}

/** Asks all servers one after the other, beginning with another one each time. */
async function askAll(asked: readonly AskedOf[], turn: number): Promise<readonly number[]> {
  const tookMs: number[] = [];
  for (let step = 0; step < asked.length; step += 1) {
    const index = (turn + step) % asked.length;
    const one = asked[index];
    if (one !== undefined) tookMs[index] = await one.server.ask(one.paths[turn] ?? "");
  }
  return tookMs;
}

/** The most events by the fewest, if it can be, with which each agent has a whole session. Nothing where only one size has an answer. */
function toMeasurement(
  asked: readonly AskedOf[],
  { question, agentCount }: { readonly question: Question; readonly agentCount: number },
): readonly Measurement[] {
  const largest = asked.at(-1);
  const base = asked.find((one) => one !== largest && one.server.isWhole) ?? asked[0];
  if (base === undefined || largest === undefined || base === largest) return [];
  const p95 = ({ tookMs }: AskedOf) => quantile(tookMs, 0.95);
  const p50 = ({ tookMs }: AskedOf) => quantile(tookMs, 0.5);
  const nameOf = ({ server }: AskedOf) => `ms with ${server.eventCount.toLocaleString("en")}`;
  const atMost = ratioMax[question.kind];
  const goal: Goal =
    question.kind === "metric" ? { atMost, value: { name: nameOf(largest), atMost: metricMsMax } } : { atMost };
  return [
    {
      name: `p95: ${question.name}, of ${agentCount}`,
      of: `${base.server.eventCount.toLocaleString("en")} events`,
      ratios: [p95(largest) / p95(base)],
      goal,
      values: [
        ...asked.map((one) => ({ name: nameOf(one), rounds: [p95(one)] })),
        { name: "ratio of p50", rounds: [p50(largest) / p50(base)] },
      ],
    },
  ];
}

/** The same in every run. By a linear congruence (Numerical Recipes), of which the upper bits are taken. */
function drawLots(count: number): readonly Lot[] {
  let state = 1;
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return Array.from({ length: count }, () => ({ agent: next(), session: next(), place: next() }));
}
