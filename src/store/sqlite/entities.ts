import { defineEntity, p } from "@mikro-orm/core";

/*
 * The tables. Times are microseconds since 1970 UTC. Rows refer to each other by small integer keys, so that an index entry is
 * a few bytes long; the texts that clients know (`agent_id`, `session_id`) stand once, in their own table.
 */

/** An agent and what is known of it from its events. */
export const AgentEntity = defineEntity({
  name: "Agent",
  tableName: "agents",
  indexes: [{ name: "agents_by_last_seen", properties: ["lastSeenMicros", "agentId"] }],
  properties: {
    id: p.integer().primary(),
    agentId: p.text().unique("agents_agent_id"),
    firstSeenMicros: p.bigint("number"),
    firstEventId: p.blob(),
    firstEventName: p.text(),
    lastSeenMicros: p.bigint("number"),
    lastEventId: p.blob(),
    lastEventName: p.text(),
    /** Of the earliest event that names one, so that the order of arrival does not matter. */
    llmProvider: p.text().nullable(),
    llmProviderMicros: p.bigint("number").nullable(),
    llmProviderEventId: p.blob().nullable(),
    eventCount: p.integer().default(0),
    sessionCount: p.integer().default(0),
  },
});

/** A session of one agent. The same session id under two agents is two sessions. */
export const SessionEntity = defineEntity({
  name: "Session",
  tableName: "sessions",
  uniques: [{ name: "sessions_by_agent", properties: ["agent", "sessionId"] }],
  indexes: [{ name: "sessions_by_session_id", properties: ["sessionId"] }],
  properties: {
    id: p.integer().primary(),
    agent: () => p.manyToOne(AgentEntity).fieldName("agent_key").mapToPk().index(false),
    sessionId: p.text(),
    startMicros: p.bigint("number"),
    endMicros: p.bigint("number"),
    eventCount: p.integer().default(0),
  },
});

/** An event, whole. `sequence` is AUTOINCREMENT: it is never used again, also after a deletion. */
export const EventEntity = defineEntity({
  name: "Event",
  tableName: "events",
  indexes: [
    { name: "events_by_time", properties: ["timeMicros"] },
    { name: "events_by_agent", properties: ["agent", "timeMicros"] },
    { name: "events_by_agent_name", properties: ["agent", "name", "timeMicros"] },
    { name: "events_by_session", properties: ["session", "timeMicros"] },
  ],
  properties: {
    sequence: p.integer().primary(),
    /** 16 bytes that begin with the time, so that the unique index grows at its end. */
    eventId: p.blob().unique("events_event_id"),
    agent: () => p.manyToOne(AgentEntity).fieldName("agent_key").mapToPk().index(false),
    session: () => p.manyToOne(SessionEntity).fieldName("session_key").mapToPk().nullable().index(false),
    timeMicros: p.bigint("number"),
    receivedAtMicros: p.bigint("number"),
    name: p.text(),
    level: p.text(),
    channel: p.text().nullable(),
    direction: p.text().nullable(),
    durationMs: p.double().nullable(),
    pairedDurationMs: p.double().nullable(),
    traceId: p.text().nullable(),
    spanId: p.text().nullable(),
    parentSpanId: p.text().nullable(),
    callerFile: p.text().nullable(),
    callerLine: p.integer().nullable(),
    callerFunction: p.text().nullable(),
    clientEventId: p.text().nullable(),
    schemaVersion: p.text().nullable(),
    dialect: p.text(),
    attributesJson: p.text(),
    extensionsJson: p.text().nullable(),
  },
});

/** An operation: a start and a finish event that belong together, or one of the two alone. See `model/pairing.ts`. */
export const OperationEntity = defineEntity({
  name: "Operation",
  tableName: "operations",
  indexes: [
    { name: "operations_by_partition", properties: ["partitionKey", "finishMicros"] },
    { name: "operations_by_agent", properties: ["agent", "finishMicros"] },
  ],
  properties: {
    id: p.integer().primary(),
    /** Only parts with the same key can belong together. */
    partitionKey: p.blob(),
    agent: () => p.manyToOne(AgentEntity).fieldName("agent_key").mapToPk().index(false),
    kind: p.text(),
    /** Sequences of the two events. Not foreign keys: these would ask for an index on each. */
    startSequence: p.integer().nullable(),
    startMicros: p.bigint("number").nullable(),
    /** JSON array of the ids that tie the start to its finish; null where the partition says it all. */
    startTies: p.text().nullable(),
    /** The tool that is called, as each part names it. */
    startToolName: p.text().nullable(),
    finishSequence: p.integer().nullable(),
    finishMicros: p.bigint("number").nullable(),
    finishTies: p.text().nullable(),
    finishToolName: p.text().nullable(),
    outcome: p.text().nullable(),
    /** As reported by the finish, else the time since the start; null while it runs or where neither is known. */
    durationMs: p.double().nullable(),
  },
});

/** Every table of the database. */
export const entities = [AgentEntity, SessionEntity, EventEntity, OperationEntity];
