/** Shares the thread that serves the network between long pieces of work and everybody else. */
export interface Turns {
  /** Resolves when it is the caller's turn to work on: one caller in each turn of the event loop, in the order of the calls. */
  next(): Promise<void>;
}

/** Between two callers the event loop looks at every socket once. */
export function createTurns(): Turns {
  const waiting: (() => void)[] = [];
  const give = (): void => {
    waiting.shift()?.();
    if (waiting.length > 0) setImmediate(give);
  };
  return {
    next: () =>
      new Promise((resolve) => {
        if (waiting.length === 0) setImmediate(give);
        waiting.push(resolve);
      }),
  };
}
