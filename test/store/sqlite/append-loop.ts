import process from "node:process";
import { createSqliteStore } from "../../../src/store/sqlite/sqlite-store.ts";
import { buildEvent, buildPart } from "../event-builder.ts";

/*
 * A process of its own for `crash.test.ts`: appends to the database that its first argument names, until it is killed, and prints the
 * id of every event as soon as the store has acknowledged it. The second argument tells
 * the events of the rounds apart.
 */
const [, , databasePath = "", round = ""] = process.argv;
const store = await createSqliteStore({ databasePath, durability: "full" });

async function appendForEver(worker: number): Promise<never> {
  for (let call = 0; ; call += 1) {
    const events = [null, "ok" as const, null].map((outcome) =>
      buildEvent({
        clientEventId: `${round} ${worker} ${call} ${outcome}`,
        sessionId: `${round} ${worker} ${call}`,
        operation: buildPart({ outcome }),
      }),
    );
    await store.append(events);
    // Synchronous, because the output is a pipe: what is acknowledged is printed, also if the process dies in the next moment.
    process.stdout.write(events.map(({ id }) => `${id}\n`).join(""));
  }
}

await Promise.all([1, 2, 3].map(appendForEver));
