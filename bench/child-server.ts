import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A server in a process of its own that listens. */
export interface ChildServer {
  /** As `http://127.0.0.1:12345`. */
  readonly url: string;
  readonly pid: number;
  /** Ends it in good order. Throws if it does not end so. */
  stop(): Promise<void>;
  /** Ends it at once, whatever it does. It may have ended already. */
  kill(): Promise<void>;
}

/** The real server, on a database. */
export interface DatabaseServer extends ChildServer {
  readonly databasePath: string;
}

export interface ServerOptions {
  /** Where the database `cylestio.db` is or will be. */
  readonly folder: string;
  readonly durability: "full" | "normal";
  /** Whether texts are added to the search index, as they are by default. */
  readonly searchEnabled?: boolean;
}

const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Starts `src/main.ts` with its defaults, but for a free port and the database. */
export async function startServer({
  folder,
  durability,
  searchEnabled = true,
}: ServerOptions): Promise<DatabaseServer> {
  const databasePath = join(folder, "cylestio.db");
  const server = await startChild("../src/main.ts", {
    HOME: folder,
    CYLESTIO_PORT: "0",
    CYLESTIO_DB_PATH: databasePath,
    CYLESTIO_DURABILITY: durability,
    CYLESTIO_SEARCH_ENABLED: String(searchEnabled),
  });
  return { ...server, databasePath };
}

/** Starts the route that does nothing but parse a body. */
export function startBareRoute(): Promise<ChildServer> {
  return startChild("./bare-route.ts", {});
}

/** Kilobytes of memory of a process, now and at its highest; null where there is no `/proc`. */
export function residentKilobytes(pid: number): { readonly now: number; readonly highest: number } | null {
  if (process.platform !== "linux") return null;
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]);
  return { now: field("VmRSS"), highest: field("VmHWM") };
}

/** Starts a script that logs a line of JSON with the message `ready` and its address once it listens. */
async function startChild(script: string, env: Readonly<Record<string, string>>): Promise<ChildServer> {
  const child = spawn(process.execPath, [fileURLToPath(new URL(script, import.meta.url))], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.add(child);
  const ended = once(child, "exit");
  void ended.then(() => running.delete(child));
  const url = await Promise.race([
    readAddress(child),
    ended.then(([code, signal]) => {
      throw new Error(`${script} ended before it listened: ${code ?? signal}`);
    }),
  ]);
  if (child.pid === undefined) throw new Error(`${script} has no process`);
  return {
    url,
    pid: child.pid,
    async stop() {
      child.kill("SIGTERM");
      const [code, signal] = await ended;
      if (code !== 0) throw new Error(`${script} ended with ${code ?? signal}`);
    },
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

function readAddress({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new Error("the process has no output");
  return new Promise((resolve) => {
    createInterface({ input: stdout }).on("line", (line) => {
      const { msg, address } = JSON.parse(line);
      if (msg === "ready") resolve(address);
    });
  });
}
