import type { OperationKind } from "../model/event.ts";
import { type AlertSeverity, alertSeverities } from "../model/security-alert.ts";
import type {
  AgentRecord,
  CallMetricFilter,
  CallMetricQuery,
  EventMetricFilter,
  LatencySums,
  MetricBucket,
  MetricStore,
} from "../store/store.ts";
import { parseChoice } from "./choice.ts";
import {
  groupsMaxOf,
  type MetricRequest,
  type MetricSpan,
  parseAgentIds,
  parseGroupBy,
  parseSpan,
} from "./metric-request.ts";
import { answerFrom, type MetricAnswer } from "./metric-series.ts";
import {
  type AlertValues,
  type CostValues,
  costsOf,
  type EventValues,
  noAlerts,
  noCalls,
  noEvents,
  noSessions,
  type OutcomeValues,
  outcomesOf,
  type SessionValues,
  sessionsOf,
  type TokenValues,
  type ToolValues,
  tokensOf,
  toolsOf,
} from "./metric-values.ts";

/**
 * Questions that numbers answer, at a cost that does not grow with the number of events. All reject with `FIELD_INVALID` for what
 * cannot be asked, and with `AGENT_NOT_FOUND` for an agent that never reported.
 */
export interface MetricQueries {
  getOverview(request: MetricRequest): Promise<MetricOverview>;
  queryEvents(request: EventMetricRequest): Promise<MetricAnswer<EventValues>>;
  queryLatency(request: CallMetricRequest): Promise<MetricAnswer<LatencySums | null>>;
  queryTokens(request: CallMetricRequest): Promise<MetricAnswer<TokenValues>>;
  queryCost(request: CallMetricRequest): Promise<MetricAnswer<CostValues>>;
  queryErrors(request: CallMetricRequest): Promise<ErrorAnswer>;
  queryTools(request: CallMetricRequest): Promise<MetricAnswer<ToolValues>>;
  querySessions(request: MetricRequest): Promise<MetricAnswer<SessionValues>>;
  queryAlerts(request: AlertMetricRequest): Promise<MetricAnswer<AlertValues>>;
}

/** Empty filters are not given. */
export interface CallMetricRequest extends MetricRequest {
  readonly sessionId: string;
  readonly kind: string;
  readonly vendor: string;
  readonly model: string;
  readonly tool: string;
}

export interface EventMetricRequest extends MetricRequest {
  readonly sessionId: string;
  readonly name: string;
  readonly level: string;
  readonly channel: string;
}

export interface AlertMetricRequest extends MetricRequest {
  readonly severity: string;
  readonly category: string;
}

/** Everything about a range at a glance. */
export interface MetricOverview {
  readonly range: MetricBucket;
  readonly events: EventValues;
  /** Agents that sent an event. */
  readonly agentCount: number;
  readonly sessions: SessionValues;
  readonly llm: ToolValues;
  readonly tools: ToolValues;
  readonly tokens: TokenValues;
  readonly costs: CostValues;
  readonly alertCount: number;
  readonly alertCountBySeverity: Readonly<Record<AlertSeverity, number>>;
}

export interface ErrorAnswer {
  /** Calls by how they ended. */
  readonly calls: MetricAnswer<OutcomeValues>;
  /** Events of the level error or worse. */
  readonly events: MetricAnswer<EventValues>;
}

/** What the questions are answered from. */
export interface MetricQueryOptions {
  readonly store: MetricStore;
  /** Rejects with `AGENT_NOT_FOUND` for an agent that never reported. */
  readonly getAgent: (agentId: string) => Promise<AgentRecord>;
  /** The clock: milliseconds since 1970 UTC. */
  readonly nowMs: () => number;
}

const kinds = [
  "llm",
  "tool",
  "chain",
  "retriever",
  "graph",
  "node",
  "agent",
  "other",
] as const satisfies OperationKind[];
const llmDimensions = ["agent", "vendor", "model", "session"] as const;
const callDimensions = ["agent", "kind", "vendor", "model", "tool", "name", "session"] as const;
const eventDimensions = ["agent", "name", "level", "channel", "session"] as const;
const alertDimensions = ["agent", "severity", "category"] as const;

/** Everything that a question about calls asks the store beside its range. */
type CallScope = Pick<CallMetricQuery, "groupBy" | "filter">;

