/**
 * Lengths of the stretches of time that are counted, in minutes: each is a multiple of the one before. Days and shorter ones begin with
 * the days of UTC; weeks with a Thursday, as the year 1970.
 */
export const rollupSteps = [1, 15, 60, 360, 1440, 10_080] as const;
export type RollupStep = (typeof rollupSteps)[number];

/**
 * Stands in `step_minutes` for what was counted lately, by minute, and is in no row of a step yet: what is counted is the sum of both.
 * So a transaction writes one row where it would have to write one for each step.
 */
export const recentStep = 0;

/**
 * Stands for all agents together in `agent_key`: no agent has it. They are counted beside each single one, so that how long a question
 * about everybody takes depends on no number of agents.
 */
export const everyAgentKey = 0;

const microsPerMinute = 60_000_000;

/** The minute since 1970 UTC that a time lies in. */
export function minuteOf(micros: number): number {
  return Math.floor(micros / microsPerMinute);
}

/** When a minute begins, in microseconds since 1970 UTC. */
export function microsOfMinute(minute: number): number {
  return minute * microsPerMinute;
}

/** The first minute of the stretch that a minute lies in. */
export function startOfStep(minute: number, step: RollupStep): number {
  return Math.floor(minute / step) * step;
}
