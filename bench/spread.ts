import { createEventRun, type EventRun } from "./events.ts";

/** Which events a database is filled with. */
export interface SpreadOptions {
  readonly agentCount: number;
  readonly eventCount: number;
}

/** The time that the events of every database cover, whatever their number: 30 days. */
export const spreadMicros = 30 * 86_400_000_000;

/** Sessions at once, at least: more than one for each of a few agents. */
const sessionsMin = 12;

/**
 * So many events, evenly over `spreadMicros`, of all agents in turn. With more events everything is the same run, only faster: no
 * day, agent or session differs from another, so that questions over the same range of time differ in nothing but the number of events in it.
 */
export function createSpreadRun({ agentCount, eventCount }: SpreadOptions): EventRun {
  return createEventRun({
    agentCount,
    sessionsAtOnce: agentCount * Math.ceil(sessionsMin / agentCount),
    // Less by one, so that microseconds are exercised.
    stepMicros: Math.floor(spreadMicros / eventCount) - 1,
    isVaried: true,
  });
}