/** Answers the questions from a store. */
export function createMetricQueries(options: MetricQueryOptions): MetricQueries {
  const { store } = options;
  const { begin, calls, events } = createAnswers(options);
  return {
    getOverview: async (request) => {
      const { scope } = await begin({ ...request, interval: "", groupBy: [] });
      return overviewOf(store, scope);
    },
    queryEvents: async (request) =>
      events(request, {
        groupBy: parseGroupBy(request.groupBy, eventDimensions),
        filter: {
          ...everyEvent,
          sessionId: request.sessionId || null,
          name: request.name || null,
          level: request.level || null,
          channel: request.channel || null,
        },
      }),
    queryLatency: async (request) =>
      calls(request, {
        ...parseCallScope(request, { groupBy: parseGroupBy(request.groupBy, callDimensions), kinds: ["llm"] }),
        size: "count",
        facts: ["latency"],
        valuesOf: ({ latency }) => latency,
      }),
    queryTokens: async (request) =>
      calls(request, { ...parseLlmScope(request), size: "tokens", facts: ["tokens"], valuesOf: tokensOf }),
    queryCost: async (request) =>
      calls(request, { ...parseLlmScope(request), size: "cost", facts: ["cost"], valuesOf: costsOf }),
    async queryErrors(request) {
      const dimensions = parseGroupBy(request.groupBy, [...callDimensions, "level"]);
      const ofCalls = dimensions.filter((dimension) => dimension !== "level");
      const ofEvents = dimensions.filter(
        (dimension) => dimension === "agent" || dimension === "level" || dimension === "session",
      );
      const scope = parseCallScope(request, { groupBy: ofCalls, kinds: ["llm", "tool"] });
      const [failed, errors] = await Promise.all([
        calls(request, { ...scope, size: "count", facts: ["outcomes"], valuesOf: outcomesOf }),
        events(request, {
          groupBy: ofEvents,
          filter: { ...everyEvent, sessionId: request.sessionId || null, onlyErrors: true },
        }),
      ]);
      return { calls: failed, events: errors };
    },
    queryTools: async (request) => {
      const groupBy = parseGroupBy(request.groupBy, ["agent", "tool", "session"]);
      const filter = { ...ofKind("tool"), sessionId: request.sessionId || null, name: request.tool || null };
      const asked = { groupBy: groupBy.length === 0 ? (["tool"] as const) : groupBy, filter };
      return calls(request, { ...asked, size: "count", facts: ["outcomes", "latency"], valuesOf: toolsOf });
    },
    async querySessions(request) {
      const groupBy = parseGroupBy(request.groupBy, ["agent"]);
      const { span, scope } = await begin(request);
      const found = await store.querySessions({ ...scope, groupBy });
      return answerFrom(found, { span, groupBy, none: noSessions, valuesOf: sessionsOf });
    },
    async queryAlerts({ category, ...request }) {
      const groupBy = parseGroupBy(request.groupBy, alertDimensions);
      const severity = parseChoice("severity", request.severity, alertSeverities);
      const { span, scope } = await begin(request);
      const found = await store.queryAlerts({ ...scope, groupBy, filter: { severity, category: category || null } });
      return answerFrom(found, { span, groupBy, none: noAlerts, valuesOf: (sums) => sums });
    },
  };
}

/** What the questions have in common. */
function createAnswers({ store, getAgent, nowMs }: MetricQueryOptions) {
  const begin = async (request: MetricRequest): Promise<Begun> => {
    const agentIds = parseAgentIds(request.agentIds);
    const span = parseSpan(request, nowMs() * 1000);
    await Promise.all(agentIds.map(getAgent));
    return { span, scope: { agentIds, buckets: span.counted, groupsMax: groupsMaxOf(span, request.groupBy) } };
  };

  const calls = async <Values>(
    request: MetricRequest,
    { filter, ...ask }: CallScope & CallAnswerOptions<Values>,
  ): Promise<MetricAnswer<Values>> => {
    const { span, scope } = await begin(request);
    const { size, facts, valuesOf } = ask;
    const groupBy = withOwner(ask.groupBy);
    const found = await store.queryCalls({ ...scope, groupBy, filter, size, facts });
    return answerFrom(found, { span, groupBy, none: noCalls, valuesOf });
  };

  const events = async (request: MetricRequest, ask: EventAsk): Promise<MetricAnswer<EventValues>> => {
    const { span, scope } = await begin(request);
    const groupBy = withOwner(ask.groupBy);
    const found = await store.queryEvents({ ...scope, ...ask, groupBy });
    return answerFrom(found, { span, groupBy, none: noEvents, valuesOf: (sums) => sums });
  };

  return { begin, calls, events };
}

