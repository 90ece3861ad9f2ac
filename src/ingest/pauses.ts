/** Pauses of work that goes on by itself, one at a time. Nobody waits for them, so they keep no process from ending. */
export interface Pauses {
  /** Resolves after the time. */
  rest(ms: number): Promise<void>;
  /** The same, or earlier when there is something to do. */
  wait(ms: number): Promise<void>;
  /** There is something to do. */
  wake(): void;
}

/** Once the signal is aborted, the pause under way ends, and every later one at once. */
export function createPauses(signal: AbortSignal): Pauses {
  let isWaiting = false;
  let finish: (() => void) | undefined;
  signal.addEventListener("abort", () => finish?.());

  const rest = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms).unref();
      finish = () => {
        clearTimeout(timer);
        resolve();
      };
      if (signal.aborted) finish();
    });
  return {
    rest,
    async wait(ms) {
      isWaiting = true;
      await rest(ms);
      isWaiting = false;
    },
    wake() {
      if (isWaiting) finish?.();
    },
  };
}
