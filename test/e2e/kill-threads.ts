import process from "node:process";
import { isMainThread, type Worker } from "node:worker_threads";

/*
 * Loaded into a server's process before the server: SIGUSR2 makes its writer die, SIGWINCH its reader, of an error that nobody
 * catches. The server knows nothing of it.
 */

const workers: Worker[] = [];

function kill(name: string): void {
  // They cannot deal with a message that is no call.
  workers.findLast(({ threadName, threadId }) => threadName === name && threadId !== -1)?.postMessage(null);
}

if (isMainThread) {
  process.on("worker", (worker) => workers.push(worker));
  process.on("SIGUSR2", () => kill("writer"));
  process.on("SIGWINCH", () => kill("reader"));
}