type Scope = Pick<CallMetricQuery, "agentIds" | "buckets" | "groupsMax">;

interface Begun {
  readonly span: MetricSpan;
  readonly scope: Scope;
}

interface CallAnswerOptions<Values> extends Pick<CallMetricQuery, "size" | "facts"> {
  readonly valuesOf: (sums: typeof noCalls) => Values;
}

/** A session is known by its id and its agent. */
function withOwner<Dimension extends string>(groupBy: readonly Dimension[]): readonly (Dimension | "agent")[] {
  return groupBy.some((dimension) => dimension === "session") ? ["agent", ...groupBy] : groupBy;
}

/** Every operation of a kind. */
function ofKind(kind: OperationKind): CallMetricFilter {
  return { kinds: [kind], sessionId: null, vendor: null, model: null, name: null };
}

const everyEvent: EventMetricFilter = { name: null, level: null, channel: null, sessionId: null, onlyErrors: false };

type EventAsk = Pick<Parameters<MetricStore["queryEvents"]>[0], "groupBy" | "filter">;

function parseLlmScope({ sessionId, vendor, model, groupBy }: CallMetricRequest): CallScope {
  const filter = { ...ofKind("llm"), sessionId: sessionId || null, vendor: vendor || null, model: model || null };
  return { groupBy: parseGroupBy(groupBy, llmDimensions), filter };
}

/**
 * Which operations: those of the kind that is named; without one, calls of tools where the tool matters, calls of models where
 * vendor or model do, all kinds where they are told apart, else `kinds`.
 */
function parseCallScope(
  { sessionId, kind, vendor, model, tool }: CallMetricRequest,
  { groupBy, kinds: usual }: Pick<CallScope, "groupBy"> & { readonly kinds: readonly OperationKind[] },
): CallScope {
  const named = parseChoice("kind", kind, kinds);
  const isOfTools = tool !== "" || groupBy.includes("tool");
  const isOfModels = vendor !== "" || model !== "" || groupBy.includes("vendor") || groupBy.includes("model");
  const implied = isOfTools ? ["tool" as const] : isOfModels ? ["llm" as const] : groupBy.includes("kind") ? [] : usual;
  return {
    groupBy,
    filter: {
      kinds: named === null ? implied : [named],
      sessionId: sessionId || null,
      vendor: vendor || null,
      model: model || null,
      name: tool || null,
    },
  };
}

async function overviewOf(store: MetricStore, scope: Scope): Promise<MetricOverview> {
  const callsOf = (kind: OperationKind): CallMetricQuery => ({
    ...scope,
    groupBy: [],
    filter: ofKind(kind),
    size: "count",
    facts: ["outcomes", "tokens", "cost", "latency"],
  });
  const [llm, tools, events, agentCount, sessions, alerts] = await Promise.all([
    store.queryCalls(callsOf("llm")),
    store.queryCalls(callsOf("tool")),
    store.queryEvents({ ...scope, groupBy: [], filter: everyEvent }),
    store.countAgents(scope),
    store.querySessions({ ...scope, groupBy: [] }),
    store.queryAlerts({ ...scope, groupBy: ["severity"], filter: { severity: null, category: null } }),
  ]);
  const llmSums = llm.groups[0]?.total ?? noCalls;
  const bySeverity = new Map(alerts.groups.map(({ values: [severity], total }) => [severity, total.count]));
  return {
    range: { startMicros: scope.buckets[0]?.startMicros ?? null, endMicros: scope.buckets.at(-1)?.endMicros ?? null },
    events: events.groups[0]?.total ?? noEvents,
    agentCount,
    sessions: sessionsOf(sessions.groups[0]?.total ?? noSessions),
    llm: toolsOf(llmSums),
    tools: toolsOf(tools.groups[0]?.total ?? noCalls),
    tokens: tokensOf(llmSums),
    costs: costsOf(llmSums),
    alertCount: alerts.groups.reduce((sum, { total }) => sum + total.count, 0),
    alertCountBySeverity: {
      low: bySeverity.get("low") ?? 0,
      medium: bySeverity.get("medium") ?? 0,
      high: bySeverity.get("high") ?? 0,
      critical: bySeverity.get("critical") ?? 0,
    },
  };
}
