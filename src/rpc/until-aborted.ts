import { TelemetryError } from "../model/error.ts";

/**
 * The items of `source` until it ends or the signal is aborted, also while it waits for the next item; then it throws
 * what `errorOf` makes, by default `SHUTTING_DOWN`. The item that the consumer is working on is never interrupted.
 */
export async function* untilAborted<Item>(
  source: AsyncIterable<Item>,
  signal: AbortSignal,
  errorOf: (signal: AbortSignal) => unknown = shuttingDown,
): AsyncGenerator<Item> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(errorOf(signal));
  // Nobody may be waiting when the signal comes.
  aborted.promise.catch(() => undefined);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort);
  const items = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await Promise.race([items.next(), aborted.promise]);
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function shuttingDown(): TelemetryError {
  return new TelemetryError("SHUTTING_DOWN", "the server is shutting down");
}
