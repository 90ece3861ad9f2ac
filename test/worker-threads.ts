import process from "node:process";
import type { Worker } from "node:worker_threads";
import { onTestFinished } from "vitest";

/** Collects the threads that this process starts from now on until the end of the test. */
export function collectWorkers(): readonly Worker[] {
  const workers: Worker[] = [];
  const collect = (worker: Worker) => void workers.push(worker);
  process.on("worker", collect);
  onTestFinished(() => void process.off("worker", collect));
  return workers;
}

/** Whether a thread is gone. */
export function isGone({ threadId }: Worker): boolean {
  return threadId === -1;
}
