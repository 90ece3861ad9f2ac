import { describe, expect, test } from "vitest";
import { TelemetryError } from "../../../src/model/error.ts";
import type { Event } from "../../../src/model/event.ts";
import { createAppendSender } from "../../../src/store/sqlite/append-sender.ts";
import type { EventTuple } from "../../../src/store/sqlite/event-tuple.ts";
import { type ErrorFacts, factsOf } from "../../../src/store/sqlite/thread.ts";
import type { AppendOutcome } from "../../../src/store/store.ts";
import { buildEvent } from "../event-builder.ts";

type Result = readonly AppendOutcome[] | ErrorFacts;

const buildEvents = (length: number): readonly Event[] => Array.from({ length }, () => buildEvent());

/** A sender to a writer that numbers events, notes how many each append of a message has, and answers as it is told. */
function createNotingSender(resultFor: (append: readonly EventTuple[]) => Result | undefined = () => undefined) {
  const messages: number[][] = [];
  let sequence = 0;
  const append = createAppendSender({
    append: async (appends) => {
      messages.push(appends.map(({ length }) => length));
      return appends.map(
        (events) => resultFor(events) ?? events.map(() => ({ status: "stored", sequence: ++sequence })),
      );
    },
  });
  return { append, messages };
}

describe("the append sender", () => {
  test("sends the appends of one turn in one message, and gives each its own outcomes", async () => {
    const { append, messages } = createNotingSender();
    const outcomes = await Promise.all([append(buildEvents(2)), append(buildEvents(1)), append(buildEvents(3))]);
    expect(messages).toEqual([[2, 1, 3]]);
    expect(outcomes.map((call) => call.map((outcome) => outcome.status === "stored" && outcome.sequence))).toEqual([
      [1, 2],
      [3],
      [4, 5, 6],
    ]);
  });

  test("sends at once when there are 100 events, and then begins anew", async () => {
    const { append, messages } = createNotingSender();
    const first = [append(buildEvents(99))];
    expect(messages).toEqual([]);
    first.push(append(buildEvents(1)));
    expect(messages).toEqual([[99, 1]]);
    first.push(append(buildEvents(500)));
    expect(messages).toEqual([[99, 1], [500]]);
    const last = append(buildEvents(7));
    expect(messages).toHaveLength(2);
    await Promise.all([...first, last]);
    expect(messages).toEqual([[99, 1], [500], [7]]);
  });

  test("rejects the one append that could not be stored, with the writer's reason", async () => {
    const { append } = createNotingSender((events) =>
      events.length === 2 ? factsOf(new TelemetryError("STORE_UNAVAILABLE", "the disk is full")) : undefined,
    );
    const results = await Promise.allSettled([1, 2, 3].map((length) => append(buildEvents(length))));
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    const error = results[1]?.status === "rejected" ? results[1].reason : undefined;
    expect(error).toBeInstanceOf(TelemetryError);
    expect(error).toMatchObject({ reason: "STORE_UNAVAILABLE", message: "the disk is full" });
  });

  test("rejects every append of a message that was not answered, and goes on", async () => {
    const died = new TelemetryError("STORE_UNAVAILABLE", "a thread of the database died");
    let isDead = true;
    const append = createAppendSender({
      append: async (appends) => {
        if (isDead) throw died;
        return appends.map(() => []);
      },
    });
    const results = await Promise.allSettled([append(buildEvents(1)), append(buildEvents(2))]);
    expect(results).toEqual([
      { status: "rejected", reason: died },
      { status: "rejected", reason: died },
    ]);
    isDead = false;
    expect(await append(buildEvents(1))).toEqual([]);
  });

  test("rejects an append that the writer says nothing about", async () => {
    const append = createAppendSender({ append: async () => [] });
    await expect(append(buildEvents(1))).rejects.toThrow("the writer said nothing about an append");
  });
});
