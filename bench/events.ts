import { readFileSync } from "node:fs";
import { formatTimeMicros } from "../src/model/time.ts";

/** An event as the SDK of format v1 sends it over REST. */
export interface V1Event {
  readonly schema_version: string;
  readonly timestamp: string;
  readonly trace_id: string;
  readonly span_id: string;
  readonly parent_span_id: string | null;
  readonly name: string;
  readonly level: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly agent_id: string;
}

/** An endless run of events: each is the same at every call, later than the one before, and different from every other. */
export interface EventRun extends Pick<EventRunOptions, "agentCount" | "sessionsAtOnce"> {
  /** The event of that number, from 0. Its shape is that of the sample with its name, without the attributes `env.*`. */
  eventAt(index: number): V1Event;
  /** The time of that event, in microseconds since 1970. */
  timeMicrosAt(index: number): number;
  /** The session of that number, from 0. */
  sessionAt(number: number): SessionNames;
  /** Sessions that have all their events, or, if there is none, that have any, among the first so many events. */
  sessionCountIn(eventCount: number): number;
}

/** What a session goes by. */
export interface SessionNames {
  readonly agentId: string;
  readonly sessionId: string;
  readonly traceId: string;
}

export interface EventRunOptions {
  /** Sessions that report at the same time, event by event in turn. */
  readonly sessionsAtOnce: number;
  /** Agents that these sessions belong to, in turn. */
  readonly agentCount: number;
  /** Between two events. Not whole milliseconds, so that microseconds are exercised. */
  readonly stepMicros: number;
  /** Several models and tools, and in each session two calls that fail and two security alerts. */
  readonly isVaried: boolean;
}

/** Rounds of an agent's loop in one session; each is one pass through `turn`. */
const turnsPerSession = 10;

/** 2025-01-01T00:00:00Z: before the clock of any machine that runs this. */
export const firstMicros = 1_735_689_600_000_000;

/** One pass of an agent's loop: which sample to take the shape of, and the span it belongs to. Span 0 is around the others. */
const turn = [
  { name: "chain.start", span: 0 },
  { name: "llm.call.start", span: 1 },
  { name: "llm.call.finish", span: 1 },
  { name: "tool.execution", span: 2 },
  { name: "tool.result", span: 2 },
  { name: "retrieval.query", span: 3 },
  { name: "retrieval.result", span: 3 },
  { name: "llm.call.start", span: 4 },
  { name: "llm.call.finish", span: 4 },
  { name: "chain.end", span: 0 },
] as const;

/** One turn of each varied session, not the same one of all: as long, with as many spans. */
const troubledTurn = [
  { name: "chain.start", span: 0 },
  { name: "llm.call.start", span: 1 },
  { name: "llm.call.finish", span: 1 },
  { name: "security.content.suspicious", span: 1 },
  { name: "tool.execution", span: 2 },
  { name: "tool.error", span: 2 },
  { name: "llm.call.start", span: 4 },
  { name: "llm.call.error", span: 4 },
  { name: "security.content.dangerous", span: 4 },
  { name: "chain.end", span: 0 },
] as const;

const spansPerTurn = 5;

/** Events of one session. */
export const eventsPerSession = turnsPerSession * turn.length;

/** Models of a varied run: one for each agent. */
const models = ["claude-3-haiku-20240307", "claude-3-5-sonnet-20241022", "claude-3-opus-20240229"];

/** Tools of a varied run: one for each turn. */
const tools = ["get_stock_level", "reserve_stock", "search_orders", "send_mail", "read_file"];

const templates = readTemplates();

/** What is sent where a scenario does not say otherwise: 580 to 910 bytes of JSON each. */
const usual: EventRunOptions = { sessionsAtOnce: 16, agentCount: 4, stepMicros: 1_003, isVaried: false };

/** The events of the usual run, and their times. */
export const { eventAt, timeMicrosAt } = createEventRun(usual);

