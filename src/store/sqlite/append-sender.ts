import type { TelemetryStore } from "../store.ts";
import { type EventTuple, eventToTuple } from "./event-tuple.ts";
import { errorFrom } from "./thread.ts";
import type { WriterMethods } from "./writer-thread.ts";

/** Events that are sent without waiting for more: so many are worth a message of their own. */
const messageMinEvents = 100;

interface Waiting {
  readonly tuples: readonly EventTuple[];
  readonly resolve: (outcomes: Awaited<ReturnType<TelemetryStore["append"]>>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Makes the function that has events stored by the writer's thread. Appends of one turn of the event loop go in one message, and
 * are answered in one: a message wakes the other thread, which costs more than what a small append has to say.
 */
export function createAppendSender(writer: Pick<WriterMethods, "append">): TelemetryStore["append"] {
  let waiting: Waiting[] = [];
  let eventCount = 0;

  const send = async (): Promise<void> => {
    const sent = waiting;
    waiting = [];
    eventCount = 0;
    if (sent.length === 0) return;
    try {
      const results = await writer.append(sent.map(({ tuples }) => tuples));
      for (const [index, { resolve, reject }] of sent.entries()) {
        const result = results[index];
        if (result === undefined) reject(new Error("the writer said nothing about an append"));
        else if ("message" in result) reject(errorFrom(result));
        else resolve(result);
      }
    } catch (error) {
      for (const { reject } of sent) reject(error);
    }
  };

  return (events) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(() => void send());
      waiting.push({ tuples: events.map(eventToTuple), resolve, reject });
      eventCount += events.length;
      if (eventCount >= messageMinEvents) void send();
    });
}
