import { defineEntity, p } from "@mikro-orm/core";

/*
 * Counters per stretch of time: `step_minutes` long (see `rollupSteps`), beginning `start_minute` minutes after 1970 UTC. They are
 * written with the events, and hold what can be reckoned anew from them. With 0 for `step_minutes` they are of a minute, and still to
 * be added to the rows of every step: they may be below 0.
 *
 * - A text that is not known is the empty one, because null in a key would be different from itself.
 * - `agent_key` is no foreign key: this would ask for an index on it alone.
 * - Sums beyond 2^53 come out of the database rounded to 1 part in 10^15.
 */

/** Events by name, level and channel. */
export const EventRollupEntity = defineEntity({
  name: "EventRollup",
  tableName: "event_rollups",
  properties: {
    stepMinutes: p.integer().primary(),
    agentKey: p.integer().primary(),
    startMinute: p.integer().primary(),
    name: p.text().primary(),
    eventLevel: p.text().primary(),
    channel: p.text().primary(),
    count: p.integer(),
    firstMicros: p.bigint("number"),
    latestMicros: p.bigint("number"),
  },
});

/** Operations by the time of their start, else of their finish. Wrappers that a vendor's call covers are left out. */
export const CallRollupEntity = defineEntity({
  name: "CallRollup",
  tableName: "call_rollups",
  properties: {
    stepMinutes: p.integer().primary(),
    agentKey: p.integer().primary(),
    startMinute: p.integer().primary(),
    kind: p.text().primary(),
    vendor: p.text().primary(),
    /** The one that answered, else the one that was asked for. */
    model: p.text().primary(),
    /** The tool's, for calls of tools; else the operation's. */
    name: p.text().primary(),
    count: p.integer(),
    runningCount: p.integer(),
    errorCount: p.integer(),
    blockedCount: p.integer(),
    /** Calls that tell any number of tokens. */
    toldCount: p.integer(),
    /** Each sum with the number of calls that tell it. */
    inputTokens: p.bigint("number"),
    inputCount: p.integer(),
    outputTokens: p.bigint("number"),
    outputCount: p.integer(),
    cacheReadTokens: p.bigint("number"),
    cacheReadCount: p.integer(),
    cacheWriteTokens: p.bigint("number"),
    cacheWriteCount: p.integer(),
    reasoningTokens: p.bigint("number"),
    reasoningCount: p.integer(),
    costPicoUsd: p.bigint("number"),
    pricedCount: p.integer(),
    /** Calls that tell tokens and have no price. */
    unpricedCount: p.integer(),
    durationCount: p.integer(),
    /** Failed or blocked, with a known duration. */
    failureDurationCount: p.integer().default(0),
    /** Of durations in whole microseconds: sums of integers do not depend on the order. */
    durationSumMicros: p.bigint("number"),
    durationMinMs: p.double().nullable(),
    durationMaxMs: p.double().nullable(),
    /** See `quantile-sketch.ts`. */
    sketch: p.blob().nullable(),
  },
});

/** Security alerts by severity and category. */
export const AlertRollupEntity = defineEntity({
  name: "AlertRollup",
  tableName: "alert_rollups",
  properties: {
    stepMinutes: p.integer().primary(),
    agentKey: p.integer().primary(),
    startMinute: p.integer().primary(),
    severity: p.text().primary(),
    category: p.text().primary(),
    count: p.integer(),
  },
});

/** Sessions by the time of their start. */
export const SessionRollupEntity = defineEntity({
  name: "SessionRollup",
  tableName: "session_rollups",
  properties: {
    stepMinutes: p.integer().primary(),
    agentKey: p.integer().primary(),
    startMinute: p.integer().primary(),
    sessionCount: p.integer(),
    /** Sessions with an event of the level error or worse. */
    errorSessionCount: p.integer(),
    eventCount: p.integer(),
    /** Of the times between the earliest and the latest event of each. */
    durationMicros: p.bigint("number"),
  },
});

/** The tables of roll-ups. */
export const rollupEntities = [EventRollupEntity, CallRollupEntity, AlertRollupEntity, SessionRollupEntity];
