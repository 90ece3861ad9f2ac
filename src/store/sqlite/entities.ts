import { defineEntity, p } from "@mikro-orm/core";
import { metricPointEntities } from "./metric-point-entities.ts";
import { ownerEntities } from "./owner-entities.ts";
import { rollupEntities } from "./rollup-entities.ts";

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
  indexes: [
    { name: "sessions_by_session_id", properties: ["sessionId"] },
    { name: "sessions_by_start", properties: ["startMicros"] },
    { name: "sessions_by_agent_start", properties: ["agent", "startMicros"] },
  ],
  properties: {
    id: p.integer().primary(),
    agent: () => p.manyToOne(AgentEntity).fieldName("agent_key").mapToPk().index(false),
    sessionId: p.text(),
    startMicros: p.bigint("number"),
    endMicros: p.bigint("number"),
    eventCount: p.integer().default(0),
    /** Events of the level error or worse. */
    errorCount: p.integer().default(0),
  },
});

/** A trace of one agent. */
export const TraceEntity = defineEntity({
  name: "Trace",
  tableName: "traces",
  uniques: [{ name: "traces_by_agent", properties: ["agent", "traceId"] }],
  indexes: [
    { name: "traces_by_trace_id", properties: ["traceId"] },
    { name: "traces_by_start", properties: ["startMicros"] },
    { name: "traces_by_agent_start", properties: ["agent", "startMicros"] },
  ],
  properties: {
    id: p.integer().primary(),
    agent: () => p.manyToOne(AgentEntity).fieldName("agent_key").mapToPk().index(false),
    traceId: p.text(),
    startMicros: p.bigint("number"),
    endMicros: p.bigint("number"),
    eventCount: p.integer().default(0),
    errorCount: p.integer().default(0),
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
    { name: "operations_by_agent", properties: ["agentKey", "kind", "atMicros"] },
    { name: "operations_by_kind", properties: ["kind", "atMicros"] },
    { name: "operations_by_session", properties: ["sessionKey", "atMicros"] },
  ],
  properties: {
    /** Sequence of the start event, or, without one, of the finish. */
    id: p.integer().primary().autoincrement(false),
    /** Only parts with the same key can belong together. */
    partitionKey: p.blob(),
    /** This key and the next are not foreign ones: each would cost a look at every insert. */
    agentKey: p.integer(),
    /** Of the start, else of the finish. */
    sessionKey: p.integer().nullable(),
    kind: p.text(),
    /** The operation's name without its phase, as `llm.call`. */
    name: p.text(),
    /** When it started; where that is not known, when it finished. */
    atMicros: p.bigint("number"),
    /** Sequences of the two events. Not foreign keys: these would ask for an index on each. */
    startSequence: p.integer().nullable(),
    startMicros: p.bigint("number").nullable(),
    /** JSON array of the ids that tie the start to its finish; null where the partition says it all. */
    startTies: p.text().nullable(),
    /** The tool that is called, as each part names it. */
    startToolName: p.text().nullable(),
    /** `LlmFacts` of the start as JSON. */
    startLlm: p.text().nullable(),
    finishSequence: p.integer().nullable(),
    finishMicros: p.bigint("number").nullable(),
    finishTies: p.text().nullable(),
    finishToolName: p.text().nullable(),
    finishLlm: p.text().nullable(),
    outcome: p.text().nullable(),
    /** As reported by the finish, else the time since the start; null while it runs or where neither is known. */
    durationMs: p.double().nullable(),
  },
});

