import { join } from "node:path";
import type { Bench } from "./bench.ts";
import { type DatabaseServer, startServer } from "./child-server.ts";
import { type EventRun, eventsPerSession } from "./events.ts";
import { fillDatabase } from "./fill.ts";
import { get, Http1Connection } from "./http1-connection.ts";
import type { Draw, Question } from "./questions.ts";
import { createSpreadRun, type SpreadOptions } from "./spread.ts";

/** A database that is filled, in a folder of its own. */
export interface FilledDatabase extends SpreadOptions {
  readonly folder: string;
}

/** A server that answers questions about such a database. */
export interface AskedServer {
  readonly eventCount: number;
  /** Whether each of its agents has a session with all its events. */
  readonly isWhole: boolean;
  /** The question's paths for these draws, made ready before the clock runs; null if the list has no page so far behind. */
  pathsOf(question: Question, draws: readonly Lot[]): Promise<readonly string[] | null>;
  /** Asks, and returns how long the whole answer took to come, in milliseconds. */
  ask(path: string): Promise<number>;
  close(): Promise<void>;
}

/** What is drawn by lot for every database alike, each number from 0 to 1. */
export interface Lot {
  readonly agent: number;
  readonly session: number;
  readonly place: number;
}

/** Sizes of the pages by which a list is walked to a page far behind: the largest that the list has several of. */
const walkSizes = [1000, 100, 20];

/** Pages that are walked. */
const walkedPages = 5;

/** Agents whose lists are walked, of those there are. */
const walkedAgents = 3;

/** Fills a database for each of the sizes and numbers of agents, two at a time. */
export async function fillDatabases(bench: Bench, sizes: readonly SpreadOptions[]): Promise<readonly FilledDatabase[]> {
  // The largest ones first, as they take longest.
  const waiting = sizes.toSorted((a, b) => b.eventCount - a.eventCount || b.agentCount - a.agentCount).values();
  const filled: FilledDatabase[] = [];
  const fillNext = async (): Promise<void> => {
    for (const size of waiting) {
      const folder = await bench.newFolder();
      bench.progress(`storing ${size.eventCount} events of ${size.agentCount} agents`);
      await fillDatabase({ ...size, path: join(folder, "cylestio.db") });
      filled.push({ ...size, folder });
    }
  };
  await Promise.all([fillNext(), fillNext()]);
  return filled;
}

/** Starts a server on a filled database. */
export async function askServer(bench: Bench, { folder, ...size }: FilledDatabase): Promise<AskedServer> {
  const run = createSpreadRun(size);
  // It would begin by adding all texts to the index: the more events, the longer.
  const server = await startServer({ folder, durability: bench.options.durability, searchEnabled: false });
  const connection = await Http1Connection.open(server.url);
  return {
    eventCount: size.eventCount,
    isWhole: size.eventCount >= run.sessionsAtOnce * eventsPerSession,
    async pathsOf(question, lots) {
      if (!question.isDeep) return lots.map((lot) => question.pathOf(drawOf(run, lot, size.eventCount)));
      const paths = await findDeepPaths(connection, question, run);
      return paths.length === 0 ? null : lots.map(({ agent }) => paths[Math.floor(agent * paths.length)] ?? "");
    },
    async ask(path) {
      const startedAt = performance.now();
      await get(connection, path);
      return performance.now() - startedAt;
    },
    close: () => closeAll(connection, server),
  };
}

async function closeAll(connection: Http1Connection, server: DatabaseServer): Promise<void> {
  try {
    await connection.close();
    await server.stop();
  } finally {
    await server.kill();
  }
}

function drawOf(run: EventRun, { agent, session, place }: Lot, eventCount: number): Draw {
  const sessionNumber = Math.floor(session * run.sessionCountIn(eventCount));
  return {
    // Sessions belong to the agents in turn.
    agentId: run.sessionAt(Math.floor(agent * run.agentCount)).agentId,
    session: run.sessionAt(sessionNumber),
    place,
  };
}

/** Walks a list of a few agents. */
async function findDeepPaths(
  connection: Http1Connection,
  question: Question,
  run: EventRun,
): Promise<readonly string[]> {
  const lots = Array.from({ length: walkedAgents }, (_, number) => number / walkedAgents);
  const starts = new Set(lots.map((agent) => question.pathOf(drawOf(run, { agent, session: 0, place: 0 }, 1))));
  const paths: string[] = [];
  for (const start of starts) {
    const token = await findDeepToken(connection, start);
    if (token !== null) paths.push(`${start}&page_token=${encodeURIComponent(token)}`);
  }
  return paths;
}

/** The token of a page that is as far behind as the walk goes; null if there is only one page. */
async function findDeepToken(connection: Http1Connection, start: string): Promise<string | null> {
  for (const size of walkSizes) {
    const path = start.replace(/page_size=\d+/, `page_size=${size}`);
    let token: string | null = null;
    for (let page = 0; page < walkedPages; page += 1) {
      const next = nextToken(await get(connection, token === null ? path : `${path}&page_token=${token}`));
      if (next === null) break;
      token = next;
    }
    if (token !== null) return token;
  }
  return null;
}

function nextToken({ head, body }: Awaited<ReturnType<typeof get>>): string | null {
  const link = /^link: <[^>]*page_token=([\w-]+)[^>]*>; rel="next"/im.exec(head)?.[1];
  if (link !== undefined) return link;
  // Every list that is no bare array has this field.
  const { next_page_token: token } = JSON.parse(body.toString()) as { readonly next_page_token?: string };
  return token || null;
}
