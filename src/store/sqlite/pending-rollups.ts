import { everyAgentKey, type RollupStep, rollupSteps, startOfStep } from "./rollup-steps.ts";

/** What tells the rows of a table of roll-ups apart, within one step. */
export interface RollupKey {
  readonly agentKey: number;
  /** The minute in which the stretch of time begins. */
  readonly startMinute: number;
  /** Further texts of the table's key: of events name, level and channel. */
  readonly texts: readonly string[];
}

/** What a transaction changes in a table of roll-ups. Every call must run inside the transaction. */
export interface PendingRollups<Change extends RollupKey> {
  /** The change under the key of a minute, to be added to; a new one where there is none. */
  at(key: RollupKey): Change;
  /** Writes the changes of every step, of each agent and of all together. Call once, at the end of the transaction. */
  flush(): void;
  /** Forgets what was not flushed. */
  forget(): void;
}

export interface RollupChanges<Change extends RollupKey> {
  /** Makes the change that changes nothing. */
  readonly create: (key: RollupKey) => Change;
  /** Adds a change to another. */
  readonly add: (sum: Change, change: Change) => void;
  /** Writes a change. It is told of finer steps first, and of each agent before all together. */
  readonly write: (step: RollupStep, change: Change) => void;
}

/** Keeps changes by minute, and adds them up for the coarser steps when they are written. */
export function createPendingRollups<Change extends RollupKey>(options: RollupChanges<Change>): PendingRollups<Change> {
  const { create, add, write } = options;
  const minutes = new Map<string, Change>();
  const changeAt = (changes: Map<string, Change>, key: RollupKey): Change => {
    const name = textOfKey(key);
    const known = changes.get(name);
    if (known !== undefined) return known;
    const change = create(key);
    changes.set(name, change);
    return change;
  };
  /** The same by longer stretches, and, with a key, for the agent that has it. */
  const coarsen = (changes: ReadonlyMap<string, Change>, step: RollupStep, everyKey?: number): Map<string, Change> => {
    const coarse = new Map<string, Change>();
    for (const change of changes.values()) {
      const { agentKey, startMinute, texts } = change;
      const key = { agentKey: everyKey ?? agentKey, startMinute: startOfStep(startMinute, step), texts };
      add(changeAt(coarse, key), change);
    }
    return coarse;
  };
  return {
    at: (key) => changeAt(minutes, key),
    flush() {
      let changes = minutes;
      for (const step of rollupSteps) {
        if (step > 1) changes = coarsen(changes, step);
        for (const change of changes.values()) write(step, change);
        for (const change of coarsen(changes, step, everyAgentKey).values()) write(step, change);
      }
      minutes.clear();
    },
    forget: () => minutes.clear(),
  };
}

/** The key as a text: another one for every other key. Each part has its length before it, so that none is taken for another's end. */
function textOfKey({ agentKey, startMinute, texts }: RollupKey): string {
  let text = `${agentKey} ${startMinute}`;
  for (const part of texts) text += ` ${part.length} ${part}`;
  return text;
}
