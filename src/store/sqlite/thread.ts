import { type MessagePort, parentPort, type ResourceLimits, Worker, workerData } from "node:worker_threads";
import { type ErrorReason, TelemetryError } from "../../model/error.ts";

/** Functions of a thread that another thread may call. Arguments and results are copied. */
export type ThreadMethods = Readonly<Record<string, (...args: never[]) => Promise<unknown>>>;

/** The same functions, on the calling side. */
export type RemoteMethods<Methods extends ThreadMethods> = {
  readonly [Name in keyof Methods]: (...args: Parameters<Methods[Name]>) => Promise<Awaited<ReturnType<Methods[Name]>>>;
};

/** Calls a method by its name. */
export type CallMethod = (method: string, args: readonly unknown[]) => Promise<unknown>;

/** A thread that answers calls. */
export interface Thread<Methods extends ThreadMethods> {
  readonly methods: RemoteMethods<Methods>;
  /** The same without types, for a caller that passes calls on. */
  readonly call: CallMethod;
  /** Resolves when the thread is gone with all that it held, to the error with which calls reject from then on. */
  readonly ended: Promise<TelemetryError>;
  /** Ends the thread once the calls under way are answered. May be called again, and of a thread that died. */
  close(): Promise<void>;
}

export interface ThreadOptions {
  /** What the thread does, for error messages and the operating system's list of threads. */
  readonly name: string;
  /** Passed to the thread; copied. */
  readonly data: unknown;
  /** Aborts the start. It has no effect on a thread that is ready. */
  readonly signal?: AbortSignal;
  /** Bounds on the thread's memory; beyond them it dies. Default: Node's. */
  readonly resourceLimits?: ResourceLimits;
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
 * Starts a thread on a module that calls `serveThread`, and waits until it is ready. Rejects if it cannot start; then nothing of
 * it is left. Should it ever die, every call rejects with `STORE_UNAVAILABLE`; `superviseThread` starts another one.
 */
export async function startThread<Methods extends ThreadMethods>(
  module: URL,
  { name, data, signal, resourceLimits = {} }: ThreadOptions,
): Promise<Thread<Methods>> {
  signal?.throwIfAborted();
  const worker = new Worker(module, { name, workerData: data, resourceLimits });
  const waiting = new Map<number, Waiting>();
  const ended = Promise.withResolvers<TelemetryError>();
  let lastId = readyId;
  let death: TelemetryError | undefined;
  let onIdle: (() => void) | undefined;

  worker.on("message", (reply: Reply) => {
    const call = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (reply.ok) call?.resolve(reply.value);
    else call?.reject(errorFrom(reply.error));
    if (waiting.size === 0) onIdle?.();
  });
  worker.on("error", (error) => (death = threadDied(name, error)));
  // Always the last of its events: what the thread had answered before it died was delivered, and its connections are closed.
  worker.on("exit", () => {
    death ??= threadDied(name, undefined);
    for (const { reject } of waiting.values()) reject(death);
    waiting.clear();
    onIdle?.();
    ended.resolve(death);
  });

  const call: CallMethod = (method, args) =>
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
  const abort = () => void worker.terminate();
  signal?.addEventListener("abort", abort);
  try {
    await new Promise((resolve, reject) => waiting.set(readyId, { resolve, reject }));
  } catch (error) {
    await worker.terminate();
    throw error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }

  return {
    methods: remoteMethods(call),
    call,
    ended: ended.promise,
    async close() {
      try {
        // The thread takes calls as they come: one that works on, as an append that waits for its commit, is passed by `close`.
        if (waiting.size > 0) await new Promise<void>((resolve) => (onIdle = resolve));
        if (death === undefined) await call("close", []);
      } catch (error) {
        // A thread that dies now is as closed as can be: what it had not answered was rejected.
        if (error !== death) throw error;
      } finally {
        await worker.terminate();
      }
    },
  };
}

/** Methods that pass every call on. Every name is one: a call of one that the thread does not have is answered with an error. */
export function remoteMethods<Methods extends ThreadMethods>(call: CallMethod): RemoteMethods<Methods> {
  return new Proxy({} as RemoteMethods<Methods>, {
    get:
      (_target, method) =>
      (...args: unknown[]) =>
        call(String(method), args),
  });
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

function threadDied(name: string, cause: unknown): TelemetryError {
  return new TelemetryError("STORE_UNAVAILABLE", `the ${name} thread of the database died`, { cause });
}
