export interface MapInOrderOptions<Item, Result> {
  /** Calls `onUnderWay` when the next item may be read meanwhile; an item that is finished counts as under way. */
  readonly map: (item: Item, onUnderWay: () => void) => Promise<Result>;
  /** Items that are worked on at a time; the next one is read only when there is room. */
  readonly window: number;
  /** Aborted when no more items are to be taken; its reason is the error that the consumer gets. */
  readonly stopping: AbortSignal;
}

/**
 * Works on the items of `source`, several at a time, and gives the results in the order of the items.
 *
 * When `stopping` is aborted, the items that were taken are finished and their results given; then it throws the signal's
 * reason. An error of the source or of one item comes after the results of the items before it. It reads and works no faster than
 * its consumer takes results.
 */
export async function* mapInOrder<Item, Result>(
  source: AsyncIterable<Item>,
  { map, window, stopping }: MapInOrderOptions<Item, Result>,
): AsyncGenerator<Result> {
  const stop = createStop(stopping);
  const items = source[Symbol.asyncIterator]();
  const results: Promise<Result>[] = [];
  let reading: Promise<Read<Item>> | undefined;
  let underWay: Promise<unknown> = Promise.resolve();
  let ended = false;
  try {
    while (!ended || results.length > 0) {
      if (!ended && results.length < window) {
        reading ??= underWay.then(() => read(items));
        // Whatever comes first: the next item, the oldest result, or the end of the server's patience.
        const next = await Promise.race([reading, stop.next(), ...results.slice(0, 1).map(settled)]);
        if (next === "stopped") break;
        if (next !== "settled") {
          reading = undefined;
          ended = next.kind !== "item";
          if (next.kind === "item") {
            const started = Promise.withResolvers<void>();
            const result = map(next.item, started.resolve);
            results.push(result);
            underWay = Promise.race([started.promise, settled(result)]);
          }
          if (next.kind === "error") results.push(quiet(Promise.reject(next.error)));
          continue;
        }
      }
      const oldest = results.shift();
      if (oldest !== undefined) yield await oldest;
    }
    for (const result of results) yield await result;
  } finally {
    stop.forget();
  }
  if (!ended) throw stopping.reason;
}

/** What one look at the source gave. */
type Read<Item> =
  | { readonly kind: "item"; readonly item: Item }
  | { readonly kind: "error"; readonly error: unknown }
  | { readonly kind: "end" };

async function read<Item>(items: AsyncIterator<Item>): Promise<Read<Item>> {
  try {
    const next = await items.next();
    return next.done === true ? { kind: "end" } : { kind: "item", item: next.value };
  } catch (error) {
    // Thrown when its turn comes: what was taken before may be stored already, and its sender should know.
    return { kind: "error", error };
  }
}

async function settled(result: Promise<unknown>): Promise<"settled"> {
  try {
    await result;
  } catch {
    // Whoever awaits the result itself gets its error.
  }
  return "settled";
}

/** A promise whose rejection may go unseen: when the stream ends early, nobody asks for what was still under way. */
function quiet<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => undefined);
  return promise;
}

/** A promise of its own for each wait: one for the whole stream would remember every race that it ever ran in. */
function createStop(signal: AbortSignal): { readonly next: () => Promise<"stopped">; readonly forget: () => void } {
  let wake: (() => void) | undefined;
  const listener = (): void => wake?.();
  signal.addEventListener("abort", listener);
  return {
    next: () =>
      new Promise((resolve) => {
        wake = () => resolve("stopped");
        if (signal.aborted) wake();
      }),
    forget: () => signal.removeEventListener("abort", listener),
  };
}
