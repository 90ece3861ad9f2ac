import { formatTimeMicros } from "../src/model/time.ts";
import { firstMicros, type SessionNames } from "./events.ts";
import { spreadMicros } from "./spread.ts";

/** What is drawn by lot each time that a question is asked. */
export interface Draw {
  readonly agentId: string;
  readonly session: SessionNames;
  /** Where in the time of all events the range lies, from 0 to 1. */
  readonly place: number;
}

/** What may be asked: by the goal that it has. */
export type QuestionKind = "metric" | "list" | "page";

/** A question that is asked again and again, of another agent, session or time each time. */
export interface Question {
  readonly kind: QuestionKind;
  readonly name: string;
  /** Path and query. */
  readonly pathOf: (draw: Draw) => string;
  /** A list that is asked for a page far behind its first one. */
  readonly isDeep: boolean;
}

const dayMicros = 86_400_000_000;
const minuteMicros = 60_000_000;

/** Items on a page: as many as there are of each kind in the smallest database. */
const pageSize = 20;

/** A range of so many days that begins with any minute. */
function days(count: number, { place }: Draw): string {
  const start = Math.floor((place * (spreadMicros - count * dayMicros)) / minuteMicros) * minuteMicros;
  return range(firstMicros + start, firstMicros + start + count * dayMicros);
}

/** The time of all events. */
const allDays = range(firstMicros, firstMicros + spreadMicros);

function range(fromMicros: number, toMicros: number): string {
  return `from_time=${formatTimeMicros(fromMicros)}&to_time=${formatTimeMicros(toMicros)}`;
}

function question(kind: QuestionKind, name: string, pathOf: Question["pathOf"]): Question {
  return { kind, name, pathOf, isDeep: false };
}

/** A metric in every form: whole or by the hour or day, of one agent or of all, with groups and without. */
function metric(name: string, groupBy: string): readonly Question[] {
  const path = `/api/v1/metrics/${name}?`;
  const forms: readonly (readonly [string, Question["pathOf"]])[] = [
    ["an agent, 7 days", (draw) => `agent_id=${draw.agentId}&${days(7, draw)}`],
    ["an agent, a day by hour", (draw) => `agent_id=${draw.agentId}&${days(1, draw)}&interval=hour`],
    ["all, a day by hour", (draw) => `${days(1, draw)}&interval=hour`],
    [`all, 30 days by ${groupBy}`, () => `${allDays}&group_by=${groupBy}`],
    [`all, 30 days by day and ${groupBy}`, () => `${allDays}&interval=day&group_by=${groupBy}`],
  ];
  return forms.map(([form, queryOf]) => question("metric", `${name}, ${form}`, (draw) => path + queryOf(draw)));
}

/** The questions about one agent that the older clients ask. */
function agentMetric(name: string): readonly Question[] {
  const path = ({ agentId }: Draw) => `/api/metrics/${agentId}/${name}`;
  return [
    question("metric", `${name} of an agent`, path),
    question("metric", `${name} of an agent, 7 days`, (draw) => `${path(draw)}?${days(7, draw)}`),
  ];
}

/** A list's first page and one far behind it. */
function list(name: string, pathOf: (draw: Draw) => string): readonly Question[] {
  const first = question("list", name, (draw) => `${pathOf(draw)}page_size=${pageSize}`);
  return [first, { ...first, name: `${name}, far behind`, isDeep: true }];
}

/** A list of everything and of one agent. */
function listByAgent(name: string, path: string): readonly Question[] {
  return [
    ...list(name, () => `${path}?`),
    ...list(`${name} of an agent`, ({ agentId }) => `${path}?agent_id=${agentId}&`),
  ];
}

/** Everything that is asked. */
export const questions: readonly Question[] = [
  ...agentMetric("event_counts"),
  ...agentMetric("event_types"),
  ...agentMetric("latency"),
  question("metric", "summary of an agent", ({ agentId }) => `/api/agents/${agentId}/summary`),
  question("metric", "overview, all, 30 days", () => `/api/v1/metrics/overview?${allDays}`),
  question("metric", "overview, all, a day", (draw) => `/api/v1/metrics/overview?${days(1, draw)}`),
  question("metric", "overview, an agent, 7 days", (draw) => {
    return `/api/v1/metrics/overview?agent_id=${draw.agentId}&${days(7, draw)}`;
  }),
  ...metric("events", "name"),
  ...metric("latency", "model"),
  ...metric("tokens", "model"),
  ...metric("cost", "agent"),
  ...metric("errors", "kind"),
  ...metric("tools", "tool"),
  ...metric("sessions", "agent"),
  ...metric("alerts", "severity"),
  ...list("agents", () => "/api/agents?"),
  ...listByAgent("events", "/api/events"),
  ...list("events of a level", () => "/api/events?level=ERROR&"),
  ...listByAgent("sessions", "/api/v1/sessions"),
  ...listByAgent("traces", "/api/v1/traces"),
  ...listByAgent("LLM calls", "/api/v1/llm_calls"),
  ...listByAgent("tool calls", "/api/v1/tool_calls"),
  ...listByAgent("alerts", "/api/v1/alerts"),
  question("page", "session with its timeline", ({ session }) => {
    return `/api/v1/sessions/${session.sessionId}?agent_id=${session.agentId}&page_size=100`;
  }),
  question("page", "trace", ({ session }) => `/api/v1/traces/${session.traceId}`),
];