/** What is known of an operation of kind `llm`, beside its row of `operations`. */
export const LlmCallEntity = defineEntity({
  name: "LlmCall",
  tableName: "llm_calls",
  indexes: [
    { name: "llm_calls_by_parent", properties: ["linkKey"], where: "link_key is not null and is_wrapper = 0" },
    { name: "llm_calls_by_wrapper", properties: ["linkKey"], where: "link_key is not null and is_wrapper = 1" },
  ],
  properties: {
    operationId: p.integer().primary().autoincrement(false),
    /** The key of a wrapper's span, and of the span that a vendor's call lies in. See `spanKeyOf`. */
    linkKey: p.text().nullable(),
    isWrapper: p.integer(),
    /** A wrapper whose call a vendor's client reports too: it is not summed. */
    isCovered: p.integer().default(0),
    vendor: p.text().nullable(),
    requestedModel: p.text().nullable(),
    usedModel: p.text().nullable(),
    stopReason: p.text().nullable(),
    inputTokens: p.integer().nullable(),
    outputTokens: p.integer().nullable(),
    cacheReadTokens: p.integer().nullable(),
    cacheWriteTokens: p.integer().nullable(),
    reasoningTokens: p.integer().nullable(),
    /** In 1e-12 USD; null: not known. */
    costPicoUsd: p.bigint("number").nullable(),
    /** What it was priced with; null where it has no price. */
    priceKey: p.integer().nullable(),
  },
});

/** The spans above a call of a vendor's client, the nearest ones; only in traces in which a wrapper is, which may cover it. */
export const CallAncestorEntity = defineEntity({
  name: "CallAncestor",
  tableName: "call_ancestors",
  indexes: [{ name: "call_ancestors_by_span", properties: ["spanKey"] }],
  properties: {
    operationId: p.integer().primary(),
    /** See `spanKeyOf`. */
    spanKey: p.text().primary(),
  },
});

/** A price that a call was reckoned with. Rows stay as they are, whatever tables of prices come to say. */
export const CallPriceEntity = defineEntity({
  name: "CallPrice",
  tableName: "call_prices",
  properties: {
    id: p.integer().primary(),
    /** JSON of the price and the version of its table. */
    price: p.text().unique("call_prices_price"),
  },
});

/** A security finding that an event reports. */
export const SecurityAlertEntity = defineEntity({
  name: "SecurityAlert",
  tableName: "security_alerts",
  indexes: [
    { name: "security_alerts_by_time", properties: ["timeMicros"] },
    { name: "security_alerts_by_agent", properties: ["agent", "timeMicros"] },
    { name: "security_alerts_by_session", properties: ["session"] },
  ],
  properties: {
    /** Of the event. */
    sequence: p.integer().primary().autoincrement(false),
    agent: () => p.manyToOne(AgentEntity).fieldName("agent_key").mapToPk().index(false),
    session: () => p.manyToOne(SessionEntity).fieldName("session_key").mapToPk().nullable().index(false),
    timeMicros: p.bigint("number"),
    severity: p.text(),
    category: p.text().nullable(),
    /** JSON array of texts. */
    keywordsJson: p.text(),
    sample: p.text().nullable(),
    description: p.text().nullable(),
    status: p.text().default("open"),
    /** When the status was set; null: never. */
    statusMicros: p.bigint("number").nullable(),
  },
});

/** A text that can be searched: stored once, for the first event that has it. Nothing refers to other rows, as in operations. */
export const SearchTextEntity = defineEntity({
  name: "SearchText",
  tableName: "search_texts",
  properties: {
    /** Also the row of the index. Grows with the sequence of the event. */
    id: p.integer().primary().autoincrement(false),
    /** 16 bytes; see `SearchText.hash`. */
    textHash: p.blob().unique("search_texts_hash"),
    agentKey: p.integer(),
    sessionKey: p.integer().nullable(),
    /** Of the first event that has it. */
    sequence: p.integer(),
    timeMicros: p.bigint("number"),
    kind: p.text(),
    role: p.text().nullable(),
    text: p.text(),
  },
});

/** One row: up to which event texts were taken out. Committed with the texts. */
export const SearchCursorEntity = defineEntity({
  name: "SearchCursor",
  tableName: "search_cursor",
  properties: { id: p.integer().primary().autoincrement(false), sequence: p.integer() },
});

/** Every table of the database, beside the index of the texts, which is a virtual one. */
export const entities = [
  AgentEntity,
  SessionEntity,
  TraceEntity,
  EventEntity,
  OperationEntity,
  LlmCallEntity,
  CallAncestorEntity,
  CallPriceEntity,
  SecurityAlertEntity,
  SearchTextEntity,
  SearchCursorEntity,
  ...rollupEntities,
  ...ownerEntities,
  ...metricPointEntities,
];
