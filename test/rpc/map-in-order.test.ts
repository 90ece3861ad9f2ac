import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { mapInOrder } from "../../src/rpc/map-in-order.ts";

const reason = new Error("the server is shutting down");

/** Lets everything run that can run. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A source that is fed by hand, and counts what is read of it. */
function createSource<Item>() {
  const items: Item[] = [];
  let wake: (() => void) | undefined;
  let end: "end" | Error | undefined;
  const source = {
    read: 0,
    push(...more: readonly Item[]) {
      items.push(...more);
      wake?.();
    },
    finish(how: "end" | Error = "end") {
      end = how;
      wake?.();
    },
    async *[Symbol.asyncIterator](): AsyncGenerator<Item> {
      for (;;) {
        const item = items.shift();
        if (item !== undefined) {
          source.read += 1;
          yield item;
        } else if (end instanceof Error) throw end;
        else if (end === "end") return;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
  return source;
}

/** Work that is finished by hand, and under way at once unless that is said by hand too. */
function createWork({ isUnderWayAtOnce = true } = {}) {
  const under = new Map<number, PromiseWithResolvers<string>>();
  const tellUnderWay = new Map<number, () => void>();
  const work = {
    started: [] as number[],
    most: 0,
    map: (item: number, onUnderWay: () => void): Promise<string> => {
      if (isUnderWayAtOnce) onUnderWay();
      tellUnderWay.set(item, onUnderWay);
      const done = Promise.withResolvers<string>();
      under.set(item, done);
      work.started.push(item);
      work.most = Math.max(work.most, under.size);
      return done.promise;
    },
    start: (item: number) => tellUnderWay.get(item)?.(),
    finish(item: number) {
      under.get(item)?.resolve(`result ${item}`);
      under.delete(item);
    },
    fail(item: number, error: Error) {
      under.get(item)?.reject(error);
      under.delete(item);
    },
  };
  return work;
}

/** Takes every result as soon as it is there. */
function collect<Result>(results: AsyncIterable<Result>) {
  const collected = { results: [] as Result[], ended: undefined as unknown };
  void (async () => {
    try {
      for await (const result of results) collected.results.push(result);
      collected.ended = "end";
    } catch (error) {
      collected.ended = error;
    }
  })();
  return collected;
}

function open(window: number, stopping = new AbortController(), work = createWork()) {
  const source = createSource<number>();
  const results = mapInOrder(source, { map: work.map, window, stopping: stopping.signal });
  return { source, work, results, stopping };
}

describe("results", () => {
  test("come in the order of the items, whatever is finished first", async () => {
    const { source, work, results } = open(3);
    const collected = collect(results);
    source.push(1, 2, 3);
    source.finish();
    await settle();
    work.finish(3);
    work.finish(2);
    await settle();
    expect(collected).toEqual({ results: [], ended: undefined });
    work.finish(1);
    await settle();
    expect(collected).toEqual({ results: ["result 1", "result 2", "result 3"], ended: "end" });
  });

  test("come as soon as they are there, while the source has nothing to give", async () => {
    const { source, work, results } = open(3);
    const collected = collect(results);
    source.push(1, 2);
    await settle();
    work.finish(1);
    await settle();
    expect(collected.results).toEqual(["result 1"]);
    work.finish(2);
    await settle();
    expect(collected).toEqual({ results: ["result 1", "result 2"], ended: undefined });
  });

  test("of no items are none", async () => {
    const { source, results, stopping } = open(2);
    const collected = collect(results);
    source.finish();
    await settle();
    expect(collected).toEqual({ results: [], ended: "end" });
    expect(getEventListeners(stopping.signal, "abort")).toEqual([]);
  });
});

describe("the window", () => {
  test.for([1, 2, 5])("of %s items is filled, and never exceeded", async (window) => {
    const { source, work, results } = open(window);
    const collected = collect(results);
    const count = 20;
    source.push(...Array.from({ length: count }, (_, index) => index));
    source.finish();
    await settle();
    for (let item = 0; item < count; item += 1) {
      expect(work.started).toHaveLength(Math.min(count, item + window));
      work.finish(item);
      await settle();
    }
    expect(work.most).toBe(window);
    expect(collected.results).toHaveLength(count);
    expect(collected.ended).toBe("end");
  });

  test.for([1, 3])("of %s items is all that is read while the consumer takes nothing", async (window) => {
    const { source, work, results } = open(window);
    source.push(...Array.from({ length: 20 }, (_, index) => index));
    const first = results.next();
    await settle();
    for (let item = 0; item < 20; item += 1) work.finish(item);
    await settle();
    expect(await first).toEqual({ done: false, value: "result 0" });
    await settle();
    // Item 0 is with the consumer.
    expect(source.read).toBe(window);
    expect(work.started).toHaveLength(window);
  });
});

const openSlow = () => open(3, new AbortController(), createWork({ isUnderWayAtOnce: false }));

describe("an item that is not under way", () => {
  test("keeps the next one from being read, whatever the window, until it is", async () => {
    const { source, work, results } = openSlow();
    const collected = collect(results);
    source.push(1, 2, 3);
    await settle();
    expect(source.read).toBe(1);
    work.start(1);
    await settle();
    expect([source.read, work.started]).toEqual([2, [1, 2]]);
    work.finish(1);
    await settle();
    expect(collected.results).toEqual(["result 1"]);
    expect(source.read).toBe(2);
    work.finish(2);
    await settle();
    expect([collected.results, source.read]).toEqual([["result 1", "result 2"], 3]);
  });

  test("is finished when it is to stop, and nothing after it is begun", async () => {
    const { source, work, results, stopping } = openSlow();
    const collected = collect(results);
    source.push(1, 2);
    await settle();
    stopping.abort(reason);
    work.start(1);
    work.finish(1);
    await settle();
    expect([collected, work.started]).toEqual([{ results: ["result 1"], ended: reason }, [1]]);
  });
});

describe("an error", () => {
  test("of one item comes after the earlier results, and nothing comes after it", async () => {
    const { source, work, results, stopping } = open(3);
    const collected = collect(results);
    source.push(1, 2, 3, 4);
    await settle();
    const error = new Error("disk full");
    work.fail(2, error);
    work.finish(3);
    await settle();
    expect(collected).toEqual({ results: [], ended: undefined });
    work.finish(1);
    await settle();
    expect(collected).toEqual({ results: ["result 1"], ended: error });
    expect(getEventListeners(stopping.signal, "abort")).toEqual([]);
  });

  test("of the source comes after the results of what was taken before", async () => {
    const { source, work, results, stopping } = open(3);
    const collected = collect(results);
    source.push(1, 2);
    const error = new Error("connection lost");
    source.finish(error);
    await settle();
    expect(collected).toEqual({ results: [], ended: undefined });
    work.finish(2);
    work.finish(1);
    await settle();
    expect(collected).toEqual({ results: ["result 1", "result 2"], ended: error });
    expect(getEventListeners(stopping.signal, "abort")).toEqual([]);
  });
});

describe("when it is to stop", () => {
  test("while it waits for an item, it throws the reason", async () => {
    const { source, work, results, stopping } = open(3);
    const collected = collect(results);
    await settle();
    stopping.abort(reason);
    await settle();
    expect(collected).toEqual({ results: [], ended: reason });
    source.push(1);
    await settle();
    expect(work.started).toEqual([]);
    expect(getEventListeners(stopping.signal, "abort")).toEqual([]);
  });

  test.for([2, 3])(
    "while it works on 2 items with a window of %s, it finishes them and gives their results first",
    async (window) => {
      const { source, work, results, stopping } = open(window);
      const collected = collect(results);
      source.push(1, 2);
      await settle();
      stopping.abort(reason);
      source.push(3, 4, 5);
      await settle();
      expect(collected.ended).toBe(undefined);
      work.finish(2);
      work.finish(1);
      await settle();
      expect(collected).toEqual({ results: ["result 1", "result 2"], ended: reason });
      expect(work.started).toEqual([1, 2]);
      expect(getEventListeners(stopping.signal, "abort")).toEqual([]);
    },
  );

  test("before it began, it takes no item and throws the reason", async () => {
    const stopping = new AbortController();
    stopping.abort(reason);
    const { source, work, results } = open(2, stopping);
    source.push(1, 2);
    const collected = collect(results);
    await settle();
    expect(collected).toEqual({ results: [], ended: reason });
    expect(work.started).toEqual([]);
  });

  test("while the consumer stalls, it takes no further item", async () => {
    const { source, work, results, stopping } = open(2);
    source.push(1, 2, 3, 4, 5);
    const first = results.next();
    await settle();
    work.finish(1);
    expect(await first).toEqual({ done: false, value: "result 1" });
    stopping.abort(reason);
    work.finish(2);
    expect(await results.next()).toEqual({ done: false, value: "result 2" });
    await expect(results.next()).rejects.toBe(reason);
    expect(work.started).toEqual([1, 2]);
  });

  test("after the last item was taken, all results come and the end is an end", async () => {
    const { source, work, results, stopping } = open(2);
    const collected = collect(results);
    source.push(1);
    source.finish();
    await settle();
    stopping.abort(reason);
    work.finish(1);
    await settle();
    expect(collected).toEqual({ results: ["result 1"], ended: "end" });
  });
});

test("a consumer that goes away leaves no listener, and no error of what is still under way goes unhandled", async () => {
  const { source, work, results, stopping } = open(3);
  source.push(1, 2);
  const first = results.next();
  await settle();
  work.finish(1);
  await first;
  await results.return(undefined);
  work.fail(2, new Error("nobody asks for this"));
  await settle();
  expect(getEventListeners(stopping.signal, "abort")).toEqual([]);
  expect(await results.next()).toEqual({ done: true, value: undefined });
});
