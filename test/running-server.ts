import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { onTestFinished } from "vitest";
import { type Config, parseConfig } from "../src/config.ts";
import { createServer } from "../src/server.ts";

/** A real server on a free port of 127.0.0.1, with a database file of its own. */
export interface RunningServer {
  /** As `http://127.0.0.1:12345`. */
  readonly url: string;
  readonly config: Config;
  /** Closes it ahead of time. */
  close(): Promise<void>;
}

/** What a test may set. */
export interface RunningServerOptions {
  /** Settings as in the environment, beside a free port and a new database. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Replaces the clock: milliseconds since 1970. */
  readonly nowMs?: () => number;
}

/** Starts a server that is closed, and its files removed, when the test ends. */
export async function startServer({ environment, nowMs }: RunningServerOptions = {}): Promise<RunningServer> {
  const folder = await createFolder();
  const config = parseConfig(
    {
      CYLESTIO_PORT: "0",
      CYLESTIO_DB_PATH: join(folder, "cylestio.db"),
      CYLESTIO_SHUTDOWN_TIMEOUT_MS: "500",
      ...environment,
    },
    [],
    { platform: "linux", homeFolder: folder },
  );
  const server = await createServer({
    config,
    logger: pino({ level: "silent" }),
    nowMs: nowMs ?? Date.now,
    newId: randomUUID,
  });
  const url = await server.listen();
  onTestFinished(() => server.close());
  return { url, config, close: () => server.close() };
}

/** A folder that is removed when the test ends. */
export async function createFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "cylestio-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
