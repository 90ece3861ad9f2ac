import { describe, expect, test } from "vitest";
import { TelemetryError } from "../../../src/model/error.ts";
import type { Event } from "../../../src/model/event.ts";
import { createAppendQueue } from "../../../src/store/sqlite/append-queue.ts";
import type { AppendOutcome } from "../../../src/store/store.ts";
import { buildEvent } from "../event-builder.ts";

const buildEvents = (length: number): readonly Event[] => Array.from({ length }, () => buildEvent());

/** A queue on a writer that numbers events, notes the size of each commit, and fails as it is told. */
function createNotingQueue(errorFor: (events: readonly Event[]) => Error | undefined = () => undefined) {
  const commits: number[] = [];
  let sequence = 0;
  const { append } = createAppendQueue((events: readonly Event[]): AppendOutcome[] => {
    commits.push(events.length);
    const error = errorFor(events);
    if (error !== undefined) throw error;
    return events.map(() => ({ status: "stored", sequence: ++sequence }));
  });
  return { append, commits };
}

describe("the append queue", () => {
  test("joins the calls of one turn into one commit, and gives each its own outcomes", async () => {
    const { append, commits } = createNotingQueue();
    const outcomes = await Promise.all([append(buildEvents(2)), append(buildEvents(1)), append(buildEvents(3))]);
    expect(commits).toEqual([6]);
    expect(outcomes.map((call) => call.map((outcome) => outcome.status === "stored" && outcome.sequence))).toEqual([
      [1, 2],
      [3],
      [4, 5, 6],
    ]);
  });

  test("commits at most 5,000 events at once", async () => {
    const { append, commits } = createNotingQueue();
    await Promise.all([3_000, 2_000, 1].map((length) => append(buildEvents(length))));
    expect(commits).toEqual([5_000, 1]);
  });

  test("does not split a call, however many events it has", async () => {
    const { append, commits } = createNotingQueue();
    await Promise.all([1, 6_000, 1, 2].map((length) => append(buildEvents(length))));
    expect(commits).toEqual([1, 6_000, 3]);
  });

  test("takes the calls that come while it commits", async () => {
    const { append, commits } = createNotingQueue();
    await append(buildEvents(1)).then(() => append(buildEvents(2)));
    await append(buildEvents(3));
    expect(commits).toEqual([1, 2, 3]);
  });

  test("tries the calls one by one when the joint commit fails, so that only the one at fault rejects", async () => {
    const fault = new Error("one event cannot be stored");
    const [bad] = buildEvents(1);
    const { append, commits } = createNotingQueue((events) =>
      events.includes(bad ?? buildEvent()) ? fault : undefined,
    );
    const calls = [append(buildEvents(2)), append(bad === undefined ? [] : [bad]), append(buildEvents(1))];
    const results = await Promise.allSettled(calls);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(results[1]).toMatchObject({ reason: fault });
    expect(commits).toEqual([4, 2, 1, 1]);
  });

  test("does not try again one by one where the database cannot be used, because each would wait in vain", async () => {
    const busy = new TelemetryError("STORE_UNAVAILABLE", "busy");
    const { append, commits } = createNotingQueue(() => busy);
    const results = await Promise.allSettled([append(buildEvents(1)), append(buildEvents(1))]);
    expect(results).toMatchObject([{ reason: busy }, { reason: busy }]);
    expect(commits).toEqual([2]);
  });
});
