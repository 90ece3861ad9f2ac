import type { Admission, Load } from "./admission.ts";
import type { StoreHealth } from "./store-health.ts";

/** What stands between an intake and the store. */
export interface GuardedAppendOptions {
  readonly admission: Admission;
  /** Told how it goes with the store. */
  readonly health?: Pick<StoreHealth, "stored" | "failed"> | undefined;
}

/** What is about to be stored. */
export interface Entry {
  readonly load: Load;
  /** Whether it waits for room; else it is refused with `OVERLOADED` where there is none. */
  readonly waits: boolean;
}

/** Appends as soon as there is room. Resolves, or rejects, as `append` does; then the room is given back. */
export type GuardedAppend = <Outcome extends { readonly status: string }>(
  entry: Entry,
  append: () => Promise<readonly Outcome[]>,
) => Promise<readonly Outcome[]>;

/** Makes the one way by which intakes reach the store. */
export function createGuardedAppend({ admission, health }: GuardedAppendOptions): GuardedAppend {
  return async ({ load, waits }, append) => {
    const leave = waits ? await admission.wait(load) : admission.enter(load);
    try {
      const outcomes = await append();
      // Duplicates prove nothing: nothing was written.
      if (outcomes.some(({ status }) => status === "stored")) health?.stored();
      return outcomes;
    } catch (error) {
      health?.failed(error);
      throw error;
    } finally {
      leave();
    }
  };
}
