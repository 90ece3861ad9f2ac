import { everyAgentKey, type RollupStep, recentStep, rollupSteps, startOfStep } from "./rollup-steps.ts";

/** What tells the rows of a table of roll-ups apart, within one step. */
export interface RollupKey {
  readonly agentKey: number;
  /** The minute in which the stretch of time begins. */
  readonly startMinute: number;
  /** Further texts of the table's key: of events name, level and channel. */
  readonly texts: readonly string[];
}

/** What transactions change in a table of roll-ups. Every call must run inside a transaction. */
export interface PendingRollups<Change extends RollupKey> {
  /** The change under the key of a minute, to be added to; a new one where there is none. */
  at(key: RollupKey): Change;
  /** Writes the changes, of each agent and of all together. Call once, at the end of the transaction. */
  flush(): void;
  /** Adds the rows of the recent step to those of every other step. */
  spread(): void;
  /** Forgets what was not flushed. */
  forget(): void;
}

export interface RollupTable<Change extends RollupKey> {
  /** Makes the change that changes nothing. */
  readonly create: (key: RollupKey) => Change;
  /** Adds a change to another. */
  readonly add: (sum: Change, change: Change) => void;
  /** Writes a change. It is told of finer steps first, and of each agent before all together. */
  readonly write: (step: RollupStep | typeof recentStep, change: Change) => void;
  /** Whether rows of the recent step cannot hold the change. */
  readonly isForSteps?: (change: Change) => boolean;
  /** Reads the rows of the recent step, but for those of all agents together. */
  readonly readRecent: () => readonly Change[];
  /** Removes the rows of the recent step. */
  readonly removeRecent: () => void;
}

/**
 * Rows of the recent step after which they are added to the others: every answer reads those of its time, and every change of a row
 * in the meantime is one that no other step needs.
 */
const recentRowsMax = 4_000;

/** Keeps changes by minute until the transaction ends, and rows of the recent step until there are many. */
export function createPendingRollups<Change extends RollupKey>(table: RollupTable<Change>): PendingRollups<Change> {
  const { create, add, write } = table;
  const minutes = new Map<string, Change>();
  // What is there from before is not known.
  let recentRows = recentRowsMax;
  const changeAt = (changes: Map<string, Change>, key: RollupKey): Change => {
    const name = textOfKey(key);
    const known = changes.get(name);
    if (known !== undefined) return known;
    const change = create(key);
    changes.set(name, change);
    return change;
  };
  /** The same by longer stretches, and, with a key, for the agent that has it. */
  const coarsen = (changes: Iterable<Change>, step: RollupStep, everyKey?: number): readonly Change[] => {
    const coarse = new Map<string, Change>();
    for (const change of changes) {
      const { agentKey, startMinute, texts } = change;
      const key = { agentKey: everyKey ?? agentKey, startMinute: startOfStep(startMinute, step), texts };
      add(changeAt(coarse, key), change);
    }
    return [...coarse.values()];
  };
  const writeSteps = (changesOfMinutes: readonly Change[]): void => {
    let changes = changesOfMinutes;
    for (const step of rollupSteps) {
      if (step > 1) changes = coarsen(changes, step);
      for (const change of changes) write(step, change);
      for (const change of coarsen(changes, step, everyAgentKey)) write(step, change);
    }
  };
  const spread = (): void => {
    writeSteps(table.readRecent());
    table.removeRecent();
    recentRows = 0;
  };
  return {
    at: (key) => changeAt(minutes, key),
    flush() {
      const changes = [...minutes.values()];
      minutes.clear();
      if (table.isForSteps !== undefined && changes.some(table.isForSteps)) {
        spread();
        writeSteps(changes);
        return;
      }
      const ofEvery = coarsen(changes, 1, everyAgentKey);
      for (const change of [...changes, ...ofEvery]) write(recentStep, change);
      recentRows += changes.length + ofEvery.length;
      if (recentRows >= recentRowsMax) spread();
    },
    spread,
    forget() {
      minutes.clear();
      recentRows = recentRowsMax;
    },
  };
}

/** The key as a text: another one for every other key. Each part has its length before it, so that none is taken for another's end. */
function textOfKey({ agentKey, startMinute, texts }: RollupKey): string {
  let text = `${agentKey} ${startMinute}`;
  for (const part of texts) text += ` ${part.length} ${part}`;
  return text;
}
