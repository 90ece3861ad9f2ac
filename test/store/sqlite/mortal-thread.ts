import { existsSync } from "node:fs";
import process from "node:process";
import { openWriterConnection } from "../../../src/store/sqlite/database-file.ts";
import { serveThread } from "../../../src/store/sqlite/thread.ts";

/*
 * A thread for `supervised-thread.test.ts`, which writes to a database and dies when it is told to, as a writer may die.
 */

export interface MortalData {
  readonly databasePath: string;
  /** While there is a file at this path, the thread cannot start. */
  readonly obstaclePath: string;
  /** While there is a file at this path, the thread does not come to an end of starting. */
  readonly hangPath: string;
}

/** An error that nobody catches, the end of the thread, or more memory than it may have. */
export type Death = "throw" | "exit" | "memory";

export type MortalMethods = {
  readonly insert: (number: number) => Promise<void>;
  /** Dies with the number in a transaction that is open. */
  readonly insertAndDie: (number: number, how: Death) => Promise<never>;
  readonly numbers: () => Promise<readonly number[]>;
  readonly never: () => Promise<never>;
  readonly close: () => Promise<void>;
};

await serveThread(async ({ databasePath, obstaclePath, hangPath }: MortalData): Promise<MortalMethods> => {
  if (existsSync(obstaclePath)) throw new Error("there is an obstacle");
  if (existsSync(hangPath)) {
    const alive = setInterval(() => undefined, 1000);
    await new Promise(() => alive);
  }
  const connection = openWriterConnection(databasePath, "normal");
  // What a connection that was left open would hold must not be waited for.
  connection.pragma("busy_timeout = 0");
  connection.exec("create table if not exists numbers (number integer)");
  const insert = connection.prepare("insert into numbers values (?)");
  return {
    async insert(number) {
      insert.run(number);
    },
    insertAndDie(number, how) {
      connection.exec("begin immediate");
      insert.run(number);
      die(how);
      return new Promise(() => undefined);
    },
    numbers: async () => connection.prepare<[], number>("select number from numbers order by number").pluck().all(),
    never: () => new Promise(() => undefined),
    async close() {
      connection.close();
    },
  };
});

function die(how: Death): void {
  if (how === "exit") process.exit(7);
  setImmediate(() => {
    if (how === "throw") throw new Error("nobody catches this");
    const hoard: unknown[] = [];
    for (;;) hoard.push(Array.from({ length: 1000 }, (_, index) => ({ index })));
  });
}
