import { expect, test } from "vitest";
import { createTurns } from "../../src/ingest/turns.ts";

const turnOfTheLoop = () => new Promise<void>((resolve) => setImmediate(resolve));

test("callers get their turn one by one, in their order, with a turn of the event loop in between", async () => {
  const turns = createTurns();
  const log: string[] = [];
  const work = async (name: string, steps: number): Promise<void> => {
    for (let step = 1; step <= steps; step += 1) {
      await turns.next();
      log.push(`${name}${step}`);
    }
  };
  const done = Promise.all([work("a", 3), work("b", 1), work("c", 2)]);
  const seen: number[] = [];
  while (log.length < 6) {
    await turnOfTheLoop();
    seen.push(log.length);
  }
  await done;
  expect(log).toEqual(["a1", "b1", "c1", "a2", "c2", "a3"]);
  for (const [index, count] of seen.entries()) expect(count - (seen[index - 1] ?? 0)).toBeLessThanOrEqual(1);
});

test("whoever comes after a pause gets a turn again", async () => {
  const turns = createTurns();
  let rounds = 0;
  for (; rounds < 3; rounds += 1) {
    await turns.next();
    await turnOfTheLoop();
  }
  expect(rounds).toBe(3);
});
