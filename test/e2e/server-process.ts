import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { TestContext } from "vitest";

const mainPath = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/** Where Node keeps what it compiled, which spares nearly half of a start. Only a process that is not killed writes it. */
const compileCache = fileURLToPath(new URL("../../node_modules/.cache/cylestio-e2e", import.meta.url));

/** One line of the server's log. */
export type LogLine = Readonly<Record<string, unknown>>;

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/** A server in a process of its own, which need not have come up yet. */
export interface SpawnedServer {
  readonly pid: number | undefined;
  /** What it has logged so far. */
  readonly logs: readonly LogLine[];
  /** Its address, as `http://127.0.0.1:12345`, once it listens. Rejects if it ends before that. */
  readonly listening: Promise<string>;
  /** The first log line whose message begins so, as soon as it is there. Rejects if the process ends without it. */
  logged(message: string): Promise<LogLine>;
  kill(signal: NodeJS.Signals): void;
  readonly exited: Promise<Exit>;
}

/** A server in a process of its own that listens. */
export interface ServerProcess extends SpawnedServer {
  readonly url: string;
  readonly port: number;
}

export interface ServerProcessOptions {
  /** The working directory and, as `HOME`, the home of its user. The database is `cylestio.db` in it. */
  readonly folder: string;
  /** Settings beside a free port and the database. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** The user that it runs as, if not this one. */
  readonly uid?: number;
}

/** Starts `node src/main.ts` with the Node of the tests and nothing of their environment. */
export function spawnServer({ folder, environment, args = [], uid }: ServerProcessOptions): SpawnedServer {
  fillCompileCache();
  const child = spawn(process.execPath, [mainPath, ...args], {
    cwd: folder,
    env: {
      HOME: folder,
      NODE_COMPILE_CACHE: compileCache,
      CYLESTIO_PORT: "0",
      CYLESTIO_DB_PATH: join(folder, "cylestio.db"),
      ...environment,
    },
    stdio: ["ignore", "pipe", "pipe"],
    ...(uid === undefined ? {} : { uid }),
  });
  const logs: LogLine[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    logs.push(JSON.parse(line));
    for (const look of waiting) look();
  });
  const exited = exitOf(child);
  const logged = (message: string): Promise<LogLine> => {
    const found = Promise.withResolvers<LogLine>();
    const look = () => {
      const line = logs.find(({ msg }) => String(msg).startsWith(message));
      if (line !== undefined) found.resolve(line);
    };
    waiting.add(look);
    look();
    void exited.then(({ code, signal, stderr }) =>
      found.reject(new Error(`the server ended (${code ?? signal}) without "${message}": ${stderr}`)),
    );
    // Nobody may be waiting when the process ends.
    found.promise.catch(() => undefined);
    return found.promise;
  };
  const listening = logged("ready").then(({ address }) => String(address));
  listening.catch(() => undefined);
  return { pid: child.pid, logs, listening, logged, kill: (signal) => child.kill(signal), exited };
}

/** Starts a server and waits until it listens. Whoever starts it ends it. */
export function startServerProcess(options: ServerProcessOptions): Promise<ServerProcess> {
  return whenListening(spawnServer(options));
}

/** Kills a server and waits for its end. It may have ended already. */
export async function killServer(server: SpawnedServer): Promise<void> {
  server.kill("SIGKILL");
  await server.exited;
}

/** A new folder. Whoever makes it removes it with `removeFolder`. */
export function makeFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "cylestio-e2e-"));
}

/** Removes a folder with all that is in it. */
export function removeFolder(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true });
}

/** One test's own folder and servers, which end with it, whatever state they are in. */
export interface Site {
  readonly folder: string;
  /** `spawnServer` in the folder. */
  spawn(options?: Partial<ServerProcessOptions>): SpawnedServer;
  /** `startServerProcess` in the folder. */
  start(options?: Partial<ServerProcessOptions>): Promise<ServerProcess>;
  /** Does something when the test ends, before what was opened earlier ends. */
  onEnd(end: () => unknown): void;
}

/** Opens a site for the test of this context; tests may run at the same time. */
export async function openSite({ onTestFinished }: Pick<TestContext, "onTestFinished">): Promise<Site> {
  const folder = await makeFolder();
  onTestFinished(() => removeFolder(folder));
  const spawnOnSite = (options: Partial<ServerProcessOptions> = {}): SpawnedServer => {
    const server = spawnServer({ folder, ...options });
    onTestFinished(() => killServer(server));
    return server;
  };
  return {
    folder,
    spawn: spawnOnSite,
    start: (options) => whenListening(spawnOnSite(options)),
    onEnd: (end) => onTestFinished(async () => void (await end())),
  };
}

async function whenListening(server: SpawnedServer): Promise<ServerProcess> {
  const url = await server.listening;
  return { ...server, url, port: Number(new URL(url).port) };
}

function fillCompileCache(): void {
  if (existsSync(compileCache)) return;
  // Loads everything, and then refuses the argument.
  spawnSync(process.execPath, [mainPath, "--fill-compile-cache"], { env: { NODE_COMPILE_CACHE: compileCache } });
}

async function exitOf(child: ReturnType<typeof spawn>): Promise<Exit> {
  const [[code, signal], stderr] = await Promise.all([
    // After the end of its output.
    once(child, "close"),
    child.stderr === null ? "" : text(child.stderr),
  ]);
  return { code, signal, stderr };
}
