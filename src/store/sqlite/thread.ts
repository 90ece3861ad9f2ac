import { type MessagePort, parentPort, Worker, workerData } from "node:worker_threads";
import { type ErrorReason, TelemetryError } from "../../model/error.ts";

/** Functions of a thread that another thread may call. Arguments and results are copied. */
export type ThreadMethods = Readonly<Record<string, (...args: never[]) => Promise<unknown>>>;

/** The same functions, on the calling side. */
export type RemoteMethods<Methods extends ThreadMethods> = {
  readonly [Name in keyof Methods]: (...args: Parameters<Methods[Name]>) => Promise<Awaited<ReturnType<Methods[Name]>>>;
};

/** A thread that answers calls. */
export interface Thread<Methods extends ThreadMethods> {
  readonly methods: RemoteMethods<Methods>;
  /** Ends the thread once the calls under way are answered. */
  close(): Promise<void>;
}

interface Call {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

type Reply =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly error: ErrorFacts };

/** What of an error crosses from one thread to another: copying keeps neither classes nor getters. */
export interface ErrorFacts {
  readonly reason: ErrorReason | null;
  readonly message: string;
  readonly stack: string | undefined;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Message that says a thread is ready, or why it could not start. */
const readyId = 0;

/**
 * Starts a thread on a module that calls `serveThread`, and waits until it is ready. Rejects if it cannot start. Should it ever
 * die, every call rejects with `STORE_UNAVAILABLE`.
 */
export async function startThread<Methods extends ThreadMethods>(module: URL, data: unknown): Promise<Thread<Methods>> {
  const worker = new Worker(module, { workerData: data });
  const waiting = new Map<number, Waiting>();
  let lastId = readyId;
  let death: Error | undefined;
  let onIdle: (() => void) | undefined;

  const die = (error: Error): void => {
    death ??= error;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
    onIdle?.();
  };
  worker.on("message", (reply: Reply) => {
    const call = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (reply.ok) call?.resolve(reply.value);
    else call?.reject(errorFrom(reply.error));
    if (waiting.size === 0) onIdle?.();
  });
  worker.on("error", (error) => die(threadDied(error)));
  worker.on("exit", () => die(threadDied(undefined)));

  const call = (method: string, args: readonly unknown[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (death !== undefined) {
        reject(death);
        return;
      }
      lastId += 1;
      // Throws if an argument cannot be copied; then nothing will be answered.
      worker.postMessage({ id: lastId, method, args } satisfies Call);
      waiting.set(lastId, { resolve, reject });
    });
  await new Promise((resolve, reject) => waiting.set(readyId, { resolve, reject }));

  return {
    // Every name is a method: a call of one that the thread does not have is answered with an error.
    methods: new Proxy({} as RemoteMethods<Methods>, {
      get:
        (_target, method) =>
        (...args: unknown[]) =>
          call(String(method), args),
    }),
    async close() {
      try {
        // The thread takes calls as they come: one that works on, as an append that waits for its commit, is passed by `close`.
        if (waiting.size > 0) await new Promise<void>((resolve) => (onIdle = resolve));
        if (death === undefined) await call("close", []);
      } finally {
        await worker.terminate();
      }
    },
  };
}

/** Serves the methods in this thread, which `startThread` started. `open` makes them from what was passed to the thread. */
export async function serveThread<Data>(
  open: (data: Data) => Promise<ThreadMethods & { readonly close: () => Promise<void> }>,
): Promise<void> {
  const port = parentPort;
  if (port === null) throw new Error("this module is the main module of a thread");
  try {
    // What `startThread` was given for this very module.
    const methods = await open(workerData as Data);
    port.on("message", (call: Call) => void answer(port, methods, call));
    port.postMessage({ id: readyId, ok: true, value: undefined } satisfies Reply);
  } catch (error) {
    port.postMessage({ id: readyId, ok: false, error: factsOf(error) } satisfies Reply);
  }
}

async function answer(port: MessagePort, methods: ThreadMethods, { id, method, args }: Call): Promise<void> {
  try {
    const called = methods[method];
    if (called === undefined) throw new Error(`the thread has no method ${method}`);
    // The types were checked on the calling side.
    const value = await called(...(args as never[]));
    port.postMessage({ id, ok: true, value } satisfies Reply);
  } catch (error) {
    port.postMessage({ id, ok: false, error: factsOf(error) } satisfies Reply);
  }
}

/** Error → facts. */
export function factsOf(error: unknown): ErrorFacts {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  return { reason: error instanceof TelemetryError ? error.reason : null, message, stack };
}

/** Facts → error. */
export function errorFrom({ reason, message, stack }: ErrorFacts): Error {
  const error = reason === null ? new Error(message) : new TelemetryError(reason, message);
  if (stack !== undefined) error.stack = stack;
  return error;
}

function threadDied(cause: unknown): TelemetryError {
  return new TelemetryError("STORE_UNAVAILABLE", "a thread of the database died", { cause });
}
