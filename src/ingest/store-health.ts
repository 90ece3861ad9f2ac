import { TelemetryError } from "../model/error.ts";

/** Whether events can be stored. */
export interface StoreHealth {
  /** Why events cannot be stored at present, as the last attempt told; null if they can, as far as is known. */
  problem(): string | null;
  /** Something was stored. */
  stored(): void;
  /** The store failed. Only `STORE_UNAVAILABLE` is a problem of the database; anything else changes nothing. */
  failed(error: unknown): void;
}

export interface StoreHealthOptions {
  /** `TelemetryStore.probe`. */
  readonly probe: () => Promise<void>;
  /** Told whenever `problem` changes. */
  readonly onProblem?: (problem: string | null) => void;
  /** Pause before each probe while there is a problem, in milliseconds. */
  readonly probePauseMs?: number;
}

/** A client that was refused is told to come back after so long too. */
const probePauseMsDefault = 1_000;

/** Healthy until told otherwise. While there is a problem, it asks the store from time to time, so that its end needs no traffic to be seen. */
export function createStoreHealth({
  probe,
  onProblem,
  probePauseMs = probePauseMsDefault,
}: StoreHealthOptions): StoreHealth {
  let problem: string | null = null;
  let isProbing = false;

  const setProblem = (now: string | null): void => {
    if (now === problem) return;
    problem = now;
    onProblem?.(now);
    if (problem !== null && !isProbing) probeLater();
  };
  const failed = (error: unknown): void => {
    if (error instanceof TelemetryError && error.reason === "STORE_UNAVAILABLE") setProblem(error.message);
  };
  const probeLater = (): void => {
    isProbing = true;
    // Nobody waits for the result, so it keeps no process from ending.
    setTimeout(() => void probeNow(), probePauseMs).unref();
  };
  const probeNow = async (): Promise<void> => {
    try {
      if (problem !== null) await probe();
      setProblem(null);
    } catch (error) {
      // After the end of the store there is nothing more to find out.
      if (error instanceof TelemetryError && error.reason === "SHUTTING_DOWN") return;
      // An append may have succeeded meanwhile: it waits for locks, and a probe does not.
      if (problem !== null) failed(error);
    }
    isProbing = false;
    if (problem !== null) probeLater();
  };

  return {
    problem: () => problem,
    stored: () => setProblem(null),
    failed,
  };
}