/** Makes a run. */
export function createEventRun({ sessionsAtOnce, agentCount, stepMicros, isVaried }: EventRunOptions): EventRun {
  const timeMicrosAt = (index: number) => firstMicros + index * stepMicros;
  const sessionAt = (number: number): SessionNames => ({
    agentId: `bench-agent-${(number % sessionsAtOnce) % agentCount}`,
    sessionId: uuid(number),
    traceId: `${hexId(2 * number)}${hexId(2 * number + 1)}`,
  });
  return {
    agentCount,
    sessionsAtOnce,
    timeMicrosAt,
    sessionAt,
    sessionCountIn: (eventCount) =>
      Math.floor(eventCount / (sessionsAtOnce * eventsPerSession)) * sessionsAtOnce ||
      Math.min(eventCount, sessionsAtOnce),
    eventAt(index) {
      const lane = index % sessionsAtOnce;
      const step = Math.floor(index / sessionsAtOnce);
      const turnNumber = Math.floor(step / turn.length);
      const isTroubled = isVaried && (turnNumber + lane) % turnsPerSession === 0;
      const { name, span } = (isTroubled ? troubledTurn : turn)[step % turn.length] ?? turn[0];
      const session = lane + sessionsAtOnce * Math.floor(turnNumber / turnsPerSession);
      const { agentId, traceId } = sessionAt(session);
      const firstSpan = (turnNumber * sessionsAtOnce + lane) * spansPerTurn;
      const template = templateOf(name);
      const timestamp = formatTimeMicros(timeMicrosAt(index));
      const choices = isVaried ? choicesOf(template, { agent: lane % agentCount, turnNumber }) : {};
      return {
        schema_version: template.schema_version,
        timestamp,
        trace_id: traceId,
        span_id: hexId(firstSpan + span),
        parent_span_id: span === 0 ? null : hexId(firstSpan),
        name,
        level: template.level,
        attributes: { ...template.attributes, ...varied(template, { index, session, timestamp }), ...choices },
        agent_id: agentId,
      };
    },
  };
}

/** Events of the usual run that have every shape equally often: a turn of each of its sessions. */
const meanOf = usual.sessionsAtOnce * turn.length;

/** Bytes that an event of the usual run takes as JSON in UTF-8, in the mean over all shapes. */
export function meanJsonBytes(): number {
  let bytes = 0;
  for (let index = 0; index < meanOf; index += 1) bytes += Buffer.byteLength(JSON.stringify(eventAt(index)));
  return bytes / meanOf;
}

/** What differs from event to event of one shape; only attributes that the shape has. */
function varied(
  { attributes }: V1Event,
  { index, session, timestamp }: { readonly index: number; readonly session: number; readonly timestamp: string },
): Record<string, unknown> {
  const values: Readonly<Record<string, unknown>> = {
    "session.id": uuid(session),
    "llm.request.timestamp": timestamp,
    "llm.response.timestamp": timestamp,
    "llm.response.id": `msg_${hexId(index)}`,
    // A spread as of real calls, so that a sketch of latencies has something to hold.
    "llm.response.duration_ms": 300 + (Math.imul(index, 2_654_435_761) >>> 20),
    "llm.usage.input_tokens": 100 + (index % 1900),
    "llm.usage.output_tokens": 10 + (index % 490),
  };
  return Object.fromEntries(Object.entries(values).filter(([key]) => key in attributes));
}

/** The model and the tool of an event; only what its shape has. */
function choicesOf(
  { attributes }: V1Event,
  { agent, turnNumber }: { readonly agent: number; readonly turnNumber: number },
): Record<string, unknown> {
  const values = { "llm.model": models[agent % models.length], "tool.name": tools[turnNumber % tools.length] };
  return Object.fromEntries(Object.entries(values).filter(([key]) => key in attributes));
}

/** 16 hexadecimal digits that look random. Another number gives another id: multiplying by an odd number loses nothing. */
function hexId(number: number): string {
  return BigInt.asUintN(64, BigInt(number + 1) * 0x9e37_79b9_7f4a_7c15n)
    .toString(16)
    .padStart(16, "0");
}

function uuid(number: number): string {
  const hex = hexId(number);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12)}-8000-${hexId(number + 1).slice(0, 12)}`;
}

function templateOf(name: string): V1Event {
  const template = templates.get(name);
  if (template === undefined) throw new Error(`the samples have no event ${name}`);
  return template;
}

function readTemplates(): ReadonlyMap<string, V1Event> {
  const url = new URL("../test/samples/v1-events.json", import.meta.url);
  // The file is part of the repository and has this shape.
  const samples = JSON.parse(readFileSync(url, "utf8")) as V1Event[];
  const byName = new Map<string, V1Event>();
  for (const sample of samples) {
    const attributes = Object.fromEntries(Object.entries(sample.attributes).filter(([key]) => !key.startsWith("env.")));
    if (!byName.has(sample.name)) byName.set(sample.name, { ...sample, attributes });
  }
  return byName;
}
