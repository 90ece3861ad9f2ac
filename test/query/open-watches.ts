import { join } from "node:path";
import { onTestFinished } from "vitest";
import { limitsDefault } from "../../src/model/limits.ts";
import { createEventWatches, type EventWatches, type EventWatchesOptions } from "../../src/query/event-watches.ts";
import type { WatchFilter } from "../../src/query/watch-cursor.ts";
import type { WatchMessage } from "../../src/query/watcher.ts";
import { createSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import type { TelemetryStore } from "../../src/store/store.ts";
import { buildEvent } from "../store/event-builder.ts";

let opened = 0;

/** A real store in `folder`, until the test ends. */
export async function openWatchedStore(folder: string): Promise<TelemetryStore & { readonly databasePath: string }> {
  opened += 1;
  const databasePath = join(folder, `watched-${opened}.db`);
  const store = await createSqliteStore({ databasePath, durability: "normal" });
  onTestFinished(() => store.close());
  return { ...store, databasePath };
}

/** Watches of a store, with the limits that a test is about. */
export function watchesOf(
  store: EventWatchesOptions["store"],
  {
    limits,
    ...options
  }: Partial<Omit<EventWatchesOptions, "limits">> & {
    readonly limits?: Partial<EventWatchesOptions["limits"]>;
  } = {},
): EventWatches {
  return createEventWatches({
    store,
    limits: { ...limitsDefault, ...limits },
    stopping: new AbortController().signal,
    nextTurn: () => new Promise(setImmediate),
    ...options,
  });
}

/** A filter that lets every event through. */
export const anyEvent: WatchFilter = { agentId: null, sessionId: null, name: null, channel: null, level: null };

/** A client of a watch, with what it can do beside taking messages. */
export interface TestClient {
  readonly messages: AsyncGenerator<WatchMessage>;
  /** The next message. It must come. */
  next(): Promise<WatchMessage>;
  /** The names of the next events, as many as asked for. Messages without an event do not count. */
  names(count: number): Promise<readonly string[]>;
  /** Goes away without a word. */
  leave(reason?: unknown): void;
  /** How often the server cut its connection. */
  readonly cuts: () => number;
  /** The cursor of the last message that it took. */
  readonly cursor: () => string;
}

/** A client that watches. It leaves when the test ends. */
export function watchAs(
  watches: EventWatches,
  { filter = anyEvent, cursor = "" }: { readonly filter?: WatchFilter; readonly cursor?: string } = {},
): TestClient {
  const controller = new AbortController();
  let cuts = 0;
  let last = cursor;
  onTestFinished(() => controller.abort());
  const messages = watches.watch({ filter, cursor, signal: controller.signal, cut: () => (cuts += 1) });
  const next = async (): Promise<WatchMessage> => {
    const { done, value } = await messages.next();
    if (done === true) throw new Error("the watch ended");
    last = value.cursor;
    return value;
  };
  return {
    messages,
    next,
    async names(count) {
      const names: string[] = [];
      while (names.length < count) {
        const { event } = await next();
        if (event !== null) names.push(event.name);
      }
      return names;
    },
    leave: (reason) => controller.abort(reason),
    cuts: () => cuts,
    cursor: () => last,
  };
}

/** An event of this name. */
export const named = (name: string, agentId = "agent") => buildEvent({ name, agentId });

/** Events whose names are these numbers. */
export const numbered = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => named(String(from + index)));

/** The names of such events. */
export const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => String(from + index));

/** Long enough for what was stored to be told. */
export const nextTurns = async () => {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};
