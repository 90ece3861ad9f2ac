import process from "node:process";
import { TelemetryError } from "../../../src/model/error.ts";
import { serveThread } from "../../../src/store/sqlite/thread.ts";

/*
 * A thread for `thread.test.ts` that does what can go wrong in one.
 */

/** How it starts. */
export type Start = "well" | "throws" | "unavailable" | "dies";

export type OddMethods = {
  readonly echo: (...values: unknown[]) => Promise<unknown>;
  /** Answers in a later turn, as an append does that waits for its commit; not any more once the thread is closed. */
  readonly echoLater: (value: unknown) => Promise<unknown>;
  readonly unavailable: () => Promise<never>;
  readonly fault: () => Promise<never>;
  readonly uncloneable: () => Promise<unknown>;
  readonly never: () => Promise<never>;
  readonly throwLater: () => Promise<void>;
  readonly exit: () => Promise<void>;
  readonly close: () => Promise<void>;
};

await serveThread(async (start: Start): Promise<OddMethods> => {
  if (start === "throws") throw new Error("no such database");
  if (start === "unavailable") throw new TelemetryError("STORE_UNAVAILABLE", "the disk is away");
  if (start === "dies") process.exit(3);
  let isOpen = true;
  return {
    echo: async (...values) => values,
    async echoLater(value) {
      await new Promise(setImmediate);
      if (!isOpen) throw new Error("closed too early");
      return value;
    },
    async unavailable() {
      throw new TelemetryError("STORE_UNAVAILABLE", "the disk is full");
    },
    async fault() {
      throw new TypeError("a fault of the thread");
    },
    uncloneable: async () => () => undefined,
    never: () => new Promise(() => undefined),
    async throwLater() {
      setImmediate(() => {
        throw new Error("nobody catches this");
      });
    },
    async exit() {
      process.exit(0);
    },
    async close() {
      isOpen = false;
    },
  };
});
