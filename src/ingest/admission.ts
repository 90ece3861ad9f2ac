import { TelemetryError } from "../model/error.ts";

/** How much a request asks the server to hold until it is stored. */
export interface Load {
  readonly events: number;
  readonly bytes: number;
}

/** Bounds what the server holds of events that are on their way to the disk. */
export interface Admission {
  /** Takes room at once, or throws `OVERLOADED`. The result gives the room back. */
  enter(load: Load): () => void;
  /** Takes room as soon as there is some, in the order of the calls. The result gives the room back. */
  wait(load: Load): Promise<() => void>;
}

/** A load beyond the bounds is admitted when nothing else is held: its size has its own limits. */
export function createAdmission(max: Load): Admission {
  let held: Load = { events: 0, bytes: 0 };
  const waiting: { readonly load: Load; readonly admit: (leave: () => void) => void }[] = [];

  const fits = ({ events, bytes }: Load): boolean =>
    held.events === 0 || (held.events + events <= max.events && held.bytes + bytes <= max.bytes);
  const admit = (load: Load): (() => void) => {
    held = { events: held.events + load.events, bytes: held.bytes + load.bytes };
    let left = false;
    return () => {
      if (left) return;
      left = true;
      held = { events: held.events - load.events, bytes: held.bytes - load.bytes };
      admitWaiting();
    };
  };
  const admitWaiting = (): void => {
    for (let next = waiting[0]; next !== undefined && fits(next.load); next = waiting[0]) {
      waiting.shift();
      next.admit(admit(next.load));
    }
  };

  return {
    enter(load) {
      if (waiting.length === 0 && fits(load)) return admit(load);
      throw new TelemetryError(
        "OVERLOADED",
        "more events are on their way to the disk than the server may hold; try again",
      );
    },
    wait: (load) =>
      new Promise((resolve) => {
        waiting.push({ load, admit: resolve });
        admitWaiting();
      }),
  };
}
