import { TelemetryError } from "../../model/error.ts";

/** Joins the appends of many requests into few commits. What is appended are events, or data points. */
export interface AppendQueue<Item, Outcome> {
  /** Resolves when the commit that holds the items is on disk, to an outcome for each. */
  append(items: readonly Item[]): Promise<readonly Outcome[]>;
}

/** Items in one commit at most; one request is never split. */
const commitMaxItems = 5_000;

/** Stores items in one transaction, or throws. */
type Write<Item, Outcome> = (items: readonly Item[]) => readonly Outcome[];

interface Waiting<Item, Outcome> {
  readonly items: readonly Item[];
  readonly resolve: (outcomes: readonly Outcome[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * `write` stores items in one transaction and throws if it cannot: a `TelemetryError` where the database is to blame.
 * It is called at most once per turn of the event loop.
 */
export function createAppendQueue<Item, Outcome>(write: Write<Item, Outcome>): AppendQueue<Item, Outcome> {
  let waiting: Waiting<Item, Outcome>[] = [];

  const flush = (): void => {
    const group = takeGroup(waiting);
    waiting = waiting.slice(group.length);
    commit(write, group);
    if (waiting.length > 0) setImmediate(flush);
  };

  return {
    append: (items) =>
      new Promise((resolve, reject) => {
        if (waiting.length === 0) setImmediate(flush);
        waiting.push({ items, resolve, reject });
      }),
  };
}

function takeGroup<Item, Outcome>(waiting: readonly Waiting<Item, Outcome>[]): readonly Waiting<Item, Outcome>[] {
  let count = 0;
  const end = waiting.findIndex(({ items }, index) => {
    count += items.length;
    return index > 0 && count > commitMaxItems;
  });
  return end === -1 ? waiting : waiting.slice(0, end);
}

function commit<Item, Outcome>(write: Write<Item, Outcome>, group: readonly Waiting<Item, Outcome>[]): void {
  let outcomes: readonly Outcome[];
  try {
    outcomes = write(group.flatMap(({ items }) => items));
  } catch (error) {
    // Alone, each request gets its own answer: what is wrong with one must not sink the others. Where the database cannot be
    // used, that would only make everybody wait longer for the same answer.
    if (group.length > 1 && !(error instanceof TelemetryError)) for (const request of group) commit(write, [request]);
    else for (const { reject } of group) reject(error);
    return;
  }
  let from = 0;
  for (const { items, resolve } of group) {
    resolve(outcomes.slice(from, from + items.length));
    from += items.length;
  }
}
