import { randomUUID } from "node:crypto";
import { homedir } from "node:os";
import process from "node:process";
import { type Logger, pino } from "pino";
import { ConfigError, parseConfig } from "./config.ts";
import { rebuild, reprice } from "./maintenance.ts";
import { createServer, type Server } from "./server.ts";

/*
 * The process: settings from the environment, start, signals, exit code. 0: stopped on request; 1: could not start, or not stop in
 * good order; 2: a setting is wrong. With `reprice` or `rebuild` there is no server: it works on the database and ends.
 */

/** What closing the database may take after the last connection, in milliseconds. */
const patienceMs = 5_000;

async function main(args: readonly string[]): Promise<void> {
  const surroundings = { platform: process.platform, homeFolder: homedir() };
  if (args[0] === "rebuild") {
    const config = parseConfig(process.env, args.slice(1), surroundings);
    process.stdout.write(`${await rebuild({ config })}\n`);
    return;
  }
  if (args[0] === "reprice") {
    const options = args.slice(1).filter((arg) => arg !== "--apply");
    const config = parseConfig(process.env, options, surroundings);
    process.stdout.write(`${await reprice({ config, apply: args.includes("--apply") })}\n`);
    return;
  }
  const config = parseConfig(process.env, args, surroundings);
  const logger = pino({ level: config.logLevel });
  const stopping = stopOnSignals({ logger, deadlineMs: config.shutdownTimeoutMs + patienceMs });
  const server = await createServer({ config, logger, nowMs: Date.now, newId: randomUUID });
  const address = await server.listen();
  stopping.started(server);
  logger.info({ address, database: config.databasePath }, "ready");
}

interface StopOptions {
  readonly logger: Logger;
  readonly deadlineMs: number;
}

/**
 * The first SIGTERM or SIGINT closes the server in good order; the second ends the process at once, which loses nothing that was
 * acknowledged. So does the first during the start: nothing was acknowledged yet, and a start can be cut off anywhere.
 */
function stopOnSignals({ logger, deadlineMs }: StopOptions): { started(server: Server): void } {
  let running: Server | undefined;
  let isStopping = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    logger.info({ signal }, isStopping ? "stopping at once" : "stopping");
    if (running === undefined || isStopping) process.exit(isStopping ? 1 : 0);
    isStopping = true;
    // Nothing may keep the process from ending, not even a fault in closing.
    setTimeout(() => process.exit(1), deadlineMs).unref();
    void running.close().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.fatal({ err: error }, "could not stop in good order");
        process.exit(1);
      },
    );
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, onSignal);
  return {
    started(server) {
      running = server;
    },
  };
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`cylestio-mini-local-server: ${message}\n`);
  process.exit(error instanceof ConfigError ? 2 : 1);
});
